"""Repositories: what GitHub shows to this person, filtered, and a sync that tells how far it is."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import bridge, given, orders, people, routes, theme
from asynccoder_ui import repositories_view as view
from asynccoder_ui.branches import Branches, branch_list
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.lists import Listing, Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from backend.errors import AsyncCoderError, SignedOut
from backend.models import User
from backend.services import progress
from backend.services import repositories as service
from backend.services import repository_pages as pages
from backend.services.paging import Key, Page
from backend.services.progress import Progress
from backend.services.repository_pages import Access, Archive, Listed, Privacy, Wanted

_ACCESS = [
    (Access.ALL.value, "Any access"),
    (Access.READ.value, "Can read"),
    (Access.WRITE.value, "Can push"),
    (Access.ADMIN.value, "Admin"),
]
_PRIVACY = [
    (Privacy.ALL.value, "Public and private"),
    (Privacy.PUBLIC.value, "Public"),
    (Privacy.PRIVATE.value, "Private"),
]
_ARCHIVE = [
    (Archive.ACTIVE.value, "Not archived"),
    (Archive.ARCHIVED.value, "Archived"),
    (Archive.ALL.value, "All"),
]


@dataclass(frozen=True)
class _Answer(Page[Listed]):
    work: Progress | None = None
    is_connected: bool = True


class Repositories(Listing, Session):
    """The list, filtered and paged in SQL, and the sync that goes on for this person."""

    items: list[view.RepositoryItem] = []
    access: str = Access.ALL
    privacy: str = Privacy.ALL
    archive: str = Archive.ACTIVE
    query: str = ""
    is_filtered: bool = False
    sync_work: view.Work = view.Work()

    @rx.event
    @signed_in
    async def search(self, query: str) -> None:
        """Filters by a part of name or description."""
        self.query = query[:200]
        await self._restart()

    @rx.event
    @signed_in
    async def pick_access(self, value: str) -> None:
        """Filters by what the person may do."""
        self.access = given.one_of(Access, value)
        await self._restart()

    @rx.event
    @signed_in
    async def pick_privacy(self, value: str) -> None:
        """Filters by who can see it."""
        self.privacy = given.one_of(Privacy, value)
        await self._restart()

    @rx.event
    @signed_in
    async def pick_archive(self, value: str) -> None:
        """Filters by whether it was put away."""
        self.archive = given.one_of(Archive, value)
        await self._restart()

    @rx.event(background=True)
    @signed_in
    async def sync(self) -> Any:
        """Asks GitHub for all of them; how far it is comes with the rings, to every tab. It outlives this page."""
        async with self:
            if self.sync_work.is_running:
                return None
            token = self._token()
            self.sync_work = view.work(Progress("running"), "Syncing")
        try:
            person = await people.person_of(token)
            count = await bridge.outside(lambda: service.sync(person.id))
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            async with self:
                await self._read()
            return orders.refuse(f"The sync did not finish. {error}")
        async with self:
            await self._read()
        return rx.toast.success(
            "One repository is up to date." if count == 1 else f"{count:,} repositories are up to date."
        )

    def _arrive(self) -> None:
        self.access, self.privacy, self.archive, self.query = Access.ALL, Privacy.ALL, Archive.ACTIVE, ""

    def _topics(self, person: UUID) -> tuple[str, ...]:
        return (progress.topic(person),)

    def _question(self, after: Key | None) -> Question:
        wanted = Wanted(self.query, Access(self.access), Privacy(self.privacy), Archive(self.archive))

        def ask(session: DatabaseSession, user: User) -> _Answer:
            page = pages.entries(session, user, wanted, after=after)
            return _Answer(**vars(page), work=progress.of(user.id, service.SYNC), is_connected=user.is_github_connected)

        return ask

    def _show(self, page: Page[Listed]) -> None:
        assert isinstance(page, _Answer)
        self.items = [view.listed_item(one) for one in page.rows]
        self.sync_work = view.work(page.work, "Syncing", is_connected=page.is_connected)
        narrowed = (self.access, self.privacy, self.archive) != (Access.ALL, Privacy.ALL, Archive.ACTIVE)
        self.is_filtered = narrowed or bool(self.query.strip())


def repositories() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Repositories", tag="h1"),
                theme.grow(),
                listing.work_button(Repositories.sync_work, "Sync with GitHub", on_click=Repositories.sync),
                wrap=True,
            ),
            listing.work_notice(Repositories.sync_work, "Syncing repositories", back_to=routes.REPOSITORIES),
            listing.filters(
                listing.search_field("Search repositories", on_change=Repositories.search),
                listing.choice(_ACCESS, "Access", value=Repositories.access, on_change=Repositories.pick_access),
                listing.choice(_PRIVACY, "Privacy", value=Repositories.privacy, on_change=Repositories.pick_privacy),
                listing.choice(_ARCHIVE, "Archived", value=Repositories.archive, on_change=Repositories.pick_archive),
                label="Filter repositories",
            ),
            listing.found(
                Repositories,
                theme.part("list", rx.foreach(Repositories.items, _item), tag="ul", aria_label="Repositories"),
                none=_none(),
                none_fits=theme.empty(
                    "folder-git-2",
                    "No repository fits.",
                    theme.words("small", "Search for something else, sync with GitHub, or widen the filters.", tag="p"),
                ),
                is_filtered=Repositories.is_filtered,
            ),
        ),
        at=routes.REPOSITORIES,
    )


def _item(item: rx.Var[view.RepositoryItem]) -> rx.Component:
    return theme.part(
        "entry",
        rx.cond(item.is_private, theme.icon("lock"), theme.icon("folder-git-2")),
        theme.grow(
            theme.row(
                theme.page_link(item.name, href=item.href, look="strong to"),
                *marks(item),
                wrap=True,
            ),
            rx.cond(item.description != "", theme.words("aside", item.description, tag="p", trunc=True)),
            theme.words("tiny", rx.cond(item.note != "", item.note, item.facts), tag="p"),
        ),
        theme.part(
            "entry-end",
            rx.cond(
                item.task_href != "",
                theme.page_link(
                    theme.words("small", item.task, trunc=True),
                    ago(at=item.task_at),
                    href=item.task_href,
                    look="last",
                    title="The last task here",
                ),
            ),
            theme.dialog_button(
                [theme.icon("git-branch", 14), "Branches"],
                branch_list(),
                title=f"Branches of {item.name}",
                size="sm",
                on_ask=Branches.open(item.id),
            ),
        ),
        tag="li",
        key=item.id,
    )


def marks(item: rx.Var[view.RepositoryItem]) -> list[rx.Component]:
    """What stands beside a repository's name."""
    return [
        rx.cond(item.is_private, theme.pill("private", tone="line")),
        rx.cond(item.is_archived, theme.pill(theme.icon("archive", 14), "archived")),
        theme.pill(item.access, tone="line"),
    ]


def _none() -> rx.Component:
    return theme.empty(
        "folder-git-2",
        "No repositories yet.",
        theme.words(
            "small",
            "Sync with GitHub to see what you can reach there. Archived ones stand behind the last filter.",
            tag="p",
        ),
        theme.button("Sync with GitHub", variant="primary", on_click=Repositories.sync),
    )

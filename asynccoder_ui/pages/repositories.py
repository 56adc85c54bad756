"""Repositories: what GitHub shows to this person, filtered, and a sync that tells how far it is."""

from typing import ClassVar
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import people, routes, syncing, theme
from asynccoder_ui import repositories_view as view
from asynccoder_ui.branches import Branches, branch_list
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago
from asynccoder_ui.lists import Listed
from asynccoder_ui.repositories_view import Chosen
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.syncing import Sync, Syncing, Work, synced
from backend.db import transaction
from backend.models import User
from backend.services import repositories as service
from backend.services import repository_pages as pages
from backend.services import repository_syncs
from backend.services.repository_pages import Access, Archive, Privacy

_ACCESS = [
    ("", "Any access"),
    (Access.READ.value, "Can read"),
    (Access.WRITE.value, "Can push"),
    (Access.ADMIN.value, "Admin"),
]
_PRIVACY = [
    ("", "Public and private"),
    (Privacy.PUBLIC.value, "Public"),
    (Privacy.PRIVATE.value, "Private"),
]
_ARCHIVE = [
    ("", "Not archived"),
    (Archive.ARCHIVED.value, "Archived"),
    (Archive.ALL.value, "All"),
]


_Gone = list[service.GoneRow]


def _read(session: DatabaseSession, user: User, chosen: Chosen, is_first: bool) -> Listed[Chosen, pages.Listed, _Gone]:
    gone = service.gone(session, user, chosen.q) if chosen.number == 1 else []
    return Listed(chosen, pages.entries(session, user, chosen.wanted, chosen.number), gone)


def _show(state: "Repositories", found: Listed[Chosen, pages.Listed, _Gone]) -> None:
    state.items = [view.listed_item(one) for one in found.page.rows]
    state.gone = [view.gone_item(one) for one in found.beside]


def _known(person: UUID) -> Work:
    with transaction() as session:
        return view.sync_work(repository_syncs.standing(session, person))


async def _run(token: str) -> str:
    await people.ask(token, lambda session, user: repository_syncs.ask(session, user.id))
    standing = await syncing.ended(token)
    if standing.state != "done":
        return ""  # the page says why
    return (
        "One repository is up to date." if standing.found == 1 else f"{standing.found:,} repositories are up to date."
    )


_SYNC = Sync("Syncing", _known, _run)


class Repositories(Syncing, Session):
    """The list, and the sync that goes on for this person."""

    items: list[view.RepositoryItem] = []
    gone: list[view.GoneItem] = []
    _sync: ClassVar = _SYNC
    _reads: ClassVar = synced(routes.REPOSITORIES, _SYNC, Chosen, _read, _show)


def repositories() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Repositories", tag="h1"),
                theme.grow(),
                listing.clear(Repositories),
                listing.sync_button(Repositories, "Sync with GitHub"),
                wrap=True,
            ),
            listing.sync_notice(Repositories, "Syncing repositories", back_to=routes.REPOSITORIES),
            listing.filters(
                listing.words("Search repositories"),
                listing.folded(
                    listing.choice("access", "Access", _ACCESS),
                    listing.choice("privacy", "Privacy", _PRIVACY),
                    listing.choice("archive", "Archived", _ARCHIVE),
                    names=["access", "privacy", "archive"],
                ),
                label="Filter repositories",
            ),
            listing.found(
                Repositories,
                theme.part("list", rx.foreach(Repositories.items, _item), tag="ul", aria_label="Repositories"),
                none=_none(),
                none_fits=(
                    "folder-git-2",
                    "No repository fits.",
                    "Search for something else, sync with GitHub, or widen the filters.",
                ),
            ),
            rx.cond(Repositories.gone.length() > 0, _gone()),
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


def _gone() -> rx.Component:
    return theme.stack(
        theme.words("heading", "Out of reach", tag="h2"),
        theme.words("small", "Their tasks stay. What GitHub shows you again comes back with the next sync.", tag="p"),
        theme.part(
            "list",
            rx.foreach(
                Repositories.gone,
                lambda item: theme.part(
                    "entry",
                    theme.icon("folder-git-2"),
                    theme.grow(theme.words("strong", item.name, tag="p"), theme.words("tiny", item.reason, tag="p")),
                    tag="li",
                    key=item.id,
                ),
            ),
            tag="ul",
            aria_label="Repositories out of reach",
        ),
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

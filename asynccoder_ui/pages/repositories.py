"""Repositories: what GitHub shows to this person, filtered, and a sync that tells how far it is."""

from typing import ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import repositories_view as view
from asynccoder_ui import routes, theme
from asynccoder_ui.branches import Branches, branch_list
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago
from asynccoder_ui.lists import Listed
from asynccoder_ui.repositories_view import Chosen
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.syncing import Sync, Syncing, synced
from backend.models import User
from backend.services import repositories as service
from backend.services import repository_pages as pages
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


def _read(session: DatabaseSession, user: User, chosen: Chosen, is_first: bool) -> Listed[Chosen, pages.Listed, None]:
    return Listed(chosen, pages.entries(session, user, chosen.wanted, chosen.number), None)


def _show(state: "Repositories", found: Listed[Chosen, pages.Listed, None]) -> None:
    state.items = [view.listed_item(one) for one in found.page.rows]


def _told(count: int) -> str:
    return "One repository is up to date." if count == 1 else f"{count:,} repositories are up to date."


_SYNC = Sync(service.SYNC, "Syncing", service.sync, _told)


class Repositories(Syncing, Session):
    """The list, and the sync that goes on for this person."""

    items: list[view.RepositoryItem] = []
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

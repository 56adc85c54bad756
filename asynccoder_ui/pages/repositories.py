"""Repositories: what GitHub shows to this person, and a button to ask again."""

from typing import Any

import reflex as rx

from asynccoder_ui import bridge, people, routes, theme, views
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from backend.errors import AsyncCoderError, SignedOut
from backend.services import repositories as service

_SHOWN = 100


class Repositories(Session):
    """The list, filtered in SQL."""

    items: list[views.RepositoryItem] = []
    is_listed: bool = False
    is_syncing: bool = False
    error: str = ""
    _query: str = ""

    @rx.event
    @signed_in
    async def load(self) -> None:
        """Shows the first hundred."""
        self._query = ""
        await self._list()

    @rx.event
    @signed_in
    async def search(self, query: str) -> None:
        """Filters by a part of the name."""
        self._query = query[:200]
        await self._list()

    @rx.event(background=True)
    @signed_in
    async def sync(self) -> Any:
        """Asks GitHub for all of them."""
        async with self:
            if self.is_syncing:
                return None
            token, self.is_syncing, self.error = self._token(), True, ""
        count, error = 0, ""
        try:
            person = await people.person_of(token)
            count = await bridge.outside(lambda: service.refresh(person.id))
        except SignedOut:
            return leave()
        except AsyncCoderError as refused:
            error = str(refused)
        finally:
            async with self:
                self.is_syncing, self.error = False, error
                await self._list()
        return None if error else rx.toast.success(f"{count} repositories are up to date.")

    async def _list(self) -> None:
        rows = await self._ask(lambda session, user: service.listing(session, user, self._query, _SHOWN))
        self.items = [views.repository_item(row) for row in rows]
        self.is_listed = True


def repositories() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Repositories", tag="h1"),
                theme.grow(),
                theme.button(
                    theme.icon("refresh-cw", 14),
                    rx.cond(Repositories.is_syncing, "Syncing…", "Sync with GitHub"),
                    disabled=Repositories.is_syncing,
                    on_click=Repositories.sync,
                ),
            ),
            theme.error_notice(Repositories.error),
            theme.field(
                placeholder="Search repositories",
                aria_label="Search repositories",
                type="search",
                on_change=Repositories.search.debounce(200),
            ),
            rx.cond(
                Repositories.is_listed,
                rx.cond(Repositories.items.length() > 0, _list(), _none()),
                theme.skeleton(6),
            ),
        ),
        at=routes.REPOSITORIES,
    )


def _list() -> rx.Component:
    return theme.part("list", rx.foreach(Repositories.items, _item), tag="ul")


def _item(item: rx.Var[views.RepositoryItem]) -> rx.Component:
    return theme.part(
        "entry",
        rx.cond(item.is_private, theme.icon("lock"), theme.icon("folder-git-2")),
        theme.grow(
            theme.row(
                theme.words("strong", item.name, trunc=True),
                rx.cond(item.is_private, theme.pill("private", tone="line")),
            ),
            rx.cond(item.description != "", theme.words("soft", item.description, tag="p", trunc=True)),
            theme.words("tiny", rx.cond(item.note != "", item.note, item.facts), tag="p"),
        ),
        tag="li",
        key=item.id,
    )


def _none() -> rx.Component:
    return theme.empty(
        "folder-git-2",
        "No repository to show.",
        theme.words("small", "Sync with GitHub, or search for something else.", tag="p"),
    )

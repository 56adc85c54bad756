"""A repository's branches, asked for when somebody wants to see them."""

import reflex as rx

from asynccoder_ui import given, people, theme
from asynccoder_ui import repositories_view as view
from asynccoder_ui.chosen import MAX_QUERY
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from backend.services import repositories as service

_MOST = 100


class Branches(Session):
    """The branches of one repository that fit the search, at most a hundred."""

    repository_id: str = ""
    items: list[view.BranchItem] = []
    is_loading: bool = False
    error: str = ""
    note: str = ""
    _found: list[service.BranchRow] = []
    _query: str = ""

    @rx.event(background=True)
    @signed_in
    async def open(self, repository_id: str) -> None:
        """Asks for the branches of a repository; GitHub is asked where the answer is older than five minutes."""
        repository = given.identity(repository_id)
        async with self:
            token = self._token()
            self.repository_id, self._query, self._found = str(repository), "", []
            self.items, self.is_loading, self.error, self.note = [], True, "", ""
        found, error = await people.looked_up(token, lambda person: service.branches(person, repository))
        async with self:
            if self.repository_id == str(repository):
                self._found, self.is_loading, self.error = found or [], False, error
                self._list()

    @rx.event
    @signed_in
    async def search(self, query: str) -> None:
        """Narrows the list to a part of the name."""
        self._query = query[:MAX_QUERY]
        if not self.is_loading:
            self._list()

    def _list(self) -> None:
        fitting = service.branches_named(self._found, self._query)
        self.items = [view.branch_item(row) for row in fitting[:_MOST]]
        self.note = "" if self.error else _note(len(fitting), len(self._found), bool(self._query.strip()))


def branch_list() -> rx.Component:
    """The branches that were asked for, with a field that searches them."""
    return theme.stack(
        theme.field(
            type="search",
            placeholder="Search branches",
            aria_label="Search branches",
            on_change=Branches.search.debounce(200),
        ),
        theme.error_notice(Branches.error),
        rx.cond(
            Branches.is_loading,
            theme.skeleton(3),
            rx.cond(
                Branches.items.length() > 0,
                theme.part("list", rx.foreach(Branches.items, _item), tag="ul", aria_label="Branches"),
            ),
        ),
        theme.words("tiny", Branches.note, tag="p", aria_live="polite"),
    )


def _item(item: rx.Var[view.BranchItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.icon("git-branch", 14),
        theme.grow(theme.words("mono", item.name)),
        rx.cond(item.is_default, theme.pill("default", tone="line")),
        rx.cond(item.is_protected, theme.pill(theme.icon("shield", 14), "protected", tone="line")),
        tag="li",
        key=item.name,
    )


def _note(fitting: int, found: int, is_narrowed: bool) -> str:
    if not found:
        return "This repository has no branches yet."
    if not fitting:
        return "No branch has this in its name."
    if fitting > _MOST:
        return f"The first {_MOST} of {fitting:,}. Search for the others."
    branches = "1 branch" if found == 1 else f"{found:,} branches"
    return f"{fitting:,} of {branches}" if is_narrowed else branches

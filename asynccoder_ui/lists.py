"""What every list page remembers: which rows of how many its address asks for, and the ways to the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlmodel import Session as DatabaseSession

from asynccoder_ui.chosen import Chosen, FromMoment, FromRow
from asynccoder_ui.following import Following, Reads, own
from asynccoder_ui.people import Question
from backend.models import User
from backend.services.paging import Page, Window

C = TypeVar("C", bound=Chosen)
W = TypeVar("W", bound=FromRow | FromMoment)
R = TypeVar("R")
B = TypeVar("B")


@dataclass(frozen=True)
class Listed(Generic[C, R, B]):
    """A page of a list, what was chosen to see it, and what is shown beside it."""

    chosen: C
    page: Page[R]
    beside: B


@dataclass(frozen=True)
class Windowed(Generic[W, R, B]):
    """A window on a list, what was chosen to see it, and what is shown beside it."""

    chosen: W
    window: Window[R, Any]
    beside: B


class Listing(Following, mixin=True):
    """A list that is filtered by its address and paged in SQL; a State `(Listing, Session)` holds its rows."""

    span: str = ""  # "101–200 of 1,234"
    earlier: str = ""  # the address of the page before, empty on the first
    later: str = ""
    cleared: str = ""  # the address without filters
    is_filtered: bool = False
    is_empty: bool = False
    _is_first: bool = True  # nothing was read yet for this address


def listed(
    route: str,
    filters: type[C],
    read: Callable[[DatabaseSession, User, C, bool], Listed[C, R, B]],
    show: Callable[[Any, Listed[C, R, B]], None],
    *,
    topics: Callable[[UUID], tuple[str, ...]] = own,
    then: Callable[[Listed[C, R, B]], Listed[C, R, B]] | None = None,
) -> Reads[Any, Listed[C, R, B]]:
    """What a list at `route` reads: `read(session, user, chosen, is_first)`, whose answer `show(state, answer)` keeps.

    `is_first` asks also for what only another address changes. `then` is done with an answer after its transaction.
    """

    def question(state: Any) -> Question[Listed[C, R, B]]:
        return Question(read, (filters.of(state.router.url.query_parameters), bool(state._is_first)), then)

    def keep(state: Any, found: Listed[C, R, B]) -> None:
        page, chosen, state._is_first = found.page, found.chosen, False
        state.span, state.is_empty = span(page), not page.rows
        state.earlier = chosen.address(route, page.number - 1) if page.number > 1 else ""
        state.later = chosen.address(route, page.number + 1) if page.number < page.pages else ""
        show(state, found)

    return Reads(question, keep, _arrive(route, filters), topics)


def windowed(
    route: str,
    filters: type[W],
    read: Callable[[DatabaseSession, User, W, bool], Windowed[W, R, B]],
    show: Callable[[Any, Windowed[W, R, B]], None],
    *,
    topics: Callable[[UUID], tuple[str, ...]] = own,
) -> Reads[Any, Windowed[W, R, B]]:
    """As `listed`, for a list that goes on from a row and is not counted."""

    def question(state: Any) -> Question[Windowed[W, R, B]]:
        return Question(read, (filters.of(state.router.url.query_parameters), bool(state._is_first)))

    def keep(state: Any, found: Windowed[W, R, B]) -> None:
        window, chosen, state._is_first = found.window, found.chosen, False
        state.is_empty = not window.rows
        state.earlier = "" if window.is_first else chosen.at(route, window.newer)
        state.later = "" if window.older is None else chosen.at(route, window.older)
        show(state, found)

    return Reads(question, keep, _arrive(route, filters), topics)


def _arrive(route: str, filters: type[Chosen]) -> Callable[[Any], None]:
    def arrive(state: Any) -> None:
        chosen = filters.of(state.router.url.query_parameters)
        state.cleared, state.is_filtered = chosen.bare.spelled(route), chosen.is_filtered
        state._is_first = True

    return arrive


def span(page: Page[Any]) -> str:
    """Which of them are shown: "51–100 of 1,212"."""
    first = (page.number - 1) * page.size + 1
    return f"{first:,}–{first + len(page.rows) - 1:,} of {page.total:,}" if page.rows else ""

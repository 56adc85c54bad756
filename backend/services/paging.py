"""Lists paged in SQL by key: a page starts after the last row of the one before; ids tell equal times apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")
S = TypeVar("S")
Key = tuple[Any, ...]  # what a list is ordered by, its last part unique


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page of a list. `total` counts all that fit the filters; `after` is where the next page starts, if any."""

    rows: list[R]
    total: int
    after: Key | None = None


def page(found: Sequence[S], limit: int, total: int, *, row: Callable[[S], R], key: Callable[[S], Key]) -> Page[R]:
    """A page of the first `limit` of what was found; one more than that was asked for, to know whether it goes on."""
    shown = found[:limit]
    return Page([row(one) for one in shown], total, key(shown[-1]) if len(found) > limit else None)


def words(query: str) -> str:
    """What somebody looks for, as PostgreSQL takes it: without NUL, lone surrogates and outer blanks."""
    return query.replace("\x00", "").encode(errors="ignore").decode().strip()

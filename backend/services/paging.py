"""Lists in SQL, by the page's number or on from a row.

What is added while somebody turns numbered pages moves the rows on by as many; on from a row, none is skipped or told
twice, and the thousandth slice costs what the first does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
K = TypeVar("K")


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page of a list: `number` counts from 1 and is never past the last, `total` counts all that fit."""

    rows: list[R]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        """How many there are; an empty list has one."""
        return max(1, -(-self.total // self.size))


def page(total: int, number: int, size: int, read: Callable[[int], list[R]]) -> Page[R]:
    """The page of this number, or the nearest there is; `read(offset)` reads its rows."""
    number = min(max(number, 1), max(1, -(-total // size)))
    return Page(read((number - 1) * size), total, number, size)


@dataclass(frozen=True)
class Slice(Generic[R, K]):
    """Some rows of a list, in its order. Where more follow, `last` is the key of the last of them."""

    rows: list[R]
    last: K | None


def cut(found: Sequence[R], size: int, key: Callable[[R], K]) -> Slice[R, K]:
    """The first `size` of the rows; whoever read one more than that knows whether more follow."""
    rows = list(found[:size])
    return Slice(rows, key(rows[-1]) if len(found) > size else None)


@dataclass(frozen=True)
class Window(Generic[R, K]):
    """Some rows of a list, newest first, and the ways to the others, each the key of a row to go on after.

    `older` is None at the list's end; `newer` None leads to its start, which is where this is if `is_first`.
    """

    rows: list[R]
    older: K | None
    newer: K | None
    is_first: bool


def window(
    found: Sequence[R], size: int, key: Callable[[R], K], after: K | None, newer: Callable[[K, int], Sequence[K]]
) -> Window[R, K]:
    """The window of these rows, which came after that key, one more of them than `size` where there are.

    `newer(key, most)` reads the keys of those before a row, the nearest first.
    """
    slice = cut(found, size, key)
    if after is None:
        return Window(slice.rows, slice.last, None, is_first=True)
    before = newer(key(found[0]) if found else after, size + 1)
    return Window(slice.rows, slice.last, before[size] if len(before) > size else None, is_first=not before)

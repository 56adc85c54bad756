"""Lists paged in SQL by number. What is added while somebody turns the pages moves the rows on by as many."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


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

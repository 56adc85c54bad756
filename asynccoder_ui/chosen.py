"""A list's filters as its address spells them: a reload, "back" and a new connection keep them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from backend import jsonb

MAX_QUERY = 200
_MOST_PAGES = 10**6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MICROSECOND = 250_000_000_000_000_000  # in the year 9892


def word(words: type[StrEnum]) -> Any:
    """A filter that is one of the product's words."""
    return _filter(lambda value: value if value in frozenset(words) else "")


def identity() -> Any:
    """A filter that is an id."""
    return _filter(_identity)


def mark() -> Any:
    """A filter that is set or not."""
    return _filter(lambda value: value if value == "1" else "")


def day() -> Any:
    """A filter that is a day, as ISO 8601 writes it."""
    return _filter(_day)


def login() -> Any:
    """A filter that is somebody's login."""
    return _filter(lambda value: jsonb.clean_text(value)[:MAX_QUERY])


def _filter(read: Callable[[str], str]) -> Any:
    return field(default="", metadata={"read": read})


def _identity(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        return ""


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return ""


def _number(value: str) -> str:
    return value if value.isdecimal() and value.isascii() and 1 < int(value[:9]) < _MOST_PAGES else ""


@dataclass(frozen=True)
class Chosen:
    """What an address asks for; empty is whatever is usual. `q` are words to search for, `page` is "" for the first."""

    q: str = field(default="", metadata={"read": lambda value: jsonb.clean_text(value)[:MAX_QUERY]})
    page: str = field(default="", metadata={"read": _number})

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """The filters of an address; what cannot be read, as when it was altered by hand, is left out."""
        return cls(**{one.name: one.metadata["read"](parameters.get(one.name, "")) for one in fields(cls)})

    @property
    def number(self) -> int:
        """The number of the page, from 1."""
        return int(self.page or 1)

    @property
    def bare(self) -> Self:
        """No filter at all."""
        return type(self)()

    def address(self, route: str, number: int = 1) -> str:
        """The list at this route with these filters, on the page of that number."""
        return replace(self, page=str(number) if number > 1 else "").spelled(route)

    def spelled(self, route: str) -> str:
        """The address of this."""
        given = {name: value for name, value in vars(self).items() if value}
        return f"{route}?{urlencode(given)}" if given else route

    @property
    def is_filtered(self) -> bool:
        """Whether anything is left out."""
        return replace(self, page="") != self.bare


def _row(value: str) -> str:
    return value if value.isdecimal() and value.isascii() and len(value) < 19 else ""


def _place(value: str) -> str:
    try:
        at, id = value.split("_")
        return f"{int(_row(at))}_{UUID(id).hex}" if int(at) < _LAST_MICROSECOND else ""
    except ValueError:
        return ""


@dataclass(frozen=True)
class FromRow(Chosen):
    """An address whose page goes on after the row of that number."""

    page: str = field(default="", metadata={"read": _row})

    @property
    def after(self) -> int | None:
        """The row's number; None at the list's start."""
        return int(self.page) if self.page else None

    def at(self, route: str, after: int | None) -> str:
        """The list at this route with these filters, on from that row."""
        return replace(self, page="" if after is None else str(after)).spelled(route)


@dataclass(frozen=True)
class FromMoment(Chosen):
    """An address whose page goes on after the row of that moment and id."""

    page: str = field(default="", metadata={"read": _place})

    @property
    def after(self) -> tuple[datetime, UUID] | None:
        """The row's key; None at the list's start."""
        at, _, id = self.page.partition("_")
        return (_EPOCH + timedelta(microseconds=int(at)), UUID(id)) if id else None

    def at(self, route: str, after: tuple[datetime, UUID] | None) -> str:
        """The list at this route with these filters, on from that row."""
        place = "" if after is None else f"{(after[0] - _EPOCH) // timedelta(microseconds=1)}_{after[1].hex}"
        return replace(self, page=place).spelled(route)


def optional_day(value: str) -> date | None:
    """The day that a filter holds."""
    return date.fromisoformat(value) if value else None


def optional(value: str) -> UUID | None:
    """The id that a filter holds."""
    return UUID(value) if value else None

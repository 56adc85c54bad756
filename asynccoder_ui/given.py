"""What a browser gave us, parsed once: whoever has a socket can send any JSON as an event's arguments."""

import inspect
from collections.abc import Container, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from reflex_base.event import EventHandler

from backend.errors import InvalidInput

E = TypeVar("E", bound=StrEnum)
_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def identity(value: Any) -> UUID:
    """An id. Raises InvalidInput."""
    try:
        return UUID(str(value))
    except ValueError as error:
        raise InvalidInput("There is nothing with this id.") from error


def identities(value: Any) -> tuple[UUID, ...]:
    """A few ids with blanks between them, each once. Raises InvalidInput."""
    return tuple(dict.fromkeys(identity(each) for each in str(value)[:2_000].split()))


def one_of(words: type[E], value: Any) -> E:
    """One of the product's words. Raises InvalidInput."""
    try:
        return words(value)
    except ValueError as error:
        raise InvalidInput(f"This is none of {', '.join(words)}.") from error


def require_event(data: Any, handlers: Container[str]) -> None:
    """Raises InvalidInput unless this is an event for one of these handlers."""
    if not isinstance(data, dict) or not isinstance(data.get("payload", {}), dict):
        raise InvalidInput("This is no event.")
    if not isinstance(data.get("router_data", {}), dict) or not isinstance(data.get("name"), str):
        raise InvalidInput("This is no event.")
    if data["name"] not in handlers:
        raise InvalidInput("There is no handler of this name.")


def require_fitting(handler: EventHandler, payload: Any) -> None:
    """Raises InvalidInput unless the payload holds the handler's arguments, each of its annotated type."""
    if not isinstance(payload, Mapping):
        raise InvalidInput("This page sent something that cannot be read. Load it again.")
    wanted = _arguments(handler.fn)
    optional = {name for name, (_, is_optional) in wanted.items() if is_optional}
    if not wanted.keys() - optional <= payload.keys() <= wanted.keys():
        raise InvalidInput("This page is out of date. Load it again.")
    for name, value in payload.items():
        adapter, _ = wanted[name]
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            raise InvalidInput("This page sent something that cannot be read. Load it again.", field=name) from error


@lru_cache(maxsize=256)
def _arguments(function: Any) -> dict[str, tuple[TypeAdapter[Any], bool]]:
    """Each argument after `self`: what checks it, and whether it may be left out."""
    _, *parameters = inspect.signature(function, eval_str=True).parameters.values()
    return {
        one.name: (
            _ANY if one.annotation is one.empty else TypeAdapter(one.annotation),
            one.default is not one.empty,
        )
        for one in parameters
    }

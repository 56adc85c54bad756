"""Lists in slices: a cursor says after which row the next one starts, and stands in the Link header (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from backend.api.schemas.base import Shown
from backend.errors import InvalidInput
from backend.services.paging import Slice
from backend.settings import get_settings

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K")
MOST = 100
Whose = Annotated[
    Literal["mine", "all"],
    Query(alias="scope", description="`all`: also what others share with whoever has access to the repository."),
]

Moment: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[AwareDatetime, UUID])
_Words = Annotated[str, Field(pattern=r"\A[^\x00]*\z")]  # PostgreSQL refuses NUL
Name: TypeAdapter[tuple[str, UUID]] = TypeAdapter(tuple[_Words, UUID])


class Page(Shown, Generic[T]):
    """A slice of a list. Where more follow, the answer's Link header leads to them (`rel="next"`)."""

    items: list[T]


class Turning:
    """How many rows are wanted, and after which one."""

    def __init__(self, request: Request, limit: int, cursor: str | None) -> None:
        self.limit = limit
        self._request = request
        self._cursor = cursor

    def after(self, kind: TypeAdapter[K]) -> K | None:
        """The key that the cursor holds, None at the list's start. Raises InvalidInput for what is none of ours."""
        return None if self._cursor is None else decoded(self._cursor, kind)

    def page(self, slice: Slice[R, K], kind: TypeAdapter[K], shown: Callable[[R], Shown | dict[str, Any]]) -> Response:
        """The slice as the API tells it, with the way to the next one."""
        more = {} if slice.last is None else {"cursor": encoded(slice.last, kind)}
        return self.answer([shown(row) for row in slice.rows], more)

    def answer(self, items: list[Any], more: dict[str, str]) -> Response:
        """The items; where more follow, `more` are the parameters that lead there from this address.

        As JSON already: what was made of our own models is not checked against them again.
        """
        headers = {}
        if more:
            asked = {**dict(self._request.query_params), **more}
            url = f"{get_settings().origin}{self._request.url.path}?{urlencode(asked)}"
            headers["Link"] = f'<{url}>; rel="next"'
        body = Page[Any].model_construct(items=items).model_dump_json()
        return Response(body, headers=headers, media_type="application/json")


async def _turning(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many rows at most.")] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="As the Link header gave it.")] = None,
) -> Turning:
    return Turning(request, limit, cursor)


Turn = Annotated[Turning, Depends(_turning)]


def encoded(key: K, kind: TypeAdapter[K]) -> str:
    """The key as a cursor: opaque to whoever carries it, and no secret."""
    return base64.urlsafe_b64encode(kind.dump_json(key)).decode().rstrip("=")


def decoded(cursor: str, kind: TypeAdapter[K]) -> K:
    """The key again. Raises InvalidInput."""
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return kind.validate_json(content)
    except (binascii.Error, ValidationError, ValueError) as error:
        raise InvalidInput("This cursor is none of ours.", field="cursor") from error

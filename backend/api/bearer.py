"""Who calls the REST API: the person behind a bearer token, asked for before anything else of a request is read.

RFC 6750. Cookies are no part of it. A route on `router()` answers 401, then 403 for a scope that does not reach, then
413 and 415, then 422, and only then what its service says.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from backend import db, rate_limit
from backend.api import deps
from backend.errors import AsyncCoderError, InsufficientScope, InvalidInput, SignedOut, UnsupportedMedia
from backend.services import api_tokens
from backend.services.api_tokens import Bearer, Scope

MAX_BODY = 512 * 1024  # the longest prompt, each of its characters written as two \u escapes
_REALM = 'Bearer realm="Async Coder"'


async def caller(request: Request) -> Bearer:
    """The person who calls, and their token. It waits for nothing, and so needs no thread."""
    found: Bearer = request.state.bearer
    return found


Caller = Annotated[Bearer, Depends(caller)]


class TokenRoute(APIRoute):
    """A route for whoever brings a token: `read` is enough to look, all else wants `write`. HEAD comes as GET."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler behind the questions that come before it."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            request.state.bearer = await run_in_threadpool(_counted, request, self.needed(request.method))
            return await answer(await self.taken(request))

        return handler

    async def taken(self, request: Request) -> Request:
        """The request with its body read, where it takes one. Raises TooLarge, UnsupportedMedia, InvalidInput."""
        return await _parsed(request) if self.body_field is not None else request

    @staticmethod
    def needed(method: str) -> Scope:
        """The least scope for such a request."""
        return Scope.READ if method == "GET" else Scope.WRITE


class AdminRoute(TokenRoute):
    """A route for admins' tokens."""

    @staticmethod
    def needed(method: str) -> Scope:
        """The least scope for such a request."""
        return Scope.ADMIN


def router(prefix: str, tag: str, *, route_class: type[TokenRoute] = TokenRoute) -> APIRouter:
    """A part of the API under `/api`."""
    return APIRouter(prefix=f"/api{prefix}", tags=[tag], route_class=route_class)


def challenge(request: Request, error: AsyncCoderError) -> dict[str, str]:
    """The header that tells a refused caller what is missing. RFC 6750, section 3."""
    if isinstance(error, InsufficientScope):
        return {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{error.needed}"'}
    if isinstance(error, SignedOut) and isinstance(request.scope.get("route"), TokenRoute):
        sent = ', error="invalid_token"' if "authorization" in request.headers else ""
        return {"WWW-Authenticate": _REALM + sent}
    return {}


def _counted(request: Request, needed: Scope) -> Bearer:
    """Who calls, counted: by token, what changes something by person too, and who brings no good token by address.

    `request.state.standing` are the headers that say where they stand. Raises TooMany.
    """
    try:
        found = _bearer(request, needed)
    except SignedOut:
        rate_limit.take(rate_limit.STRANGERS, deps.address(request))
        raise
    standing = rate_limit.take_token(found.token_id)
    request.state.standing = standing.headers() if standing else {}
    if request.method != "GET":
        rate_limit.take(rate_limit.CHANGES, found.user.id)
    return found


def text_of(request: Request) -> str:
    """The token as it was sent. Raises SignedOut where there is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise SignedOut("Send a token: Authorization: Bearer acd_… Make one in Settings.")
    return text.strip()


def _bearer(request: Request, needed: Scope) -> Bearer:
    text = text_of(request)
    with db.transaction() as session:
        found = api_tokens.bearer(session, text, address=deps.address(request))
    if not found.scope.reaches(needed):
        raise InsufficientScope(needed)
    return found


class Taken(Request):
    """A request whose body was read."""

    def __init__(self, request: Request, content: bytes) -> None:
        super().__init__(request.scope, request.receive)
        self._content = content

    async def body(self) -> bytes:
        """What was read."""
        return self._content

    def said(self) -> bytes:
        """What two bodies that say the same have in common."""
        return self._content


class _Read(Taken):
    """A request whose body is JSON, or nothing."""

    def __init__(self, request: Request, content: bytes) -> None:
        super().__init__(request, content)
        self._value = _json(content) if content else None

    def said(self) -> bytes:
        """The same whatever the order of keys, and the blanks between them."""
        return json.dumps(self._value, sort_keys=True).encode()

    async def json(self) -> Any:
        """What it says."""
        return self._value


async def _parsed(request: Request) -> Request:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await deps.bounded_body(request, MAX_BODY)
    if content and kind != "application/json":
        raise UnsupportedMedia("Send JSON, with Content-Type: application/json.")
    return _Read(request, content)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and numbers of too many digits are among them
        raise InvalidInput("The body is not JSON.", field="body") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")

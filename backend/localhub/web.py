"""One request as a handler sees it, and the doors that all of them come through.

Handlers are plain functions on a thread: git and SQLite block. Each gets a `Call` and gives back a Response.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.localhub.access import Viewer
from backend.localhub.config import Config
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused, not_found

LARGEST_BODY = 2_000_000  # bytes; only git may send more
Handler = Callable[["Call"], Response]
Endpoint = Callable[[Request], Awaitable[Response]]
_JSON_OBJECT = "Body should be a JSON object"
_LARGEST_NUMBER = 2**63 - 1
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Call:
    """A request with its whole body, and who makes it."""

    hub: Hub
    request: Request
    body: bytes
    viewer: Viewer = field(default_factory=Viewer)

    @property
    def path(self) -> dict[str, Any]:
        """The parts of the path that its route names."""
        return self.request.path_params

    def require_possible_path(self) -> None:
        """Raises Refused (404) for what neither SQLite nor git can be asked for."""
        for part in self.path.values():
            if "\0" in part if isinstance(part, str) else part > _LARGEST_NUMBER:
                raise not_found()

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address."""
        return self.request.query_params.get(name, default)

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises Refused (400)."""
        try:
            data = json.loads(self.body or b"{}")
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if not isinstance(data, dict):
            raise Refused(400, _JSON_OBJECT)
        return data

    def form(self) -> dict[str, str]:
        """The body as a form. Raises Refused (400) where it is no text."""
        try:
            return dict(parse_qsl(self.body.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise Refused(400, "Problems parsing the form") from None


def on_thread(hub: Hub, answer: Handler) -> Endpoint:
    """An endpoint that reads the body and lets the handler work on a thread."""

    async def endpoint(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_BODY:
                return PlainTextResponse("Too large\n", 413)
        return await run_in_threadpool(answer, Call(hub, request, body))

    return endpoint


class OwnNameOnly:
    """Answers requests for this machine's own address alone, and takes no form from another site's page.

    The hub signs in whoever asks, so a page on the web must not reach it: neither under a name of its own that it lets
    point here (DNS rebinding), nor by a form or fetch across sites.
    """

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app = app
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The gate itself."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host", "").lower() not in self._config.hosts:
            return await PlainTextResponse("This is not my name\n", 421)(scope, receive, send)
        if scope["method"] not in _SAFE_METHODS and not self._is_own_page(headers):
            return await PlainTextResponse("Another site may not do this\n", 403)(scope, receive, send)
        await self._app(scope, receive, send)

    def _is_own_page(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin")
        own = {f"http://{host}" for host in self._config.hosts}
        return (origin is None or origin in own) and headers.get("sec-fetch-site", "none") in ("none", "same-origin")

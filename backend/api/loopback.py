"""Demo mode signs anyone in, so it speaks with this machine alone: no proxy in front, no foreign name pointing here."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from backend.loopback import is_loopback_url
from backend.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip")


class LoopbackOnly:
    """ASGI middleware; in real mode it lets everything through.

    A page elsewhere whose name was made to resolve to 127.0.0.1 (DNS rebinding) comes with its own Host and is refused.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._is_demo = settings.is_demo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what came from this machine, answers 403 to the rest."""
        if not self._is_demo or scope["type"] not in ("http", "websocket") or is_local(dict(scope["headers"])):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        body = json.dumps(
            {
                "type": "about:blank",
                "title": "Forbidden",
                "status": 403,
                "code": "forbidden",
                "detail": "Demo mode answers only this machine's own browser. Configure a GitHub app to serve others.",
            }
        ).encode()
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def is_local(headers: dict[bytes, bytes]) -> bool:
    """Whether these headers are those of a request that this machine sent itself, by its own name, by no proxy."""
    if any(name in headers for name in _FORWARDED):
        return False
    return is_loopback_url("http://" + headers.get(b"host", b"").decode("latin-1"))

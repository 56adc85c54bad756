"""Each request has an id, in the logs and in its answer, beside the headers that every answer has.

Plain ASGI: Starlette's own class for middleware runs each request in a task of its own, which costs more than all this.
"""

from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders

from backend.api.loopback import App, Receive, Scope, Send

_USUAL = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"), ("Cache-Control", "no-store"))


class RequestIds:
    """ASGI middleware. Where a caller stands with their limits is told by `state["standing"]`."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on; an HTTP answer's start gets the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, state = uuid4().hex, scope.setdefault("state", {})

        async def with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers["X-Request-Id"] = request_id
                headers.update(state.get("standing", {}))
                for name, value in _USUAL:
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, with_headers)

"""Each request of the API, counted by its route's template: what it took, and how it was answered."""

from time import perf_counter

from backend.api.loopback import App, Receive, Scope, Send
from backend.metrics import REQUESTS

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Metering:
    """ASGI middleware, the innermost: only it sees which route was taken. A stream counts until it begins."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, is_told = perf_counter(), False

        def tell(status: int) -> None:
            # What a stranger made up, path or method, must not become a label: there would be no end of them.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("route"), "path", "none")
            REQUESTS.labels(method, route, str(status)).observe(perf_counter() - begun)

        async def watched(message: Scope) -> None:
            nonlocal is_told
            if message["type"] == "http.response.start":
                is_told = True
                tell(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if not is_told:
                tell(500)
            raise

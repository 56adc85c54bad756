"""HEAD is answered as GET is, without the body (RFC 9110, section 9.3.2)."""

from backend.api.loopback import App, Receive, Scope, Send


class Heads:
    """ASGI middleware. `state["is_head"]` tells those whose answer would not end."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on; HEAD as GET, of whose answer the content stays here."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_content(message: Scope) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        state = {**scope.get("state", {}), "is_head": True}
        await self._app({**scope, "method": "GET", "state": state}, receive, without_content)

"""Headers of every answer: what a browser may do with our pages. The framework needs inline scripts and eval."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from backend.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Vite names a bundle by its content: what is under /assets never changes under its name.
_HASHED = "/assets/"


def content_security_policy(settings: Settings) -> str:
    """Nothing is loaded from elsewhere but GitHub's avatars; nobody may frame us."""
    socket = settings.origin.replace("http", "ws", 1)
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: https://avatars.githubusercontent.com {settings.github_url}",
            f"connect-src 'self' {socket}",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    )


class SecurityHeaders:
    """ASGI middleware that adds the headers; what a route has set itself stays."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._headers = {
            b"content-security-policy": content_security_policy(settings).encode(),
            b"x-content-type-options": b"nosniff",
            b"x-frame-options": b"DENY",
            b"referrer-policy": b"same-origin",
            b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
        }
        if settings.is_https:
            self._headers[b"strict-transport-security"] = b"max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on; an HTTP answer's start gets the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caching = b"public, max-age=31536000, immutable" if scope["path"].startswith(_HASHED) else b"no-cache"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                wanted = {**self._headers, b"cache-control": caching}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in wanted.items() if name not in present),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)

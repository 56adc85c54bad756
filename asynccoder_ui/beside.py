"""The API beside the pages, on one port: who answers is decided by the path's first word."""

from asynccoder_ui import routes
from asynccoder_ui.headers import App, Receive, Scope, Send

API = ("/api", "/auth", "/files", "/health", "/metrics")


class Beside:
    """ASGI: the API's paths go to the API, all others to the pages.

    Reflex would mount the pages inside the API; then every page and bundle would pass the API's middleware, which
    forbids caching.
    """

    def __init__(self, pages: App, api: App) -> None:
        self._pages = pages
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request to one of the two."""
        path = scope.get("path", "")
        if scope["type"] == "http" and any(path == word or path.startswith(f"{word}/") for word in API):
            await self._api(scope, receive, send)
            return
        if scope["type"] == "http" and (folder := routes.folder_of(path)):
            # The static files would redirect to `/home/`: a page has one address, without the slash.
            scope = {**scope, "path": folder, "raw_path": folder.encode()}
        await self._pages(scope, receive, send)

"""A task's page names its log's newest entries to the browser with its first byte: its scripts ask for them first."""

from asynccoder_ui import routes
from asynccoder_ui.headers import App, Message, Receive, Scope, Send


class Ahead:
    """ASGI: a task's page gets a `Link` header (RFC 8288) of the log that it will read."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        task_id = routes.task_in(scope["path"]) if scope["type"] == "http" else None
        if task_id is None:
            await self._app(scope, receive, send)
            return
        link = f"</files/tasks/{task_id}/log>; rel=preload; as=fetch; crossorigin".encode()

        async def with_link(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"link", link)]
            await send(message)

        await self._app(scope, receive, with_link)

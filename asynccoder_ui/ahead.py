"""The scripts of a page whose address holds an id are named to the browser with the page's first byte.

React Router builds such a page without their names, and would ask for them only once its frame is drawn; its manifest
knows them. Pages without an id name theirs themselves. A task's page names its log's newest entries too, which its
scripts ask for as soon as they run.
"""

import json
import re
from functools import cached_property
from pathlib import Path

from asynccoder_ui.headers import App, Message, Receive, Scope, Send

_TASK = re.compile(r"/tasks/([0-9a-f-]{36})/?")


class Ahead:
    """ASGI: pages with an id in their address get a `Link` header (RFC 8288) of what they will load.

    `bundles` is the folder of the built scripts; without a build, as with hot reload, nothing is added.
    """

    def __init__(self, app: App, bundles: Path) -> None:
        self._app = app
        self._bundles = bundles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        link = self._link(scope["path"]) if scope["type"] == "http" else b""
        if not link:
            await self._app(scope, receive, send)
            return

        async def with_link(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"link", link)]
            await send(message)

        await self._app(scope, receive, with_link)

    def _link(self, path: str) -> bytes:
        scripts = next((link for page, link in self._pages if page.fullmatch(path)), b"")
        task = _TASK.fullmatch(path)
        if not (scripts and task):
            return scripts
        return f"</files/tasks/{task[1]}/log>; rel=preload; as=fetch; crossorigin, ".encode() + scripts

    @cached_property
    def _pages(self) -> list[tuple[re.Pattern[str], bytes]]:
        manifest = next(self._bundles.glob("manifest-*.js"), None)
        if manifest is None:
            return []
        told = manifest.read_text(encoding="utf-8")
        routes = json.loads(told[told.index("{") : told.rindex("}") + 1])["routes"].values()
        return [(_pattern(route["path"]), _named(route)) for route in routes if ":" in route.get("path", "")]


def _pattern(path: str) -> re.Pattern[str]:
    words = (r"[^/]+" if word.startswith(":") else re.escape(word) for word in path.strip("/").split("/"))
    return re.compile(f"/{'/'.join(words)}/?")


def _named(route: dict[str, list[str]]) -> bytes:
    return ", ".join(f"<{script}>; rel=modulepreload" for script in (route["module"], *route["imports"])).encode()

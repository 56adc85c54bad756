"""A scripted GitHub: a real HTTP server that answers what a test wrote down, in GitHub's documented shapes."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.github.client import GitHub

TOKEN = "gho_16C7e42F292c6912E7710c838347Ae178B4a"  # GitHub's documented example


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass
class Reply:
    """One answer; `data` is sent as JSON unless it is bytes."""

    status: int = 200
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if self.status == 304 or self.data is None:
            return b""
        return self.data if isinstance(self.data, bytes) else json.dumps(self.data).encode()


Answer = Reply | Callable[[Asked], Reply]


class ScriptedGitHub:
    """Routes by method and path; what is not written down is GitHub's 404."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.api_url = f"{url}/api/v3"
        self.asked: list[Asked] = []
        self._answers: dict[tuple[str, str], Answer] = {}

    def on(self, method: str, path: str, answer: Answer) -> None:
        self._answers[(method, path)] = answer

    def api(self, method: str, path: str, answer: Answer) -> None:
        self.on(method, f"/api/v3{path}", answer)

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        missing = Reply(404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"})
        answer = self._answers.get((asked.method, asked.path), missing)
        return answer if isinstance(answer, Reply) else answer(asked)

    def paths(self) -> list[str]:
        return [f"{asked.method} {asked.path.removeprefix('/api/v3')}" for asked in self.asked]

    def paged(self, path: str, items: list[Any], size: int = 100) -> None:
        """Serves a list in pages of `size`, with GitHub's Link header."""

        def page(asked: Asked) -> Reply:
            number = int(asked.query.get("page", "1"))
            last = max(1, -(-len(items) // size))
            links = []
            for rel, target in (("next", number + 1), ("last", last)):
                if number < last:
                    kept = "".join(f"&{k}={v}" for k, v in asked.query.items() if k != "page")
                    links.append(f'<{self.api_url}{path}?page={target}{kept}>; rel="{rel}"')
            headers = {"Link": ", ".join(links)} if links else {}
            return Reply(200, items[(number - 1) * size : number * size], headers)

        self.api("GET", path, page)

    def repository(self, full_name: str, **changes: Any) -> dict[str, Any]:
        """GitHub's JSON of a repository, served at its own address too."""
        owner, name = full_name.split("/")
        document = {
            "id": 1296269,
            "name": name,
            "full_name": full_name,
            "owner": {"login": owner, "id": 1, "type": "User", "url": f"{self.api_url}/users/{owner}"},
            "private": False,
            "html_url": f"{self.url}/{full_name}",
            "description": "This your first repo!",
            "url": f"{self.api_url}/repos/{full_name}",
            "clone_url": f"{self.url}/{full_name}.git",
            "language": None,
            "size": 108,
            "default_branch": "main",
            "archived": False,
            "permissions": {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True},
        } | changes
        self.api("GET", f"/repos/{full_name}", Reply(200, document))
        return document

    def pull(self, full_name: str, number: int, **changes: Any) -> dict[str, Any]:
        """GitHub's JSON of a pull request, served at its own address too."""
        document = {
            "id": 3_000_000_000 + number,  # GitHub's ids have outgrown 32 bits
            "number": number,
            "url": f"{self.api_url}/repos/{full_name}/pulls/{number}",
            "html_url": f"{self.url}/{full_name}/pull/{number}",
            "title": "Amazing new feature",
            "body": "Please pull these awesome changes in!",
            "state": "open",
            "draft": False,
            "head": {"label": f"alice:work-{number}", "ref": f"work-{number}", "sha": "a" * 40},
            "base": {"label": "alice:main", "ref": "main", "sha": "b" * 40},
            "merged_at": None,
            "closed_at": None,
            "updated_at": "2011-01-26T19:01:12Z",
        } | changes
        etag = {"ETag": f'W/"pull-{number}"'}
        self.api("GET", f"/repos/{full_name}/pulls/{number}", Reply(200, document, etag))
        return document


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.github.answer(Asked(self.command, address.path, query, headers, body))  # type: ignore[attr-defined]
        self.send_response(reply.status)
        kind = "text/html" if isinstance(reply.data, bytes) else "application/json; charset=utf-8"
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(reply.body))} | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PATCH = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the requests are kept for the tests."""


@pytest.fixture
def hub() -> Iterator[ScriptedGitHub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.github = ScriptedGitHub(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.github  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def github(hub: ScriptedGitHub) -> Iterator[GitHub]:
    with GitHub(hub.api_url, TOKEN) as client:
        yield client


@pytest.fixture
def reply() -> type[Reply]:
    return Reply

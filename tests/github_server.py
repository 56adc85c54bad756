"""GitHub's answers about single pull requests, for what the local hub does not do: dead tokens and limits at will."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class PullServer(ThreadingHTTPServer):
    """Every pull request is open. `dead` and `limited` are tokens, `broken` numbers; `asked` is (token, number),
    `lines` counts the connections. `logs` and `words` are of checks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pulls)
        self.asked: list[tuple[str, int]] = []
        self.dead: set[str] = set()
        self.limited: set[str] = set()
        self.broken: set[int] = set()
        self.lines = 0
        self.logs: dict[int, str] = {}  # of jobs; other checks have none
        self.words: dict[int, str] = {}  # what checks say of themselves

    def get_request(self) -> tuple[socket.socket, Any]:
        self.lines += 1
        return super().get_request()


class _Pulls(BaseHTTPRequestHandler):
    server: PullServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "/check-runs?" in self.path:
            return self._answer(200, {"total_count": 0, "check_runs": []})
        if "/reviews?" in self.path:
            return self._answer(200, [])
        if found := re.search(r"/(?:actions/jobs|check-runs|stored)/(\d+)", self.path):
            return self._check(int(found[1]))
        token, number = self.headers["Authorization"].removeprefix("Bearer "), int(self.path.rsplit("/", 1)[1])
        self.server.asked.append((token, number))
        if token in self.server.dead:
            return self._answer(401, {"message": "Bad credentials"})
        if token in self.server.limited:
            limits = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 60)}
            return self._answer(403, {"message": "API rate limit exceeded"}, limits)
        if number in self.server.broken:
            return self._answer(500, {"message": "Server Error"})
        pull = {
            "id": 6_000_000_000 + number,
            "number": number,
            "title": f"Pull request {number}, as GitHub has it",
            "state": "open",
            "html_url": f"http://127.0.0.1:3001/x/y/pull/{number}",
            "head": {"ref": f"branch-{number}", "sha": "a" * 40},
            "base": {"ref": "main", "sha": "b" * 40},
            "updated_at": "2026-01-02T12:00:00Z",
        }
        return self._answer(200, pull, {"ETag": f'"{number}"'})

    def _check(self, number: int) -> None:
        """As GitHub does, a job's log is elsewhere, where no token is shown."""
        log = self.server.logs.get(number)
        if self.path.startswith("/stored/"):
            assert log is not None and "Authorization" not in self.headers
            return self._send(200, log.encode(), {"Content-Type": "text/plain"})
        if "/jobs/" in self.path:
            elsewhere = f"http://localhost:{self.server.server_port}/stored/{number}"
            return (
                self._answer(302, "", {"Location": elsewhere}) if log else self._answer(404, {"message": "Not Found"})
            )
        if "/annotations" in self.path:
            return self._answer(200, [{"path": "shop/totals.py", "start_line": 4, "message": "unused import"}])
        output = {"title": self.server.words.get(number), "summary": None, "text": None, "annotations_count": 1}
        return self._answer(200, {"output": output})

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), headers)

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def pull_server() -> Iterator[PullServer]:
    """A server on a free port; demo mode finds it where ASYNCCODER_PORT is one less than `server_port`."""
    with PullServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

"""A git server on localhost for tests: bare repositories over smart HTTP, by git's own http-backend, behind a token."""

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class GitServer(ThreadingHTTPServer):
    """Serves `root/<name>.git` at `/<name>.git`; `refusals` maps a name to the status that is answered instead."""

    daemon_threads = True

    def __init__(self, root: Path, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.token = token
        self.refusals: dict[str, int] = {}
        self.requests: list[str] = []
        self.on_request: Callable[[], None] = lambda: None
        self.moved_to = ""
        self.given: list[str] = []

    def url(self, name: str) -> str:
        """The clone URL of a repository."""
        return f"http://127.0.0.1:{self.server_address[1]}/{name}.git"


class _Handler(BaseHTTPRequestHandler):
    server: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: a test that fails shows its own words."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self._body()
        self.server.requests.append(f"{self.command} {self.path}")
        name = unquote(parts.path).strip("/").split("/")[0].removesuffix(".git")
        given = self.headers.get("Authorization", "")
        self.server.on_request()
        self.server.given.append(given)
        if self.server.moved_to:
            return self._answer(301, b"", {"Location": self.server.moved_to + self.path})
        if name in self.server.refusals:
            return self._answer(self.server.refusals[name], b"<html>refused</html>")
        expected = base64.b64encode(f"x-access-token:{self.server.token}".encode()).decode()
        if given not in (f"Basic {expected}", f"Bearer {self.server.token}"):
            return self._answer(401, b"who are you?\n", {"WWW-Authenticate": 'Basic realm="git"'})
        if not (self.server.root / f"{name}.git").is_dir():
            return self._answer(404, b"Repository not found.\n")
        self._backend(unquote(parts.path), parts.query, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _backend(self, path: str, query: str, body: bytes) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "true",
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "tester",
        }
        done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self._answer(int(headers.pop("Status", "200").split()[0]), content, headers)

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def git_server(root: Path, token: str) -> Iterator[GitServer]:
    """A running server, stopped at the end."""
    server = GitServer(root, token)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_repository(path: Path, files: dict[str, str], *, branch: str = "main") -> str:
    """A bare repository with one commit of these files; returns the commit's name."""
    git(path.parent, "init", "--quiet", "--bare", f"--initial-branch={branch}", str(path))
    return add_commit(path, files, branch=branch)


def add_commit(path: Path, files: Mapping[str, str | None], *, branch: str = "main", message: str = "A change") -> str:
    """Adds a commit to a branch of a bare repository, by another person; None deletes a file. Returns its name."""
    lines = [f"commit refs/heads/{branch}", "committer Bob <bob@example.org> 1700000000 +0000"]
    lines += [f"data {len(message.encode())}", message]
    tip = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"], cwd=path, capture_output=True, text=True
    ).stdout.strip()
    if tip:
        lines.append(f"from {tip}")
    for name, content in files.items():
        mode, name = ("120000", name.removesuffix("@")) if name.endswith("@") else ("100644", name)
        mode, name = ("100755", name.removesuffix("*")) if name.endswith("*") else (mode, name)
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if content is None:
            lines.append(f"D {quoted}")
            continue
        lines += [f"M {mode} inline {quoted}", f"data {len(content.encode())}", content]
    git(path, "fast-import", "--quiet", stdin="\n".join(lines) + "\n")
    return git(path, "rev-parse", f"refs/heads/{branch}")


def git(folder: Path, *args: str, stdin: str = "") -> str:
    """Plain git for what a test sets up or looks at; stripped stdout."""
    done = subprocess.run(["git", *args], cwd=folder, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"git {' '.join(args)}: {done.stderr}")
    return done.stdout.strip()

"""git over HTTP, by git's own `http-backend`: the hub says who may, git does the rest."""

import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from backend import log
from backend.localhub import access, git, pulls, visitors
from backend.localhub.access import Place, Viewer
from backend.localhub.hub import Hub

LARGEST_PUSH = 2_000_000_000  # bytes
SECONDS = 600
_PIECE = 65_536
# As GitHub: partial clones, fetching any commit that a branch holds; pull requests' refs are not to be pushed to.
_OPTIONS = (
    "uploadpack.allowFilter=true",
    "uploadpack.allowTipSHA1InWant=true",
    "uploadpack.allowReachableSHA1InWant=true",
    "receive.hideRefs=refs/pull",
    "receive.denyDeleteCurrent=refuse",
    "receive.autogc=false",
)
_COMMAND = [
    "git",
    "-c",
    "core.hooksPath=/dev/null",
    *(w for option in _OPTIONS for w in ("-c", option)),
    "http-backend",
]
_log = log.get(__name__)


class GitDoor:
    """The endpoint of `/{owner}/{name}.git/…`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def endpoint(self, request: Request) -> Response:
        """Takes the body to a file first: a push can be large, and git wants to know its length."""
        with tempfile.TemporaryFile() as body:
            size = 0
            async for piece in request.stream():
                size += len(piece)
                if size > LARGEST_PUSH:
                    return PlainTextResponse("Too large\n", 413)
                body.write(piece)
            body.seek(0)
            return await run_in_threadpool(self._serve, request, body, size)

    def _serve(self, request: Request, body: IO[bytes], size: int) -> Response:
        service = _service(request)
        if service is None:
            return PlainTextResponse("Please use git's smart HTTP\n", 403)
        is_push = service == "git-receive-pack"
        found = self._allowed(request, is_push)
        if isinstance(found, Response):
            return found
        place, viewer = found
        if not (is_push and request.method == "POST"):
            return self._run(request, body, size, place, viewer)
        with self._hub.repositories.held(place.repository.id) as bare:
            before = bare.refs()
            answer = self._run(request, body, size, place, viewer)
            if bare.refs() != before:
                with self._hub.store.write() as db:
                    pulls.note_push(self._hub, db, place.repository.id)
                    pulls.observe(self._hub, db, place.repository.id, viewer.account)
                self._hub.courier.ring()
        return answer

    def _allowed(self, request: Request, is_push: bool) -> tuple[Place, Viewer] | Response:
        with self._hub.store.read() as db:
            viewer = visitors.git_viewer(db, request)
            owner, name = request.path_params["owner"], request.path_params["name"].removesuffix(".git")
            place = access.place(db, viewer, owner, name) if viewer else None
            moved = access.moved(db, viewer, owner, name) if viewer and place is None else None
        if viewer is None:
            return _ask("Bad credentials\n")
        if moved is not None:
            address = f"{self._hub.config.base_url}/{moved.full_name}.git/{_action(request)}?{request.url.query}"
            return RedirectResponse(address, 301)
        if place is None:
            is_known = viewer.account or viewer.installation
            return PlainTextResponse("Repository not found.\n", 404) if is_known else _ask("Repository not found.\n")
        if is_push and not place.allows("write"):
            if viewer.installation:
                return PlainTextResponse("Write access to repository not granted.\n", 403)
            if viewer.account is None:
                return _ask("No anonymous write access.\n")
            who = viewer.account.login
            return PlainTextResponse(f"Permission to {place.full_name}.git denied to {who}.\n", 403)
        return place, viewer

    def _run(self, request: Request, body: IO[bytes], size: int, place: Place, viewer: Viewer) -> Response:
        bare = self._hub.repositories.of(place.repository.id)
        headers = request.headers
        told = {
            "GIT_PROJECT_ROOT": str(bare.path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{bare.path.name}/{_action(request)}",
            "QUERY_STRING": request.url.query,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(size),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        if viewer.account or viewer.installation:
            # This is what lets http-backend take a push.
            told["REMOTE_USER"] = viewer.account.login if viewer.account else "x-access-token"
        output = tempfile.TemporaryFile()  # noqa: SIM115 closed when the answer is sent
        done = subprocess.run(
            _COMMAND, stdin=body, stdout=output, stderr=subprocess.PIPE, env=git.environment(told), timeout=SECONDS
        )
        if done.returncode and not output.tell():
            output.close()
            _log.warning("git http-backend failed", said=done.stderr.decode(errors="replace")[-500:])
            return PlainTextResponse("git failed\n", 500)
        return _answer(output)


def _action(request: Request) -> str:
    return request.url.path.split("/", 3)[3]


def _service(request: Request) -> str | None:
    action = _action(request)
    service = request.query_params.get("service") if action == "info/refs" else action
    fits = request.method == ("GET" if action == "info/refs" else "POST")
    return service if fits and service in ("git-upload-pack", "git-receive-pack") else None


def _ask(sentence: str) -> Response:
    return PlainTextResponse(sentence, 401, {"WWW-Authenticate": 'Basic realm="GitHub"'})


def _answer(output: IO[bytes]) -> Response:
    """A CGI program's output as a response."""
    output.seek(0)
    status, headers = 200, {}
    while line := output.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return StreamingResponse(_pieces(output), status, headers)


def _pieces(output: IO[bytes]) -> Iterator[bytes]:
    with output:
        while piece := output.read(_PIECE):
            yield piece

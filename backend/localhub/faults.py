"""Faults that tests order: the next requests that fit go wrong in the way that was asked for, each once.

What is ordered and what has struck are kept with the hub's rows: a hub that is killed meanwhile goes on with them.
"""

import asyncio
import json
import re
import threading
import time
from collections import Counter

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.localhub.store import Store, flag, set_flag

TOO_SLOW = 11.0  # seconds: a client waits ten
LATE = 6.0  # seconds that a webhook comes late, behind those of what happened after it
_LIMITED_SECONDS = 2
_FLAG = "faults"
_REST, _CLONE, _PUSH, _OPEN = (
    re.compile(pattern)
    for pattern in (
        r"(?!DELETE)\w+ /api/v3/repos/",
        r"POST /[^/]+/[^/]+/git-upload-pack$",
        r"POST /[^/]+/[^/]+/git-receive-pack$",
        r"POST /api/v3/repos/[^/]+/[^/]+/pulls$",
    )
)
# By its name: the requests that it strikes, and how. `before`: it never arrives; `after`: its answer never does.
REQUESTS = {
    "rest_502": (_REST, "502"),
    "rest_403_limited": (_REST, "403"),
    "rest_429": (_REST, "429"),
    "rest_too_slow": (_REST, "slow"),
    "clone_503": (_CLONE, "503"),
    "clone_cut": (_CLONE, "cut"),
    "push_503": (_PUSH, "503"),
    "push_cut": (_PUSH, "before"),
    "push_answer_lost": (_PUSH, "after"),
    "open_500": (_OPEN, "500"),
    "open_answer_lost": (_OPEN, "after"),
}
WEBHOOKS = ("hook_twice", "hook_late", "hook_lost")
KINDS = (*REQUESTS, *WEBHOOKS)


class Faults:
    """What is ordered and what has struck."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        with store.read() as db:
            known = json.loads(flag(db, _FLAG, "{}"))
        self._ordered, self._struck = Counter(known.get("ordered", {})), Counter(known.get("struck", {}))

    def order(self, kind: str, count: int) -> None:
        """So many more of a kind."""
        with self._lock:
            self._ordered[kind] += count
            self._keep()

    def clear(self) -> None:
        """As if none had ever been ordered."""
        with self._lock:
            self._ordered.clear()
            self._struck.clear()
            self._keep()

    def told(self) -> dict[str, dict[str, int]]:
        """Both, by kind."""
        with self._lock:
            return {"ordered": dict(+self._ordered), "struck": dict(self._struck)}

    def of_request(self, method: str, path: str) -> str | None:
        """The way in which this request goes wrong, which is then used up; None for almost all of them."""
        if not self._ordered:
            return None
        asked = f"{method} {path}"
        for kind, (fits, how) in REQUESTS.items():
            if self._ordered[kind] and fits.match(asked) and self.take(kind):
                return how
        return None

    def take(self, kind: str) -> bool:
        """Whether one of a kind is ordered, which is then used up."""
        with self._lock:
            if not self._ordered[kind]:
                return False
            self._ordered[kind] -= 1
            self._struck[kind] += 1
            self._keep()
            return True

    def _keep(self) -> None:
        with self._store.write() as db:
            told = {"ordered": dict(+self._ordered), "struck": dict(self._struck)}
            set_flag(db, _FLAG, json.dumps(told))


class Faulty:
    """The door at which they strike."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request, or what becomes of it."""
        is_request = scope["type"] == "http"
        how = await asyncio.to_thread(self._faults.of_request, scope["method"], scope["path"]) if is_request else None
        match how:
            case None:
                await self._app(scope, receive, send)
            case "slow":
                await asyncio.sleep(TOO_SLOW)
                await self._app(scope, receive, send)
            case "before":
                await _broken(send)
            case "after":
                await self._app(scope, receive, _to_nobody)
                await _broken(send)
            case "cut":
                await self._app(scope, receive, _Half(send))
            case _:
                await _refusal(int(how))(scope, receive, send)


class _Half:
    """Passes half of the first piece on, and nothing any more."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            piece = message.get("body", b"")
            await self._send({**message, "body": piece[: len(piece) // 2], "more_body": True})
            raise ConnectionAbortedError("A test ordered that the answer breaks off.")
        await self._send(message)


async def _to_nobody(message: Message) -> None:
    return


async def _broken(send: Send) -> None:
    """An answer that promises more than comes."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"65536")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionAbortedError("A test ordered that the answer is lost.")


def _refusal(status: int) -> JSONResponse:
    headers = {}
    if status == 403:  # GitHub's documentation, "Rate limits for the REST API"
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + _LIMITED_SECONDS)}
    if status == 429:
        headers = {"retry-after": str(_LIMITED_SECONDS)}
    said = "API rate limit exceeded" if status in (403, 429) else "Server Error"
    return JSONResponse({"message": said, "status": str(status)}, status, headers)

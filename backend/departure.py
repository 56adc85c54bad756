"""How a web process leaves: who balances hears it first, then everybody who listens, and only then it ends.

`serve.py` turns the first TERM into the signal TOLD for the process that serves, and ends it once that says LEFT.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from time import monotonic
from typing import Any

from backend import log
from backend.hub import hub

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOLD, LEFT = signal.SIGUSR1, signal.SIGUSR2
HELD = {signal.SIGTERM, signal.SIGINT, LEFT}  # the parent's, which has them blocked
WATCHED_SECONDS = 30.0  # whoever asked within this time whether we are ready will ask again
MOST_SECONDS = 5.0  # until they have
_FAREWELL_SECONDS = 0.3  # in which what was said last goes out
_RESTART = 1012  # "Service Restart" of IANA's registry of WebSocket close codes: come again
_log = log.get(__name__)


class Departure:
    """Of this process; it happens once."""

    def __init__(self) -> None:
        self.has_begun = False
        self._asked_at = self._heard_at = float("-inf")
        self._sockets: set[Send] = set()

    def is_noted(self) -> bool:
        """Whether this process is about to leave, for whoever asks if it is ready; that somebody asks is kept."""
        self._asked_at = monotonic()
        if self.has_begun:
            self._heard_at = self._asked_at
        return self.has_begun

    async def leave(self) -> None:
        """Returns once nobody is left who does not know."""
        if self.has_begun:
            return
        until = monotonic() + MOST_SECONDS
        is_watched = monotonic() - self._asked_at < WATCHED_SECONDS
        self.has_begun = True
        while is_watched and self._heard_at < 0 and monotonic() < until:
            await asyncio.sleep(0.05)
        hub.part()
        await asyncio.gather(*(_close(send) for send in tuple(self._sockets)))
        await asyncio.sleep(_FAREWELL_SECONDS)

    async def sit_in(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a websocket that is closed in good order when this process leaves; none is opened after that."""
        if hub.has_parted:
            await receive()
            await send({"type": "websocket.close", "code": _RESTART})
            return
        self._sockets.add(send)
        try:
            await app(scope, receive, send)
        finally:
            self._sockets.discard(send)


class Parting:
    """ASGI: the websockets of this process take their leave with it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        if scope["type"] == "websocket":
            await departure.sit_in(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)


departure = Departure()


async def follow() -> None:
    """Leaves when told to, and tells the parent then. For the event loop of the process that serves, as it begins."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(TOLD, told.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    await told.wait()
    _log.info("taking leave")
    await departure.leave()
    os.kill(os.getppid(), LEFT)


async def _close(send: Send) -> None:
    with suppress(Exception):  # it has closed by itself
        await send({"type": "websocket.close", "code": _RESTART})

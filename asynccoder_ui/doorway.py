"""The sockets' doorway: a socket that sends what cannot be read is closed, with one line in the log.

Left to Reflex and socketio, every such message writes itself and a traceback, and the sender may go on.
"""

from typing import Any

from reflex.app import EventNamespace
from socketio import AsyncServer

from asynccoder_ui import given
from backend import log

_WORDS = 200  # characters of what went wrong that are logged
_log = log.get(__name__)


def guard(server: AsyncServer, pages: EventNamespace) -> None:
    """Puts the doorway before all namespaces of the server, and before the pages' events."""
    known = pages.app._registration_context.event_handlers
    handle, hear = pages.on_event, server.eio.handlers["message"]

    async def on_event(sid: str, data: Any = None, *_: Any) -> None:
        given.require_event(data, known)
        await handle(sid, data)

    async def hear_or_close(connection: str, message: Any) -> None:
        try:
            await hear(connection, message)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"[:_WORDS]
            _log.warning("a socket was closed for what it sent", error=words)
            await server.eio.disconnect(connection)

    pages.on_event = on_event  # Reflex makes its namespace itself
    server.eio.on("message", hear_or_close)

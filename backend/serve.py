"""The web process: `python -m backend.serve [--when-told]`.

granian with one worker process, since what a tab remembers lives in its memory. The app is imported here, before the
worker is forked: a worker that has to be replaced is there at once. With `--when-told` it imports while the database is
still starting, and listens only once a line comes on stdin.
"""

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import cast

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from backend import db, departure
from backend.errors import AsyncCoderError, Misconfigured
from backend.schema import is_at_head
from backend.services import deployment
from backend.settings import PROJECT_DIR, get_settings

IN_FLIGHT_SECONDS = 5  # that requests may take to their end once everybody has heard
_HURRY_SECONDS = 0.5  # that the end may take where it was asked for twice
APP = "asynccoder_ui.asynccoder_ui:app"  # by name: the backend imports none of its doors


def main(arguments: list[str]) -> None:
    """Serves until TERM. Raises Misconfigured for settings, or a database, that must not be served."""
    settings = get_settings()
    settings.check()
    os.chdir(PROJECT_DIR)
    if "--when-told" in arguments:
        _import_app()
        if not sys.stdin.readline():
            return  # whoever started us is gone
    if not is_at_head(settings.resolved_database_url):
        raise Misconfigured("The database does not have this version's schema.", fix="Run: asynccoder migrate")
    with db.transaction() as session:
        deployment.prepare(session, settings)
    _import_app()
    db.dispose()  # nothing is open when the worker is forked
    server = Granian(
        APP,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        log_level=LogLevels.warning,
        workers_kill_timeout=IN_FLIGHT_SECONDS,  # a line that does not end would hold a stop for ever
    )
    server.on_startup(lambda: _take_leave_first(cast("Callable[..., None]", signal.getsignal(signal.SIGTERM))))
    server.serve()


def _take_leave_first(end: Callable[..., None]) -> None:
    """The first TERM lets the process that serves take its leave; `end`, granian's own answer, follows then, or when
    that takes too long. At the second nothing is waited for.

    A thread waits for the signals, which are blocked: a handler runs in the main thread alone, and that one sleeps on
    where the kernel gives the signal to another.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, departure.HELD)
    signal.signal(departure.TOLD, signal.SIG_IGN)  # as the process that serves has it until it listens

    def attend() -> None:
        signal.sigwait(departure.HELD)
        if _send(departure.TOLD):
            latest = threading.Timer(departure.MOST_SECONDS + 1, end, (signal.SIGTERM, None))
            latest.daemon = True
            latest.start()
            if signal.sigwait(departure.HELD) != departure.LEFT:
                end(signal.SIGTERM, None)
                time.sleep(_HURRY_SECONDS)
                _send(signal.SIGKILL)
        end(signal.SIGTERM, None)

    threading.Thread(target=attend, name="departure", daemon=True).start()


def _send(number: int) -> int:
    """A signal to whoever serves; to how many."""
    serving = multiprocessing.active_children()
    for one in serving:
        with suppress(ProcessLookupError):
            os.kill(one.pid or 0, number)
    return len(serving)


def _import_app() -> None:
    gc.disable()  # imports make nothing but what stays: collecting meanwhile is a tenth of their time
    import_module(APP.partition(":")[0])
    gc.freeze()  # and what is never looked at again stays shared with the worker after the fork
    gc.enable()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AsyncCoderError as error:
        sys.exit(f"{error} {getattr(error, 'fix', '')}".strip())

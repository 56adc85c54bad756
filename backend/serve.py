"""The web process: `python -m backend.serve [--when-told]`.

granian with one worker process, since what a tab remembers lives in its memory. The app is imported here, before the
worker is forked: a worker that has to be replaced is there at once. With `--when-told` it imports while the database is
still starting, and listens only once a line comes on stdin.
"""

import gc
import os
import sys
from importlib import import_module

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from backend import db
from backend.errors import AsyncCoderError, Misconfigured
from backend.schema import is_at_head
from backend.services import deployment
from backend.settings import PROJECT_DIR, get_settings

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
    Granian(
        APP,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        log_level=LogLevels.warning,
        workers_kill_timeout=2,  # open websockets would hold a stop for ever
    ).serve()


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

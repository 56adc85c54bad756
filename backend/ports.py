"""Is a TCP port free, and if not, whose is it?"""

import errno
import http.client
import ipaddress
import os
import socket
from pathlib import Path

from backend.errors import Misconfigured

LISTENING = "0A"  # the state's code in /proc/net/tcp, proc(5)


def ensure_free(host: str, port: int, *, what: str) -> None:
    """Raises Misconfigured, with the holder's name where the system tells it, when we could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no holder
        try:
            probe.bind((host.strip("[]"), port))
            probe.listen()
        except OSError as error:
            raise Misconfigured(_sentence(host, port, what, error), fix=_fix(port, error)) from error


def _sentence(host: str, port: int, what: str, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"The {what} cannot listen on {host} port {port}: {error.strerror or error}."
    holder = _holder(port)
    return f"Port {port}, which the {what} needs, is taken" + (f" by {holder}." if holder else ".")


def _fix(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Stop that program, or choose other ports: ASYNCCODER_PORT={port + 10} make up"
    return "Set ASYNCCODER_HOST and ASYNCCODER_PORT to an address of this machine and a port above 1023."


def _holder(port: int) -> str | None:
    """`name (process 123)` of who listens on the port; None where /proc does not say (another user's process)."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening_inodes(table, port)}
    if not inodes:
        return None
    for folder in Path("/proc").glob("[0-9]*"):
        if _has_open(folder, inodes):
            return f"{_name(folder)} (process {folder.name})"
    return None


def _listening_inodes(table: str, port: int) -> list[str]:
    try:
        rows = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    fields = [row.split() for row in rows]
    return [row[9] for row in fields if row[3] == LISTENING and int(row[1].rsplit(":", 1)[1], 16) == port]


def _has_open(folder: Path, links: set[str]) -> bool:
    try:
        return any(os.readlink(entry.path) in links for entry in os.scandir(folder / "fd"))
    except OSError:
        return False  # another user's, or already gone


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"


def answers(host: str, port: int, path: str) -> bool:
    """Whether a part of ours says 200. Without urllib, which would ask a configured proxy."""
    everywhere = ipaddress.ip_address(host).is_unspecified if host[:1].isdigit() or ":" in host else False
    connection = http.client.HTTPConnection("localhost" if everywhere else host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

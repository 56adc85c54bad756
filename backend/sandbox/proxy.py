"""The one way out of a jail: a proxy of the worker's that knows a few hosts and refuses all others.

It listens on a unix socket in the workspace, which the jail has as its own folder; beside it, on the jail's loopback,
RELAY takes what programs send to a proxy, since pip and npm know no unix sockets. HTTP's CONNECT and absolute-form
requests are RFC 9110, 9.3.6 and RFC 9112, 3.2.2. What goes through CONNECT is not looked into.
"""

import os
import select
import socket
import socketserver
import threading
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from backend.package_hosts import PackageHost

SOCKET = "proxy"
_HEAD_BYTES = 16 * 1024
_MOST_AT_ONCE = 64
_CONNECT_SECONDS, _IDLE_SECONDS = 15.0, 120.0
_MOST_TOLD = 20  # refused hosts
_HOP = (b"proxy-", b"connection:", b"keep-alive:")

# Run by the jail's Python as `python3 -c RELAY <socket> <command…>`: the command's exit code is its own.
RELAY = """
import asyncio, os, sys

async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()

async def main(path, *command):
    async def serve(reader, writer):
        try:
            there, back = await asyncio.open_unix_connection(path)
        except OSError:
            return writer.close()
        await asyncio.gather(pump(reader, back), pump(there, writer))
        back.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    for name in ("http_proxy", "https_proxy", "npm_config_proxy", "npm_config_https_proxy"):
        os.environ[name] = url
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "PIP_PROXY"):
        os.environ[name] = url
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1,::1"
    os.environ["NODE_USE_ENV_PROXY"] = "1"
    child = await asyncio.create_subprocess_exec(*command)
    code = await child.wait()
    return code if code >= 0 else 128 - code

sys.exit(asyncio.run(main(*sys.argv[1:])))
"""


class PackageProxy:
    """Listens in `folder` while the block lasts; `refused` says which other hosts were asked for."""

    def __init__(self, folder: Path, hosts: Sequence[PackageHost]) -> None:
        self.refused: list[str] = []
        self._server = _Server(folder, hosts, self.refused)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="package proxy", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.end()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, folder: Path, hosts: Sequence[PackageHost], refused: list[str]) -> None:
        self.hosts = hosts
        self._refused = refused
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._open: set[socket.socket] = set()
        self._is_over = False
        self._lock = threading.Lock()
        # A socket's path has room for 107 bytes; through its folder's descriptor any path is short enough.
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            path = f"/proc/self/fd/{descriptor}/{SOCKET}"
            super().__init__(path, _Request)
            os.chmod(path, 0o666)  # the folder is the jail's alone
        finally:
            os.close(descriptor)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, as long as there are not too many."""
        if not self._slots.acquire(timeout=1):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves one connection and gives its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the program's own affair."""

    def hold(self, connection: socket.socket) -> None:
        """Notes a connection out, to be closed with the server. Raises OSError once that was closed."""
        with self._lock:
            if self._is_over:
                raise OSError("the proxy is closed")
            self._open.add(connection)

    def let_go(self, connection: socket.socket) -> None:
        """Forgets a connection that is over."""
        with self._lock:
            self._open.discard(connection)

    def refuse(self, place: str) -> None:
        """Notes what was asked for in vain."""
        with self._lock:
            if place not in self._refused and len(self._refused) < _MOST_TOLD:
                self._refused.append(place)

    def end(self) -> None:
        """Nothing goes out any more."""
        self.server_close()
        with self._lock:
            self._is_over = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Refusal(Exception):
    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _Request(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """One connection: its head decides where it leads, what follows is passed on."""
        client: socket.socket = self.request
        client.settimeout(_IDLE_SECONDS)
        try:
            head, rest = _head(client)
            method, target, version = _first_line(head)
            name, port, path = _place(method, target)
            out = self._connected(name, port)
        except _Refusal as refusal:
            body = f"{refusal}\n".encode()
            client.sendall(
                f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + body
            )
            return
        try:
            self.server.hold(out)
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                rest = _rewritten(head, f"{method} {path} {version}") + rest
            out.sendall(rest)
            _pass_on(client, out)
        finally:
            self.server.let_go(out)
            out.close()

    def _connected(self, name: str, port: int) -> socket.socket:
        place = str(PackageHost(name, port))
        rule = next((host for host in self.server.hosts if host.allows(name, port)), None)
        if rule is None:
            self.server.refuse(place)
            raise _Refusal("403 Forbidden", f"{place} is not among the package hosts that a set-up script may reach.")
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise _Refusal("502 Bad Gateway", f"{name} cannot be found.") from error
        for family, kind, protocol, _, address in found:
            if rule.port is None and _is_of_this_machine(str(address[0])):
                continue  # a name that leads here without its port having been named is not what was meant
            out = socket.socket(family, kind, protocol)
            out.settimeout(_CONNECT_SECONDS)
            try:
                out.connect(address)
            except OSError:
                out.close()
                continue
            out.settimeout(_IDLE_SECONDS)
            return out
        raise _Refusal("502 Bad Gateway", f"{place} cannot be reached.")


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(4096)
        if not piece or len(data) > _HEAD_BYTES:
            raise _Refusal("400 Bad Request", "This is no request to a proxy.")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _first_line(head: bytes) -> tuple[str, str, str]:
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[0].isalpha() or words[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise _Refusal("400 Bad Request", "This is no request to a proxy.")
    return words[0], words[1], words[2]


def _place(method: str, target: str) -> tuple[str, int, str]:
    """Host and port that a request asks for, and the path that the host gets."""
    try:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        name, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        name, port, parts = "", None, urlsplit("")
    is_known = port if method == "CONNECT" else parts.scheme == "http"
    if not name or not name.isascii() or not is_known or port == 0:
        raise _Refusal("400 Bad Request", "A proxy is asked for a host and a port, or for an http:// address.")
    return name, port or 80, urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _rewritten(head: bytes, first_line: str) -> bytes:
    fields = head.split(b"\r\n")[1:]
    kept = [field for field in fields if not field.lower().startswith(_HOP)]
    return b"\r\n".join([first_line.encode("latin-1"), *kept, b"Connection: close", b"", b""])


def _pass_on(client: socket.socket, out: socket.socket) -> None:
    """Both ways, until both have ended or nothing moved for a while."""
    other = {client: out, out: client}
    reading = [client, out]
    while reading:
        ready, _, _ = select.select(reading, [], [], _IDLE_SECONDS)
        if not ready:
            return
        for one in ready:
            if data := one.recv(65536):
                other[one].sendall(data)
                continue
            reading.remove(one)
            with suppress(OSError):
                other[one].shutdown(socket.SHUT_WR)
            if one is out:
                return


def _is_of_this_machine(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    return found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast

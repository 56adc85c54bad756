"""A plain socket echo on the server that the pages run on: what one socket says is said to all, and a page shows it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from backend.settings import PROJECT_DIR

_HELLO = "hello"  # is answered to whoever said it, as a tab's opening is
_PAGE = """<!doctype html><title>Echo</title><body><script>
const line = new WebSocket(`ws://${location.host}/`);
line.onmessage = ({ data }) => { document.body.firstChild.textContent = data; };
document.body.prepend("");
line.onopen = () => { document.body.append("open"); };
</script>"""
_lines: set[Any] = set()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The page over HTTP; everything else over a socket."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": _PAGE.encode()})
    elif scope["type"] == "websocket":
        await _serve(receive, send)


async def _serve(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "0"})
    _lines.add(send)
    try:
        while (said := await receive())["type"] == "websocket.receive":
            if said["text"] == _HELLO:
                await send({"type": "websocket.send", "text": "42"})
                continue
            for line in tuple(_lines):
                await line({"type": "websocket.send", "text": said["text"]})
    finally:
        _lines.discard(send)


@contextmanager
def running() -> Iterator[str]:
    """Starts it and gives its `host:port`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen([sys.executable, "-m", *command, "benchmarks.ui.echo:app"], cwd=PROJECT_DIR)
    try:
        for _ in range(200):
            try:
                httpx.get(f"http://127.0.0.1:{port}", trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def opening(host: str) -> list[dict[str, Any]]:
    """What a follower says to it."""
    return [{"address": f"ws://{host}/", "says": [_HELLO]}]

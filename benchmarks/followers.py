"""`python -m benchmarks.followers`: tabs without a browser, over true websockets.

Reads one JSON line, `{cookie, origin, token, count, sockets: [{address, says}]}`: for each of `count` tabs it opens
these sockets and says on them what the browser said when it opened the page, under a token of its own. Prints `ready`
once all are answered. Ends with its standard input.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from wsproto import ConnectionType, WSConnection
from wsproto.events import Request, TextMessage

Headers = list[tuple[bytes, bytes]]
ANSWER_SECONDS = 30


@contextmanager
def opened(wanted: dict[str, Any]) -> Iterator[None]:
    """Those tabs, in a process of their own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.followers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(wanted) + "\n")
    process.stdin.flush()
    if process.stdout.readline().strip() != "ready":
        raise SystemExit("  The other tabs could not be opened.")
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


async def _follow(address: str, says: list[str], headers: Headers, answered: "asyncio.Queue[None]") -> None:
    """One socket: says its part, keeps the line alive, reads what comes and forgets it."""
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    line = WSConnection(ConnectionType.CLIENT)

    def say(words: str) -> None:
        writer.write(line.send(TextMessage(words)))

    writer.write(line.send(Request(url.netloc, f"{url.path}?{url.query}", extra_headers=headers)))
    is_known = False
    async for said in _heard(reader, line):
        if said.startswith("0"):
            say(says[0])
        elif said.startswith("40"):
            for one in says[1:]:
                say(one)
        elif said == "2":
            say("3")
        elif said.startswith("42") and not is_known:
            is_known = True
            answered.put_nowait(None)


async def _heard(reader: asyncio.StreamReader, line: WSConnection) -> AsyncIterator[str]:
    """The messages of a socket, whole; none more once it is closed."""
    parts: list[str] = []
    while data := await reader.read(65_536):
        line.receive_data(data)
        for event in line.events():
            if isinstance(event, TextMessage):
                parts.append(event.data)
                if event.message_finished:
                    yield "".join(parts)
                    parts.clear()


async def _main() -> None:
    wanted = json.loads(sys.stdin.readline())
    headers = [(b"cookie", wanted["cookie"].encode()), (b"origin", wanted["origin"].encode())]
    answered: asyncio.Queue[None] = asyncio.Queue()
    tabs = []
    for _ in range(wanted["count"]):
        own = str(uuid4())
        for line in wanted["sockets"]:
            address, *says = (text.replace(wanted["token"], own) for text in (line["address"], *line["says"]))
            tabs.append(asyncio.create_task(_follow(address, says, headers, answered)))
            await asyncio.wait_for(answered.get(), ANSWER_SECONDS)
    print("ready", flush=True)
    await asyncio.gather(*tabs)


if __name__ == "__main__":
    asyncio.run(_main())

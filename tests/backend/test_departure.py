"""A web process that is told to stop: a balancer hears it first, then everybody who listens, and nothing is cut off."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Request, TextMessage

from backend import ui_build
from backend.settings import PROJECT_DIR, get_settings
from tests.backend.api.conftest import token
from tests.conftest import People
from tests.ports import free_port_pair

LISTENERS = 50


@pytest.fixture
def web(people: People, environment: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[bytes]"]:
    """The web process itself, with an empty page, told where it is by the settings."""
    environment.setenv("ASYNCCODER_PORT", str(free_port_pair()))
    get_settings.cache_clear()
    pages = ui_build.folder(get_settings()) / "web" / "build" / "client"
    pages.mkdir(parents=True)
    (pages / "index.html").touch()
    with _serving() as process:
        yield process


@contextmanager
def _serving() -> Iterator["subprocess.Popen[bytes]"]:
    environment = {**os.environ, **ui_build.serving_environment(get_settings())}
    command = [sys.executable, "-m", "backend.serve"]
    process = subprocess.Popen(command, cwd=PROJECT_DIR, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the process that serves outlives one that is killed
        process.wait()


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.05)


async def is_live(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/live")).status_code == 200
    except httpx.TransportError:
        return False


async def ask(words: str, body: str = "") -> Line:
    """A connection of its own with this much of a request on it."""
    line = await asyncio.open_connection("127.0.0.1", get_settings().port)
    line[1].write(f"{words}\r\nHost: 127.0.0.1\r\n\r\n{body}".encode())
    return line


async def listen(bearer: str) -> Line:
    line = await ask(f"GET /api/events HTTP/1.1\r\nAccept: text/event-stream\r\nAuthorization: Bearer {bearer}")
    await line[0].readuntil(b"retry: 2000\n\n")
    return line


async def rest(line: Line) -> str:
    """What still comes, to the end of the connection."""
    async with asyncio.timeout(20):
        return (await line[0].read()).decode()


def is_a_farewell(text: str) -> bool:
    """Whether a stream ends with when to come back, and its body as HTTP wants it to."""
    return "retry: " in text and ": restarting, come back\n\n" in text and text.endswith("\r\n0\r\n\r\n")


async def open_socket() -> tuple[Line, WSConnection]:
    settings = get_settings()
    line = await asyncio.open_connection("127.0.0.1", settings.port)
    socket = WSConnection(ConnectionType.CLIENT)
    headers = [(b"origin", settings.origin.encode())]
    address = f"127.0.0.1:{settings.port}"
    line[1].write(socket.send(Request(address, "/_event/?EIO=4&transport=websocket", extra_headers=headers)))
    await heard(line, socket, TextMessage)
    return line, socket


async def heard(line: Line, socket: WSConnection, kind: type) -> object:
    async with asyncio.timeout(20):
        while data := await line[0].read(65_536):
            socket.receive_data(data)
            for event in socket.events():
                if isinstance(event, kind):
                    return event
    return None


def test_who_listens_hears_a_goodbye_requests_end_as_they_should_and_the_process_is_gone(
    people: People, web: "subprocess.Popen[bytes]"
) -> None:
    bearer = token(people.alice)

    async def talk() -> None:
        async with httpx.AsyncClient(base_url=get_settings().origin, trust_env=False) as http:
            await until(lambda: is_live(http))
        streams = await asyncio.gather(*(listen(bearer) for _ in range(LISTENERS)))
        line, socket = await open_socket()
        half = await ask("POST /api/tasks HTTP/1.1\r\nConnection: close\r\nContent-Length: 2", "{")
        web.send_signal(signal.SIGTERM)
        closed = await heard(line, socket, CloseConnection)
        assert isinstance(closed, CloseConnection) and closed.code == 1012
        assert all(map(is_a_farewell, await asyncio.gather(*map(rest, streams))))
        half[1].write(b"}")
        assert (await rest(half)).startswith("HTTP/1.1 401 ")

    asyncio.run(talk())
    assert web.wait(10) == 0


def test_a_balancer_that_asks_hears_it_before_those_who_listen(people: People, web: "subprocess.Popen[bytes]") -> None:
    bearer = token(people.alice)

    async def talk() -> None:
        async with httpx.AsyncClient(base_url=get_settings().origin, trust_env=False) as http:

            async def is_leaving() -> bool:
                answer = await http.get("/health/ready")
                return answer.status_code == 503 and answer.json()["missing"] == ["leaving"]

            await until(lambda: is_live(http))
            assert not await is_leaving()
            stream = await listen(bearer)
            web.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
            assert await is_live(http), "new requests are served until the balancer knows"
            late = await listen(bearer)
            await until(is_leaving)
            assert all(map(is_a_farewell, await asyncio.gather(rest(stream), rest(late))))

    asyncio.run(talk())
    assert web.wait(10) == 0


def test_told_twice_it_waits_for_nobody(people: People, web: "subprocess.Popen[bytes]") -> None:
    async def talk() -> None:
        async with httpx.AsyncClient(base_url=get_settings().origin, trust_env=False) as http:
            await until(lambda: is_live(http))
            await http.get("/health/ready")

    asyncio.run(talk())
    web.send_signal(signal.SIGTERM)
    web.send_signal(signal.SIGINT)
    assert web.wait(10) == 0

"""A balancer for tests: connections go by turns to several servers, byte for byte, websockets among them."""

import asyncio
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

Address = tuple[str, int]


class Balancer:
    """Which server carried what; `only` names those that get connections from now on."""

    def __init__(self, servers: Sequence[Address]) -> None:
        self.only = list(servers)
        self.port = 0
        self.carried: list[tuple[Address, str]] = []  # each connection's server, and the line that it began with
        self._turns = itertools.count()

    def carriers(self, words: str) -> set[Address]:
        """The servers of the connections whose first line holds these words."""
        return {server for server, line in self.carried if words in line}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readline()
            server, (back, forth) = await self._reached()
            self.carried.append((server, first.decode("latin-1").strip()))
            forth.write(first)
            both = (asyncio.create_task(_pour(reader, forth)), asyncio.create_task(_pour(back, writer)))
            await asyncio.wait(both)
            forth.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _reached(self) -> tuple[Address, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """The next server that takes connections. Raises OSError where none does."""
        for _ in self.only:
            server = self.only[next(self._turns) % len(self.only)]
            with suppress(OSError):
                return server, await asyncio.open_connection(*server)
        raise OSError("no server takes connections")

    async def run(self, is_up: threading.Event, is_over: asyncio.Event) -> None:
        """Listens on a port of its own until it is over."""
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        is_up.set()
        await is_over.wait()
        listening.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof() if writer.can_write_eof() else None


@contextmanager
def balanced(servers: Sequence[Address]) -> Iterator[Balancer]:
    """One before these servers, in a thread of its own."""
    balancer, is_up = Balancer(servers), threading.Event()
    loop, is_over = asyncio.new_event_loop(), asyncio.Event()

    def work() -> None:
        loop.run_until_complete(balancer.run(is_up, is_over))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    is_up.wait(10)
    try:
        yield balancer
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join(10)

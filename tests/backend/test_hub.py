"""Rings reach whoever listens; what is lost on the way is made up for by reading again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from redis import Redis

from backend import hub as hubs
from backend.events import CHANNEL
from backend.hub import Hub, Ring


def listening(redis_url: str, talk: Callable[[Hub], Awaitable[None]]) -> None:
    """Runs `talk` beside a hub that is connected."""

    async def both() -> None:
        hub = Hub()
        task = asyncio.create_task(hub.run(redis_url))
        try:
            async with asyncio.timeout(10):
                while not hub.is_connected:
                    await asyncio.sleep(0.01)
                await talk(hub)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(both())


def publish(redis_url: str, topic: str, seq: int, kind: str = "note") -> None:
    with Redis.from_url(redis_url) as client:
        client.publish(CHANNEL, json.dumps({"topic": topic, "id": topic, "seq": seq, "kind": kind}))


def test_a_ring_reaches_those_who_follow_its_topic_and_nobody_else(redis_url: str) -> None:
    async def talk(hub: Hub) -> None:
        async with hub.subscribe("task:1", "user:1") as mine, hub.subscribe("task:2") as other:
            publish(redis_url, "task:1", 7)
            assert (await mine.get()).seq == 7
            assert other.empty()
        assert hub.listeners == 0

    listening(redis_url, talk)


def test_after_a_lost_connection_everyone_is_told_to_read_again(redis_url: str) -> None:
    async def talk(hub: Hub) -> None:
        async with hub.subscribe("task:1") as queue:
            with Redis.from_url(redis_url) as client:
                client.execute_command("CLIENT KILL TYPE pubsub")
            assert (await queue.get()).kind == hubs.RESYNC
            publish(redis_url, "task:1", 8)
            assert (await queue.get()).seq == 8

    listening(redis_url, talk)


def test_a_line_that_has_gone_dead_without_a_word_is_noticed(redis_url: str) -> None:
    async def road() -> None:
        address = urlsplit(redis_url)
        is_dead, lines, answers = False, 0, 0

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal answers
            while data := await reader.read(4096):
                answers += data.count(b"pong")
                if not is_dead:
                    writer.write(data)

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal lines
            lines += 1
            is_local = address.scheme == "unix"
            there = await (
                asyncio.open_unix_connection(address.path)
                if is_local
                else asyncio.open_connection(address.hostname, address.port)
            )
            with suppress(OSError):
                await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

        between = await asyncio.start_server(connect, "127.0.0.1", 0)
        port = between.sockets[0].getsockname()[1]
        hub = Hub(silence=0.5)
        who = address.netloc.rpartition("@")[0]
        task = asyncio.create_task(hub.run(f"redis://{who}{'@' if who else ''}127.0.0.1:{port}/0"))
        async with asyncio.timeout(30), hub.subscribe("task:1") as queue:
            assert (await queue.get()).kind == hubs.RESYNC
            while answers < 3:
                await asyncio.sleep(0.01)
            assert lines == 1, "a quiet line that answers is kept"
            is_dead = True
            while hub.is_connected:
                await asyncio.sleep(0.01)
            is_dead = False
            assert (await queue.get()).kind == hubs.RESYNC
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(road())


def test_a_listener_that_stands_still_gets_one_resync_instead_of_a_backlog(redis_url: str) -> None:
    async def talk(hub: Hub) -> None:
        async with hub.subscribe("task:1") as queue, hub.subscribe("task:1") as watch:
            for seq in range(hubs.BACKLOG + 1):
                publish(redis_url, "task:1", seq)
                await watch.get()
            assert queue.qsize() == 1
            assert queue.get_nowait() == Ring("task:1", "task:1", 0, hubs.RESYNC)

    listening(redis_url, talk)


def test_what_is_no_ring_is_passed_over(redis_url: str) -> None:
    async def talk(hub: Hub) -> None:
        async with hub.subscribe("task:1") as queue:
            with Redis.from_url(redis_url) as client:
                for junk in (b"\xff\xfe", "{", "[]", '{"topic": "task:1"}', "null"):
                    client.publish(CHANNEL, junk)
            publish(redis_url, "task:1", 1)
            assert (await queue.get()).seq == 1

    listening(redis_url, talk)

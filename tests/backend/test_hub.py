"""Rings reach whoever listens; what is lost on the way is made up for by reading again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

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

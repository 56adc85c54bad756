"""One pub/sub connection per web process, fanned out to pages, streams and sockets."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from backend import log
from backend.events import CHANNEL

_log = log.get(__name__)
# A listener that stands still this long gets one `resync` instead of a backlog.
BACKLOG = 256
SILENCE_SECONDS = 10.0  # after which the line is asked whether it lives: a dead one is noticed within twice this
RESYNC = "resync"
DELTA = "delta"
PARTING = "parting"


@dataclass(frozen=True)
class Ring:
    """Something is new. `delta` carries streamed text.

    `resync` says that rings may be lost, of any of the listener's topics: read everything again. After `parting`, when
    this process is about to end, none comes any more.
    """

    topic: str
    id: str
    seq: int
    kind: str
    text: str = ""
    of: str = ""


class Hub:
    """Subscribers by topic. Everything here runs on one event loop, so no lock is needed."""

    def __init__(self, silence: float = SILENCE_SECONDS) -> None:
        self._silence = silence
        self._queues: dict[str, set[asyncio.Queue[Ring]]] = defaultdict(set)
        self.is_connected = False
        self.has_parted = False

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[asyncio.Queue[Ring]]:
        """A queue of the rings of these topics, for as long as the block lasts."""
        queue: asyncio.Queue[Ring] = asyncio.Queue(BACKLOG)
        for topic in topics:
            self._queues[topic].add(queue)
        if self.has_parted:
            queue.put_nowait(Ring("", "", 0, PARTING))
        try:
            yield queue
        finally:
            for topic in topics:
                self._queues[topic].discard(queue)
                if not self._queues[topic]:
                    del self._queues[topic]

    @property
    def listeners(self) -> int:
        """How many queues are subscribed, over all topics."""
        return len({id(queue) for queues in self._queues.values() for queue in queues})

    def part(self) -> None:
        """Tells everybody who listens, or comes from now on, that this process is about to end."""
        self.has_parted = True
        for queue in {queue for queues in self._queues.values() for queue in queues}:
            _put(queue, Ring("", "", 0, PARTING))

    async def run(self, redis_url: str) -> None:
        """Listens until cancelled, through every outage; after one, each subscriber is told to read again."""
        pause = 0.1
        while True:
            try:
                client = Redis.from_url(redis_url, socket_connect_timeout=5)
                async with client, client.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    self.is_connected = True
                    self._resync()
                    pause = 0.1
                    await self._listen(pubsub)
            except (RedisError, OSError) as error:
                _log.warning("rings are away, reconnecting", error=str(error))
            finally:
                self.is_connected = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2)

    async def _listen(self, pubsub: PubSub) -> None:
        """Takes what comes. A connection that is silent is asked, and given up where it does not answer."""
        is_asked = False
        while True:
            message = await pubsub.get_message(timeout=self._silence)
            if message is not None:
                is_asked = False
                if message["type"] == "message":
                    self._take(message["data"])
            elif is_asked:
                raise RedisTimeout("Redis does not answer.")
            else:
                await pubsub.ping()
                is_asked = True

    def _take(self, data: bytes) -> None:
        try:
            ring = Ring(**json.loads(data))
        except (ValueError, TypeError) as error:
            _log.warning("a ring could not be read", error=str(error))
            return
        for queue in tuple(self._queues.get(ring.topic, ())):
            self._offer(queue, ring)

    def _offer(self, queue: asyncio.Queue[Ring], ring: Ring) -> None:
        if not queue.full():
            queue.put_nowait(ring)
        elif not self.has_parted:
            _put(queue, Ring(ring.topic, ring.id, 0, RESYNC))

    def _resync(self) -> None:
        for topic, queues in tuple(self._queues.items()):
            for queue in tuple(queues):
                self._offer(queue, Ring(topic, topic.partition(":")[2], 0, RESYNC))


def _put(queue: asyncio.Queue[Ring], ring: Ring) -> None:
    """In the place of whatever waits there: it would be read anew in any case."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(ring)


hub = Hub()

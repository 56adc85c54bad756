"""Server-sent events: the log of a task, and all that a person is told, as it happens (WHATWG HTML, section 9.2).

Rows are the record, rings only wake: a stream that was cut goes on after `Last-Event-ID` and loses nothing. Between two
rings nothing is held but the line itself. Who listens is asked for at each read, and every 15 s where nothing rings.
A process that is about to end says so in a comment, ends its streams in good order, and lets them come back at once.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from time import monotonic
from typing import Protocol
from uuid import UUID

from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlmodel import Session

from backend import db, events, metrics
from backend.api import bearer
from backend.api.schemas.base import Shown
from backend.errors import AsyncCoderError, InvalidInput, TooMany, Unavailable
from backend.hub import DELTA, PARTING, Ring, hub
from backend.models import User
from backend.services import api_tokens
from backend.services.api_tokens import Bearer
from backend.together import Together

BATCH = 500
HEARTBEAT = 15.0  # seconds of silence before a line says that it lives, and asks whether its token does
MOST = 50  # streams of one token in one web process
_WITHOUT_RINGS = 2.0  # seconds between two looks while Redis is away
_BACK_WITHIN = 1000  # milliseconds after a goodbye
_PAUSE = 0.1  # seconds: news go out at once and are then gathered
_THREADS = 2  # of the connection pool's
_open: Counter[UUID] = Counter()
_together = Together()
metrics.count_open("stream", _open.total)


class Numbered(Protocol):
    """A row with its place."""

    @property
    def seq(self) -> int:
        """Its number."""
        ...  # pragma: no cover


Read = Callable[[Session, User, int, int], Sequence[Numbered]]


class Stream(StreamingResponse):
    """An answer that does not end."""

    media_type = "text/event-stream"


def wanted(request: Request) -> bool:
    """Whether the caller asks for a stream by name."""
    kinds = (part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(","))
    return Stream.media_type in kinds


def last_known(request: Request, otherwise: int) -> int:
    """The number after which to go on, by the header of a line that was cut. Raises InvalidInput."""
    told = request.headers.get("last-event-id", "").strip()
    if not told:
        return otherwise
    number = told.lstrip("0")
    if not (told.isascii() and told.isdigit()) or len(number) > 10 or int(number or "0") >= 2**31:
        raise InvalidInput("Last-Event-ID is the number of the last entry that is known.", field="last-event-id")
    return int(number or "0")


def stream(
    request: Request, caller: Bearer, topic: str, after: int, read: Read, told: Callable[[Numbered], tuple[str, Shown]]
) -> Stream:
    """Everything of a topic after that number: `read` gives rows in order, `told` an event's name and content.

    Raises TooMany where the token has fifty streams open here.
    """
    _require_room(caller.token_id)
    line = _Line(bearer.text_of(request), caller, topic, read, told)
    lines = iter(()) if getattr(request.state, "is_head", False) else line.run(after)
    return Stream(lines, headers={"X-Accel-Buffering": "no"})


class _Line:
    def __init__(
        self, token: str, caller: Bearer, topic: str, read: Read, told: Callable[[Numbered], tuple[str, Shown]]
    ) -> None:
        self._token, self._caller, self._topic = token, caller, topic
        self._read, self._told = read, told

    async def run(self, after: int) -> AsyncGenerator[str, None]:
        """The stream itself; a refusal is its last event."""
        try:
            _require_room(self._caller.token_id)  # others may have begun since it was let in
        except TooMany as error:
            yield _refused(error)
            return
        _open[self._caller.token_id] += 1
        try:
            async with hub.subscribe(self._topic, events.user_topic(self._caller.user.id)) as queue:
                yield "retry: 2000\n\n"
                async for text in self._from(after, queue):
                    yield text
                yield _farewell()
        except AsyncCoderError as error:
            yield _refused(error)
        finally:
            _open[self._caller.token_id] -= 1
            if not _open[self._caller.token_id]:
                del _open[self._caller.token_id]

    async def _from(self, after: int, queue: asyncio.Queue[Ring]) -> AsyncIterator[str]:
        while not hub.has_parted:
            try:
                rows = await self._rows(after)
            except Unavailable:
                yield ": the database is away\n\n"
                await asyncio.sleep(_WITHOUT_RINGS)
                continue
            for seq, text in rows:
                yield text
                after = seq
            if len(rows) == BATCH:
                continue
            if rows:
                await asyncio.sleep(_PAUSE)
            due = monotonic() + HEARTBEAT  # by then it is asked again who listens, however much text streams
            rung = await self._rung(queue)
            if any(ring.kind == PARTING for ring in rung):
                return
            while rung and all(ring.kind == DELTA for ring in rung):
                for ring in rung:
                    yield _event("task:delta", json.dumps({"text": ring.text, "of": ring.of}))
                if monotonic() > due:
                    break
                rung = await self._rung(queue)
            if not rung:
                yield ": alive\n\n"

    async def _rung(self, queue: asyncio.Queue[Ring]) -> list[Ring]:
        """What rang; nothing where it was silent for as long as that may be."""
        try:
            rings = [await asyncio.wait_for(queue.get(), HEARTBEAT if hub.is_connected else _WITHOUT_RINGS)]
        except TimeoutError:
            return []
        while not queue.empty():
            rings.append(queue.get_nowait())
        return rings

    async def _rows(self, after: int) -> list[tuple[int, str]]:
        """What came since, as it is sent; many who listen to the same with one token read it once."""

        def work() -> list[tuple[int, str]]:
            with db.transaction() as session:
                person = api_tokens.bearer(session, self._token).user
                rows = self._read(session, person, after, BATCH)
            told = ((row.seq, *self._told(row)) for row in rows)
            return [(seq, _event(name, shown.model_dump_json(), seq)) for seq, name, shown in told]

        async def question() -> list[tuple[int, str]]:
            return await asyncio.get_running_loop().run_in_executor(_threads(), work)

        return await _together.ask((self._caller.token_id, self._topic, after), question)


def _require_room(token_id: UUID) -> None:
    if _open[token_id] >= MOST:
        words = f"{MOST} streams with one token are the limit. Close one."
        raise TooMany(words, retry_after=int(HEARTBEAT), headers={})


def _farewell() -> str:
    """The last words of a stream: when to come back, not all in the same moment, with `Last-Event-ID`."""
    return f"retry: {random.randint(50, _BACK_WITHIN)}\n: restarting, come back\n\n"


def _refused(error: AsyncCoderError) -> str:
    return _event("refused", json.dumps({"code": error.code, "detail": str(error)}))


def _event(name: str, data: str, number: int | None = None) -> str:
    """One event. The data is JSON on one line, so that nothing in it can end it."""
    place = f"id: {number}\n" if number is not None else ""
    return f"{place}event: {name}\ndata: {data}\n\n"


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="streams")

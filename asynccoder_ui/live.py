"""What moves by itself: rings for the pages, and the log's own socket namespace.

Bulk never goes through State: one more line in a list of 5,000 would send all of it again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from uuid import UUID

from socketio import AsyncNamespace
from socketio.exceptions import ConnectionRefusedError

from asynccoder_ui import given, people
from backend import events, log
from backend.errors import AsyncCoderError, Conflict, InvalidInput, SignedOut, Unavailable
from backend.hub import DELTA, RESYNC, Hub, Ring, hub
from backend.services import logs, outputs, results
from backend.services.sessions import SIGNED_OUT

# A page is told at once, and then at most this often.
PAUSE_SECONDS = 0.1
# How often a silent socket asks whether its session still stands.
RECHECK_SECONDS = 15.0
MOST_FOLLOWED = 8
ASK_WHO = frozenset({SIGNED_OUT, RESYNC})  # after these, whoever was remembered is asked for anew
_log = log.get(__name__)


def _is_change(ring: Ring) -> bool:
    return ring.kind != DELTA


async def changes(
    *topics: str, wanted: Callable[[Ring], bool] = _is_change, source: Hub = hub
) -> AsyncGenerator[frozenset[str], None]:
    """Yields whenever a page should read again: first once the subscription stands (read the snapshot now, nothing can
    be missed after it), then for the kinds that rang since, at most every 100 ms. Rings that are not `wanted` are
    passed over; without a choice of the page's own, streamed text is."""
    async with source.subscribe(*topics) as queue:
        yield frozenset()
        while True:
            rings = [await queue.get()]
            while not queue.empty():
                rings.append(queue.get_nowait())
            kinds = frozenset(ring.kind for ring in rings if ring.kind == RESYNC or wanted(ring))
            if kinds:
                yield kinds
                await asyncio.sleep(PAUSE_SECONDS)


class LogNamespace(AsyncNamespace):
    """`/log`: `follow {task, after}` is answered by `events` from there on and `delta` while text streams.

    From 0 on, the first `events` are the newest alone, and `has_older` says whether `older {task, before}` has more.

    Strangers and other origins cannot connect; access to the task is asked for at every read. `refused` says why not.
    """

    def __init__(self, origin: str, source: Hub = hub) -> None:
        super().__init__("/log")
        self._origin = origin
        self._hub = source
        self._followers: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        """Refuses other origins and whoever is not signed in."""
        if environ.get("HTTP_ORIGIN") != self._origin:
            raise ConnectionRefusedError("origin")
        token = people.token_in(_cookies(environ))
        try:
            await people.person_of(token)
        except AsyncCoderError as error:
            raise ConnectionRefusedError(error.code) from error
        await self.save_session(sid, {"token": token})

    async def on_disconnect(self, sid: str, reason: Any = None) -> None:
        """Ends what this socket followed."""
        for key in [key for key in self._followers if key[0] == sid]:
            self._followers.pop(key).cancel()

    async def on_follow(self, sid: str, data: Any = None, *_: Any) -> None:
        """Starts to send a task's events after number `after`; following again starts over from there."""
        try:
            task_id, after = _task_of(data), _number(data.get("after"))
        except AsyncCoderError as error:
            await self._refuse(sid, error)
            return
        self._stop(sid, task_id)
        if sum(key[0] == sid for key in self._followers) >= MOST_FOLLOWED:
            await self._refuse(sid, Conflict("This page follows too many logs at once."))
            return
        token = (await self.get_session(sid))["token"]
        key = sid, str(task_id)
        self._followers[key] = asyncio.create_task(self._follow(sid, token, task_id, after), name=f"log|{task_id}")
        self._followers[key].add_done_callback(lambda ended: self._drop(key, ended))

    async def on_unfollow(self, sid: str, data: Any = None, *_: Any) -> None:
        """Stops sending a task's events."""
        with suppress(AsyncCoderError):
            self._stop(sid, _task_of(data))

    async def on_changes(self, sid: str, data: Any = None, *_: Any) -> dict[str, Any]:
        """Answers with the task's changed files, their diffs, and the model's own words; or with `only` the words."""
        token = (await self.get_session(sid))["token"]
        try:
            task_id = _task_of(data)
            read = results.words if data.get("only") == "words" else results.read
            result = await people.ask(token, lambda session, user: read(session, user, task_id))
        except AsyncCoderError as error:
            return {"refused": str(error)}
        return asdict(result)

    async def on_older(self, sid: str, data: Any = None, *_: Any) -> dict[str, Any]:
        """Answers with the entries before number `before`, the nearest ones in order."""
        token = (await self.get_session(sid))["token"]
        try:
            task_id, before = _task_of(data), _number(data.get("before"))
            rows = await people.ask(token, lambda session, user: logs.older(session, user, task_id, before))
        except AsyncCoderError as error:
            return {"refused": str(error)}
        return logs.message(rows)

    async def on_output(self, sid: str, data: Any) -> dict[str, Any]:
        """Answers with all that the tool of entry `seq` wrote."""
        token = (await self.get_session(sid))["token"]
        try:
            task_id, seq = _task_of(data), _number(data.get("seq"))
            output = await people.ask(token, lambda session, user: outputs.read(session, user, task_id, seq))
        except AsyncCoderError as error:
            return {"refused": str(error)}
        return asdict(output)

    def _stop(self, sid: str, task_id: UUID) -> None:
        follower = self._followers.pop((sid, str(task_id)), None)
        if follower:
            follower.cancel()

    def _drop(self, key: tuple[str, str], ended: "asyncio.Task[None]") -> None:
        if self._followers.get(key) is ended:
            del self._followers[key]

    async def _follow(self, sid: str, token: str, task_id: UUID, after: int) -> None:
        try:
            person = await people.person_of(token)
            async with self._hub.subscribe(events.task_topic(task_id), events.user_topic(person.id)) as queue:
                after = after or await self._send_newest(sid, token, task_id)
                after = await self._send_new(sid, token, task_id, after)
                while True:
                    rings = await self._rings(token, queue)
                    new = [place for place, ring in enumerate(rings) if ring.kind != DELTA]
                    if new:
                        after = await self._send_new(sid, token, task_id, after)
                    # Text that streamed before what is stored now stands in it.
                    for ring in rings[new[-1] + 1 if new else 0 :]:
                        await self._send_text(sid, task_id, ring)
                    if new:
                        await asyncio.sleep(PAUSE_SECONDS / 2)
        except Unavailable:
            await self.disconnect(sid)  # the browser connects again and goes on from its last number
        except AsyncCoderError as error:
            await self._refuse(sid, error)
        except Exception:
            _log.exception("following a log failed", task_id=str(task_id))
            await self.disconnect(sid)

    async def _send_newest(self, sid: str, token: str, task_id: UUID) -> int:
        """Sends what a log opens with; returns the newest number. An empty log is said too."""
        rows = await people.ask(token, lambda session, user: logs.newest(session, user, task_id))
        await self.emit("events", {"task": str(task_id), **logs.message(rows)}, to=sid)
        return rows[-1].seq if rows else 0

    async def _send_new(self, sid: str, token: str, task_id: UUID, after: int) -> int:
        """Sends everything after number `after`, in batches; returns the newest number."""
        while True:
            rows = await people.ask_together(token, people.Question(logs.since, (task_id, after)))
            if rows:
                new = logs.message(rows)["events"]
                await self.emit("events", {"task": str(task_id), "events": new}, to=sid)
                after = rows[-1].seq
            if len(rows) < logs.BATCH:
                return after

    async def _rings(self, token: str, queue: asyncio.Queue[Ring]) -> list[Ring]:
        """What rang of the task since, at least once in 15 s; asks anew who this is when it may have changed.

        Raises SignedOut.
        """
        rings: list[Ring] = []
        with suppress(TimeoutError):
            rings.append(await asyncio.wait_for(queue.get(), RECHECK_SECONDS))
        while not queue.empty():
            rings.append(queue.get_nowait())
        if any(ring.kind in ASK_WHO for ring in rings):
            people.forget(token)
        await people.person_of(token)
        return [ring for ring in rings if ring.kind == RESYNC or not ring.topic.startswith("user:")]

    async def _send_text(self, sid: str, task_id: UUID, ring: Ring) -> None:
        await self.emit("delta", {"task": str(task_id), "text": ring.text, "of": ring.of}, to=sid)

    async def _refuse(self, sid: str, error: AsyncCoderError) -> None:
        await self.emit("refused", {"code": error.code, "sentence": str(error)}, to=sid)
        if isinstance(error, SignedOut):
            await self.disconnect(sid)


def _cookies(environ: dict[str, Any]) -> str:
    # Not HTTP_COOKIE: engineio leaves out a header that is no UTF-8, as another app's cookie may make it.
    headers = environ.get("asgi.scope", {}).get("headers", ())
    return "; ".join(value.decode("latin-1") for name, value in headers if name == b"cookie")


def _task_of(data: Any) -> UUID:
    return given.identity(data.get("task") if isinstance(data, dict) else None)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise InvalidInput("This is no place in a log.", field="after")
    return value

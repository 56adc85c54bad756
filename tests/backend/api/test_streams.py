"""Streams: what is stored comes in order and once, what is rung at once, and whoever may no longer listen is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from backend import clock, db, events
from backend.api import streams
from backend.api.app import app
from backend.api.schemas.base import Shown
from backend.hub import hub
from backend.models import ApiToken, Task, TaskRun, User
from backend.services import access, api_tokens, auth, notices
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import EventKind
from tests.backend.api.conftest import token
from tests.backend.services.worker import submit
from tests.conftest import People


class Listener:
    """One line to the app itself, as a server would hold it."""

    def __init__(self, path: str, token: str, **headers: str) -> None:
        path, _, query = path.partition("?")
        sent = {"host": "127.0.0.1:3000", "accept": "text/event-stream", "authorization": f"Bearer {token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 3000),
        }  # fmt: skip
        self._said: asyncio.Queue[str | None] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._is_asked = False
        self._text = ""
        self.status = 0
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(self._task, 5)

    async def _receive(self) -> dict[str, Any]:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message.get("body"):
            self._said.put_nowait(message["body"].decode())
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._said.put_nowait(None)

    async def next(self) -> dict[str, str]:
        """The next event or comment, by its fields; empty at the end."""
        while "\n\n" not in self._text:
            said = await asyncio.wait_for(self._said.get(), 10)
            if said is None:
                return {}
            self._text += said
        block, self._text = self._text.split("\n\n", 1)
        return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in block.split("\n"))}

    async def event(self) -> dict[str, Any]:
        """The next event that carries data."""
        while "data" not in (found := await self.next()):
            assert found, "the stream ended"
        return {**found, "data": json.loads(found["data"])}


def listening(talk: Callable[[], Awaitable[None]]) -> None:
    """Runs `talk` beside the process's hub."""

    async def both() -> None:
        task = asyncio.create_task(hub.run(get_settings().resolved_redis_url))
        try:
            async with asyncio.timeout(30):
                while not hub.is_connected:
                    await asyncio.sleep(0.01)
                await talk()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(both())


async def note(task_id: UUID, words: str) -> int:
    def write() -> int:
        with db.transaction() as session:
            run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task_id)).first()
            assert run is not None
            seq = events.append(
                session, task_id=task_id, run_id=run, kind=EventKind.NOTE, payload={"text": words, "code": "x"}
            )
            assert seq is not None
            return seq

    return await asyncio.to_thread(write)


def test_a_log_comes_from_where_it_was_left_and_then_as_it_is_written(people: People) -> None:
    task_id, mine = submit(people), token(people.alice, Scope.READ)

    async def talk() -> None:
        known = await note(task_id, "before\nand after")
        async with Listener(f"/api/tasks/{task_id}/events", mine, last_event_id=str(known - 1)) as line:
            assert await line.next() == {"retry": "2000"}
            first = await line.event()
            assert (first["id"], first["event"]) == (str(known), "task:event")
            assert first["data"]["payload"]["text"] == "before\nand after" and first["data"]["seq"] == known
            assert (line.status, line.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
            assert line.headers["cache-control"] == "no-store"
            for words in ("one", "two"):
                seq = await note(task_id, words)
                found = await line.event()
                assert (found["data"]["payload"]["text"], found["id"]) == (words, str(seq))
            await asyncio.to_thread(events.ring_delta, task_id, "I am wri", "text")
            found = await line.event()
            assert (found["event"], found["data"]) == ("task:delta", {"text": "I am wri", "of": "text"})
            assert "id" not in found, "what is not stored is no place to go on from"

    listening(talk)


def test_a_person_is_told_what_happens_from_now_on_or_from_where_they_left(people: People) -> None:
    mine = token(people.alice, Scope.READ)

    async def talk() -> None:
        def tell(kind: str) -> int:
            with db.transaction() as session:
                return notices.tell(session, people.alice.id, kind, {"n": kind})

        seen = await asyncio.to_thread(tell, notices.CREDITS)
        async with Listener("/api/events", mine) as now, Listener("/api/events?after=0", mine) as all_of_it:
            await now.next()
            assert (await all_of_it.event())["event"] == notices.CREDITS
            seq = await asyncio.to_thread(tell, notices.STATUS)
            for line in (now, all_of_it):
                found = await line.event()
                assert (found["event"], found["id"]) == (notices.STATUS, str(seq)) and seq == seen + 1

    listening(talk)


def test_a_revoked_token_ends_its_streams_and_a_task_that_is_no_longer_shared_too(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(streams, "HEARTBEAT", 0.2)
    task_id, mine, bobs = submit(people), token(people.alice), token(people.bob)
    with db.transaction() as session:
        session.get_one(Task, task_id).visibility = "repository"
    with db.transaction() as session:
        is_shared = access.visible(people.bob)
        assert is_shared is not None
        session.get_one(Task, task_id).repository_id = people.shop

    def revoke() -> None:
        with db.transaction() as session:
            row = session.exec(select(ApiToken).where(ApiToken.user_id == people.alice.id)).one()
            api_tokens.revoke(session, session.get_one(User, people.alice.id), row.id)

    def hide() -> None:
        with db.transaction() as session:
            session.get_one(Task, task_id).visibility = "private"

    async def talk() -> None:
        async with Listener("/api/events", mine) as line:
            await line.next()
            await asyncio.to_thread(revoke)
            found = await line.event()
            assert (found["event"], found["data"]["code"]) == ("refused", "signed_out")
            assert await line.next() == {}
        async with Listener(f"/api/tasks/{task_id}/events", bobs) as line:
            assert (await line.event())["event"] == "task:event"
            await asyncio.to_thread(hide)
            while (found := await line.event())["event"] == "task:event":
                pass
            assert (found["event"], found["data"]["code"]) == ("refused", "not_found")

    listening(talk)


@pytest.mark.parametrize("how", ["disabled", "shut out"])
def test_whoever_may_no_longer_be_here_is_told_so_on_every_open_stream(
    people: People, environment: pytest.MonkeyPatch, how: str
) -> None:
    environment.setattr(streams, "HEARTBEAT", 0.2)
    task_id, mine = submit(people), token(people.alice)

    def end() -> None:
        with db.transaction() as session:
            if how == "disabled":
                session.get_one(User, people.alice.id).disabled_at = clock.now()
            else:
                auth.shut_out(session, people.alice.id)

    async def talk() -> None:
        async with Listener("/api/events", mine) as told, Listener(f"/api/tasks/{task_id}/events", mine) as log:
            await told.next()
            assert (await log.event())["event"] == "task:event"
            await asyncio.to_thread(end)
            for line in (told, log):
                while (found := await line.event())["event"] != "refused":
                    pass
                assert found["data"]["code"] == "signed_out" and await line.next() == {}

    listening(talk)


def test_text_that_streams_on_and_on_keeps_nobody_listening(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(streams, "HEARTBEAT", 0.2)
    task_id, mine = submit(people), token(people.alice)

    def revoke() -> None:
        with db.transaction() as session:
            row = session.exec(select(ApiToken).where(ApiToken.user_id == people.alice.id)).one()
            row.revoked_at = clock.now()  # without the ring that a revocation gives
            session.add(row)

    async def talk() -> None:
        async with Listener(f"/api/tasks/{task_id}/events?after=1000", mine) as line:
            await line.next()
            await asyncio.to_thread(revoke)
            while True:
                await asyncio.to_thread(events.ring_delta, task_id, "and on", "text")
                found = await line.event()
                if found["event"] != "task:delta":
                    break
                await asyncio.sleep(0.05)
            assert (found["event"], found["data"]["code"]) == ("refused", "signed_out")

    listening(talk)


def test_of_many_that_begin_at_once_no_more_than_the_limit_go_on(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    mine = token(people.alice)
    caller = api_tokens_bearer(mine)

    async def talk() -> None:
        lines = [streams._Line(mine, caller, "nothing", lambda *_: [], lambda _: ("x", Shown())) for _ in range(3)]
        environment.setattr(streams, "MOST", 2)
        runs = [line.run(0) for line in lines]
        said = [await anext(run) for run in runs]
        assert [text.startswith("event: refused") for text in said] == [False, False, True]
        for run in runs:
            await run.aclose()
        assert not streams._open

    listening(talk)


def api_tokens_bearer(text: str) -> api_tokens.Bearer:
    with db.transaction() as session:
        return api_tokens.bearer(session, text)


def test_a_silent_line_says_that_it_lives_and_one_that_is_left_is_let_go(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(streams, "HEARTBEAT", 0.05)
    mine = token(people.alice)

    async def talk() -> None:
        async with Listener("/api/events", mine) as line:
            assert [await line.next() for _ in range(3)] == [{"retry": "2000"}, {"": "alive"}, {"": "alive"}]
            assert hub.listeners == 1 and sum(streams._open.values()) == 1
        assert hub.listeners == 0 and not streams._open

    listening(talk)


def test_without_rings_a_stream_looks_by_itself(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(streams, "_WITHOUT_RINGS", 0.05)
    task_id, mine = submit(people), token(people.alice)

    async def talk() -> None:
        async with Listener(f"/api/tasks/{task_id}/events?after=1000", mine) as far:
            await far.next()
        async with Listener(f"/api/tasks/{task_id}/events", mine) as line:
            seq = await note(task_id, "unheard")
            while (await line.event())["id"] != str(seq):
                pass

    asyncio.run(talk())


def test_refusals_come_before_the_stream_begins(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(streams, "MOST", 0)
    client = TestClient(app, base_url=get_settings().origin)
    client.headers = {"Accept": "text/html, text/event-stream;q=0.9", "Authorization": f"Bearer {token(people.carol)}"}
    task_id = submit(people)
    for path, status in ((f"/api/tasks/{task_id}/events", 404), (f"/api/tasks/{uuid4()}/events", 404)):
        assert client.get(path).status_code == status
    for wrong in ("-1", "x", "9" * 30, "1.5", "0" * 11 + "9" * 30, "0" * 11 + "9" * 5000):
        answer = client.get("/api/events", headers={"Last-Event-ID": wrong})
        assert (answer.status_code, answer.json()["field"]) == (422, "last-event-id"), wrong
    full = client.get("/api/events")
    assert (full.status_code, full.headers["retry-after"]) == (429, "15")
    assert client.get("/api/events", headers={"Authorization": "Bearer x"}).status_code == 401


def test_notices_are_a_list_too(people: People, alice: TestClient) -> None:
    with db.transaction() as session:
        for number in range(3):
            notices.tell(session, people.alice.id, notices.CREDITS, {"n": number})
    told = alice.get("/api/events?limit=2")
    assert [one["payload"]["n"] for one in told.json()["items"]] == [0, 1]
    rest = alice.get(told.links["next"]["url"]).json()["items"]
    assert [one["payload"]["n"] for one in rest] == [2]

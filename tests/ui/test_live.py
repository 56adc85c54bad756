import asyncio
import json
import zlib
from contextlib import aclosing, suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from socketio.exceptions import ConnectionRefusedError
from sqlalchemy import text
from sqlmodel import select

from asynccoder_ui import live
from asynccoder_ui.live import LogNamespace
from backend import db, events
from backend.hub import BACKLOG, Hub, hub
from backend.models import TaskRun
from backend.services import auth, tasks
from backend.services.outputs import MAX_BYTES
from backend.services.tasks import Draft
from backend.settings import get_settings
from backend.words import EventKind, Priority, TaskType
from tests.conftest import People
from tests.cookies import OTHERS

NOTE = text(
    "INSERT INTO task_events (id, task_id, run_id, seq, kind, payload)"
    " VALUES (gen_random_uuid(), :task, :run, 4, 'note', '{}')"
)
ORIGIN = "http://127.0.0.1:3000"


class Wire(LogNamespace):
    """The namespace with its socket replaced by lists of what went out."""

    def __init__(self) -> None:
        super().__init__(ORIGIN)
        self.sent: list[tuple[str, Any]] = []
        self.sessions: dict[str, Any] = {}
        self.ended: list[str] = []

    async def emit(self, event: str, data: Any = None, to: str | None = None, **_: Any) -> None:
        self.sent.append((event, data))

    async def save_session(self, sid: str, session: Any, **_: Any) -> None:
        self.sessions[sid] = session

    async def get_session(self, sid: str, **_: Any) -> Any:
        return self.sessions[sid]

    async def disconnect(self, sid: str, **_: Any) -> None:
        self.ended.append(sid)

    def numbers(self) -> list[int]:
        return [event["seq"] for kind, data in self.sent if kind == "events" for event in data["events"]]


@pytest.fixture
def task(people: People) -> UUID:
    draft = Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


def note(task: UUID, text: str) -> None:
    with db.transaction() as session:
        run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task)).one()
        events.append(session, task_id=task, run_id=run, kind=EventKind.NOTE, payload={"text": text})


def environ(cookie: str, origin: str = ORIGIN) -> dict[str, Any]:
    return {
        "HTTP_ORIGIN": origin,
        "asgi.scope": {"headers": [(b"cookie", f"{get_settings().session_cookie}={cookie}".encode())]},
    }


async def connected(people: People, who: str) -> Wire:
    wire = Wire()
    await wire.on_connect("s", environ(people.cookies[who]))
    return wire


async def until(truth: Any, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not truth():
            await asyncio.sleep(0.02)


def with_hub(road: Any) -> Any:
    async def run() -> Any:
        listening = asyncio.create_task(hub.run(get_settings().resolved_redis_url))
        await until(lambda: hub.is_connected)
        try:
            return await road()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    return asyncio.run(run())


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:3001", "null", ""])
def test_another_origin_cannot_connect_even_with_the_persons_cookie(people: People, origin: str):
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(Wire().on_connect("s", environ(people.cookies["alice"], origin)))


def test_a_stranger_cannot_connect(people: People):
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(Wire().on_connect("s", environ("no session")))


@pytest.mark.parametrize("other", OTHERS)
def test_the_cookies_of_other_local_apps_lock_nobody_out(people: People, other: bytes):
    [(name, own)] = environ(people.cookies["alice"])["asgi.scope"]["headers"]
    for cookies in (other + b"; " + own, own + b"; " + other):
        given = {"HTTP_ORIGIN": ORIGIN, "asgi.scope": {"headers": [(name, cookies)]}}
        asyncio.run(Wire().on_connect("s", given))


def test_a_log_comes_from_a_number_on_and_then_as_it_happens_each_entry_once(people: People, task: UUID):
    async def road() -> list[int]:
        wire = await connected(people, "alice")
        await wire.on_follow("s", {"task": str(task), "after": 1})
        await until(lambda: wire.sent)
        for number in range(3):
            await asyncio.to_thread(note, task, f"note {number}")
        await until(lambda: len(wire.numbers()) >= 4)
        await wire.on_disconnect("s")
        return wire.numbers()

    assert with_hub(road) == [2, 3, 4, 5]


def test_text_passes_while_it_streams(people: People, task: UUID):
    async def road() -> list[str]:
        wire = await connected(people, "alice")
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: wire.sent)
        for word in ("one ", "two"):
            await asyncio.to_thread(events.ring_delta, task, word, "text")
        await until(lambda: sum(kind == "delta" for kind, _ in wire.sent) == 2)
        await wire.on_disconnect("s")
        return [data["text"] for kind, data in wire.sent if kind == "delta"]

    assert with_hub(road) == ["one ", "two"]


def test_carol_gets_neither_log_nor_changes_of_alices_task(people: People, task: UUID):
    async def road() -> tuple[list[str], dict[str, Any]]:
        wire = await connected(people, "carol")
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: wire.sent)
        changes = await wire.on_changes("s", {"task": str(task)})
        return [kind for kind, _ in wire.sent], changes

    kinds, changes = with_hub(road)
    assert kinds == ["refused"]
    assert changes == {"refused": "There is no such task, or you cannot see it."}


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        "x",
        {"task": "../etc", "after": 0},
        {"task": str(uuid4()), "after": -1},
        {"task": str(uuid4()), "after": "1; DROP"},
        {"task": str(uuid4()), "after": True},
    ],
)
def test_nonsense_is_refused(people: People, data: Any):
    async def road() -> list[str]:
        wire = await connected(people, "alice")
        await wire.on_follow("s", data)
        return [kind for kind, _ in wire.sent]

    assert asyncio.run(road()) == ["refused"]


def test_a_message_without_its_argument_or_with_more_is_refused_too(people: People):
    async def road() -> list[str]:
        wire = await connected(people, "alice")
        nonsense: list[tuple[Any, ...]] = [(), ({}, 1, 2)]
        for words in nonsense:
            await wire.on_follow("s", *words)
            await wire.on_unfollow("s", *words)
            assert "refused" in await wire.on_changes("s", *words)
        return [kind for kind, _ in wire.sent]

    assert asyncio.run(road()) == ["refused", "refused"]


def test_a_socket_ends_when_its_session_does(people: People, task: UUID):
    async def road() -> list[str]:
        wire = await connected(people, "alice")
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: wire.sent)
        await asyncio.to_thread(_sign_out, people)
        await until(lambda: wire.ended)
        return wire.ended

    assert with_hub(road) == ["s"]


def test_a_session_that_ends_while_other_things_ring_is_not_missed(people: People, task: UUID):
    async def road() -> list[str]:
        wire = await connected(people, "alice")
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: wire.sent)
        await asyncio.to_thread(_end_session, people)
        for topic, kind in ((events.task_topic(task), "note"), (events.user_topic(people.alice.id), "signed_out")):
            hub._take(json.dumps({"topic": topic, "id": "x", "seq": 1, "kind": kind}).encode())
        await until(lambda: wire.ended)
        return wire.ended

    assert with_hub(road) == ["s"]


def test_after_more_rings_than_a_listener_keeps_everything_is_read_again_and_who_it_is(people: People, task: UUID):
    async def road() -> tuple[list[int], list[str]]:
        wire = await connected(people, "alice")
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: len(wire.numbers()) >= 2)
        await asyncio.to_thread(note, task, "one more")
        await until(lambda: 3 in wire.numbers())
        with db.transaction() as session:  # without a ring: only the overflow can tell
            run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task)).one()
            session.execute(NOTE, {"task": task, "run": run})
        topic = events.user_topic(people.alice.id)
        for _ in range(BACKLOG + 1):
            hub._take(json.dumps({"topic": topic, "id": "x", "seq": 1, "kind": "credits"}).encode())
        await until(lambda: 4 in wire.numbers())
        _end_session(people)
        for _ in range(BACKLOG + 1):
            hub._take(json.dumps({"topic": topic, "id": "x", "seq": 1, "kind": "credits"}).encode())
        await until(lambda: wire.ended)
        return wire.numbers(), wire.ended

    assert with_hub(road) == ([1, 2, 3, 4], ["s"])


def test_logs_that_were_refused_do_not_count_towards_the_most_a_page_may_follow(people: People, task: UUID):
    async def road() -> list[int]:
        wire = await connected(people, "alice")
        for _ in range(live.MOST_FOLLOWED + 1):
            await wire.on_follow("s", {"task": str(uuid4()), "after": 0})
        await until(lambda: sum(kind == "refused" for kind, _ in wire.sent) == live.MOST_FOLLOWED + 1)
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: wire.numbers())
        await wire.on_disconnect("s")
        return wire.numbers()

    assert with_hub(road) == [1, 2]


def test_a_page_reads_once_subscribed_and_again_for_what_rang_but_not_for_streamed_text(people: People):
    async def road() -> list[frozenset[str]]:
        source, seen = Hub(), []
        async with aclosing(live.changes("task:1", source=source)) as rings:
            seen.append(await anext(rings))
            for kind in ("delta", "phase", "delta", "note"):
                source._take(f'{{"topic": "task:1", "id": "1", "seq": 1, "kind": "{kind}"}}'.encode())
            seen.append(await anext(rings))
            return seen

    assert asyncio.run(road()) == [frozenset(), frozenset({"phase", "note"})]


def _end_session(people: People) -> None:
    with db.transaction() as session:
        auth.sign_out(session, people.cookies["alice"])


def _sign_out(people: People) -> None:
    _end_session(people)
    events.ring(events.user_topic(people.alice.id), str(people.alice.id), 0, "signed_out")


def keep_output(task: UUID, raw: bytes | None) -> int:
    with db.transaction() as session:
        run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task)).one()
        payload = {"call_id": "c", "name": "run_command", "text": "cut"}
        seq = events.append(
            session,
            task_id=task,
            run_id=run,
            kind=EventKind.TOOL_RESULT,
            payload=payload,
            raw=raw and zlib.compress(raw),
        )
    assert seq
    return seq


def asked_for(people: People, who: str, question: Any) -> dict[str, Any]:
    async def road() -> dict[str, Any]:
        return await (await connected(people, who)).on_output("s", question)

    return asyncio.run(road())


def test_an_entry_says_that_more_of_its_output_is_kept_and_it_can_be_asked_for(people: People, task: UUID):
    short, long = keep_output(task, None), keep_output(task, b"all of it \xff")

    async def road() -> dict[int, bool]:
        wire = await connected(people, "alice")
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: wire.sent)
        await wire.on_disconnect("s")
        return {event["seq"]: event.get("cut", False) for _, data in wire.sent for event in data["events"]}

    cut = with_hub(road)
    assert (cut[short], cut[long]) == (False, True)
    assert asked_for(people, "alice", {"task": str(task), "seq": long}) == {"text": "all of it \ufffd", "is_cut": False}
    assert "refused" in asked_for(people, "alice", {"task": str(task), "seq": short})


def test_an_output_that_would_swamp_a_page_is_cut(people: People, task: UUID):
    seq = keep_output(task, b"x" * (MAX_BYTES + 1))
    answer = asked_for(people, "alice", {"task": str(task), "seq": seq})
    assert (len(answer["text"]), answer["is_cut"]) == (MAX_BYTES, True)


@pytest.mark.parametrize("seq", ["2", -1, True, None, 2**40])
def test_what_is_no_number_of_an_entry_is_refused(people: People, task: UUID, seq: object):
    assert "refused" in asked_for(people, "alice", {"task": str(task), "seq": seq})


def test_carol_cannot_read_the_output_of_alices_task(people: People, task: UUID):
    seq = keep_output(task, b"secret")
    answer = asked_for(people, "carol", {"task": str(task), "seq": seq})
    assert answer == {"refused": "There is no such task, or you cannot see it."}


def older(people: People, who: str, question: Any) -> dict[str, Any]:
    async def road() -> dict[str, Any]:
        return await (await connected(people, who)).on_older("s", question)

    return asyncio.run(road())


def test_a_log_opens_with_its_newest_entries_and_gives_the_older_ones_on_asking(people: People, task: UUID):
    for number in range(live.FIRST + 3):
        note(task, str(number))

    async def road() -> Wire:
        wire = await connected(people, "alice")
        await wire.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: wire.numbers())
        await asyncio.to_thread(note, task, "one more")
        await until(lambda: len(wire.sent) > 1)
        await wire.on_disconnect("s")
        return wire

    wire = with_hub(road)
    newest = live.FIRST + 5  # two were there before
    assert wire.sent[0][1]["has_older"] is True
    assert wire.numbers() == list(range(newest - live.FIRST + 1, newest + 2))
    [entry] = wire.sent[1][1]["events"]
    assert len(json.dumps(wire.sent[1])) - len(json.dumps(entry)) < 100  # an entry costs the wire its own size
    first = wire.numbers()[0]
    answer = older(people, "alice", {"task": str(task), "before": first})
    assert [event["seq"] for event in answer["events"]] == list(range(1, first))
    assert answer["has_older"] is False


@pytest.mark.parametrize("before", ["2", -1, True, None, 2**40])
def test_what_is_no_place_in_a_log_has_nothing_older(people: People, task: UUID, before: object):
    assert "refused" in older(people, "alice", {"task": str(task), "before": before})


def test_carol_gets_nothing_older_of_alices_task(people: People, task: UUID):
    assert older(people, "carol", {"task": str(task), "before": 2}) == {
        "refused": "There is no such task, or you cannot see it."
    }


def test_the_words_of_a_task_can_be_had_without_its_diff(people: People, task: UUID):
    async def road(only: str) -> dict[str, Any]:
        return await (await connected(people, "alice")).on_changes("s", {"task": str(task), "only": only})

    assert set(asyncio.run(road("words"))) == {"title", "text", "findings"}
    assert "files" in asyncio.run(road(""))

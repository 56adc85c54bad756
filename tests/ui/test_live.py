import asyncio
import json
from contextlib import aclosing
from typing import Any
from uuid import UUID, uuid4

import pytest
from socketio.exceptions import ConnectionRefusedError
from sqlalchemy import text
from sqlmodel import select

from asynccoder_ui import live
from backend import db, events
from backend.hub import BACKLOG, Hub, hub
from backend.models import TaskRun
from backend.services import auth
from tests.conftest import People
from tests.cookies import OTHERS
from tests.ui.wire import ORIGIN, Wire, connected, environ, note, until, with_hub

NOTE = text(
    "INSERT INTO task_events (id, task_id, run_id, seq, kind, payload)"
    " VALUES (gen_random_uuid(), :task, :run, 4, 'note', '{}')"
)


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

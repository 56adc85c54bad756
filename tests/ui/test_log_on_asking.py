"""What a page gets of a log on asking: whole outputs, older entries, the words without the diff."""

import asyncio
import json
import zlib
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from backend import db, events
from backend.models import TaskRun
from backend.services import logs
from backend.services.outputs import MAX_BYTES
from backend.words import EventKind
from tests.conftest import People
from tests.ui.wire import Wire, connected, note, until, with_hub


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
    for number in range(logs.FIRST + 3):
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
    newest = logs.FIRST + 5  # two were there before
    assert wire.sent[0][1]["has_older"] is True
    assert wire.numbers() == list(range(newest - logs.FIRST + 1, newest + 2))
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

    assert set(asyncio.run(road("words"))) == {"title", "text", "findings", "posted", "posted_url"}
    assert "files" in asyncio.run(road(""))

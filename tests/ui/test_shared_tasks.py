"""A shared task as its readers get it: over the log's socket and as a download, and gone again when it is not."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from backend import db
from backend.services import tasks
from backend.words import Failure, Priority, Status, TaskType, Visibility
from tests.conftest import People
from tests.settled import settle
from tests.ui.wire import connected, note, until, with_hub


@pytest.fixture
def task(people: People) -> UUID:
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


def show(people: People, task: UUID, visibility: Visibility) -> None:
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task, visibility)


def test_bob_follows_a_shared_log_until_it_is_private_again_and_carol_never(people: People, task: UUID):
    async def road() -> tuple[list[int], list[str], list[str]]:
        await asyncio.to_thread(show, people, task, Visibility.REPOSITORY)
        bob, carol = await connected(people, "bob"), await connected(people, "carol")
        await bob.on_follow("s", {"task": str(task), "after": 0})
        await carol.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: len(bob.numbers()) >= 2 and carol.sent)
        await asyncio.to_thread(note, task, "one more")
        await until(lambda: len(bob.numbers()) >= 3)
        await asyncio.to_thread(show, people, task, Visibility.PRIVATE)
        await until(lambda: bob.sent[-1][0] == "refused")
        await asyncio.to_thread(note, task, "not for Bob")
        await asyncio.sleep(0.3)
        return bob.numbers(), _refusals(bob), _refusals(carol)

    numbers, bob, carol = with_hub(road)
    assert numbers == [1, 2, 3]
    assert bob == carol == ["There is no such task, or you cannot see it."]


def test_the_log_of_a_deleted_task_ends_for_its_owner_too(people: People, task: UUID):
    settle(task, Status.FAILED, failure=Failure.STUCK)

    async def road() -> tuple[list[str], dict[str, Any]]:
        alice = await connected(people, "alice")
        await alice.on_follow("s", {"task": str(task), "after": 0})
        await until(lambda: alice.numbers())
        await asyncio.to_thread(_delete, people, task)
        await until(lambda: alice.sent[-1][0] == "refused")
        return _refusals(alice), await alice.on_changes("s", {"task": str(task)})

    refusals, changes = with_hub(road)
    assert refusals == ["There is no such task, or you cannot see it."]
    assert changes == {"refused": "There is no such task, or you cannot see it."}


def _delete(people: People, task: UUID) -> None:
    with db.transaction() as session:
        tasks.delete(session, people.alice, task)


def _refusals(wire: Any) -> list[str]:
    return [data["sentence"] for kind, data in wire.sent if kind == "refused"]

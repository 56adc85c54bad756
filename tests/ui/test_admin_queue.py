import asyncio
from uuid import UUID

import pytest

from asynccoder_ui.pages.admin_queue import AdminQueue
from backend import db
from backend.models import Deployment
from backend.words import Status
from tests.backend.services.worker import claim, run_of, submit
from tests.conftest import People
from tests.ui.conftest import Tab, opened


@pytest.fixture(autouse=True)
def deployment(people: People) -> None:
    with db.transaction() as session:
        session.add(Deployment(id=1, mode="demo"))


async def followed(tab: Tab) -> "asyncio.Task[None]":
    visit = await tab.start(AdminQueue.follow)

    async def is_told() -> bool:
        state = await tab.state(AdminQueue)
        return state.is_listed or state.error != ""

    await tab.until(is_told)
    return visit


async def counts(tab: Tab) -> tuple[int, int]:
    state = await tab.state(AdminQueue)
    return len(state.at_work), len(state.waiting)


def test_it_follows_the_runs_of_everyone(people: People):
    async def walk() -> AdminQueue:
        async with opened(people.cookies["alice"], "/admin/queue") as tab:
            visit = await followed(tab)
            await asyncio.to_thread(submit, people, "Bob's", who=people.bob)
            await tab.until(lambda: _are(tab, (0, 1)))
            await asyncio.to_thread(claim)
            await tab.until(lambda: _are(tab, (1, 0)))
            visit.cancel()
            return await tab.state(AdminQueue)

    seen = asyncio.run(walk())
    [item] = seen.at_work
    assert item.title == "Bob's" and item.href == "" and item.facts.startswith("@bob · acme/shop · ")
    assert seen.knows_workers and seen.workers == []


async def _are(tab: Tab, wanted: tuple[int, int]) -> bool:
    return await counts(tab) == wanted


def test_it_is_paused_and_resumed_and_a_run_is_stopped(people: People):
    task = submit(people, who=people.bob)

    async def walk() -> tuple[str, str, AdminQueue]:
        async with opened(people.cookies["alice"], "/admin/queue") as tab:
            visit = await followed(tab)
            await tab.fire(AdminQueue.pause)
            paused = await tab.state(AdminQueue)
            by, why = paused.paused_by, paused.waiting[0].why
            await tab.fire(AdminQueue.resume)
            await tab.fire(AdminQueue.stop, str(task))
            visit.cancel()
            return by, why, await tab.state(AdminQueue)

    by, why, seen = asyncio.run(walk())
    assert (by, why, seen.paused_at, seen.waiting) == ("alice", "the queue is paused", "", [])
    assert status(task) == Status.CANCELLED


def test_others_are_told_that_it_is_for_admins_and_change_nothing(people: People):
    task = submit(people, who=people.bob)

    async def walk() -> AdminQueue:
        async with opened(people.cookies["bob"], "/admin/queue") as tab:
            visit = await followed(tab)
            await tab.fire(AdminQueue.pause)
            await tab.fire(AdminQueue.stop, str(task))
            visit.cancel()
            return await tab.state(AdminQueue)

    seen = asyncio.run(walk())
    assert seen.error == "This is for admins. Ask your admin." and seen.waiting == []
    assert status(task) == Status.PENDING and claim()


def status(task: UUID) -> str:
    with db.transaction() as session:
        return run_of(task, session).status

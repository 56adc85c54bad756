import asyncio
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from asynccoder_ui.caches_view import size_of
from asynccoder_ui.first_steps import FirstSteps
from asynccoder_ui.pages.admin_caches import AdminCaches
from asynccoder_ui.pages.admin_setup import AdminSetup
from asynccoder_ui.shell import Shell
from backend import db
from backend.models import CacheClearing, Machine, PartState
from backend.services import caches, machines, setup, tasks
from backend.services.setup import Finding
from backend.services.setup.finding import ok
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.conftest import People, forget_settings
from tests.ui.conftest import Tab, opened

BROKEN = Finding("run workers", PartState.BROKEN, "none", "Start one.", "asynccoder worker runs", "/admin/queue")


def found(*parts: Finding) -> None:
    with db.transaction() as session:
        setup.record(session, parts)


async def told(tab: Tab, page: type[AdminSetup | AdminCaches]) -> "asyncio.Task[None]":
    visit = await tab.start(page.follow)

    async def is_told() -> bool:
        state = await tab.state(page)
        return state.is_listed or state.error != ""

    await tab.until(is_told)
    return visit


def test_what_is_to_mend_stands_first_and_moves_by_itself(people: People):
    absent = Finding("GitHub", PartState.NOT_SET_UP, "demo", "Set it.")
    found(ok("database", "PostgreSQL 16.3"), absent)

    async def walk() -> tuple[list[str], AdminSetup]:
        async with opened(people.cookies["alice"], "/admin/setup") as tab:
            visit = await told(tab, AdminSetup)
            before = [one.name for one in (await tab.state(AdminSetup)).well]
            await asyncio.to_thread(found, ok("database", "PostgreSQL 16.3"), BROKEN, absent)

            async def is_troubled() -> bool:
                return bool((await tab.state(AdminSetup)).troubled)

            await tab.until(is_troubled)
            visit.cancel()
            return before, await tab.state(AdminSetup)

    before, seen = asyncio.run(walk())
    assert before == ["Database"] and [one.name for one in seen.absent] == ["GitHub"]
    [item] = seen.troubled
    assert (item.name, item.command, item.link) == ("Run workers", "asynccoder worker runs", "/admin/queue")
    assert item.since and seen.seen_at and not seen.steps.is_connected
    assert seen.steps.callback_url.endswith("/auth/callback")
    assert seen.steps.webhook_url.endswith("/api/webhooks/github")


def test_check_again_looks_now(people: People):
    async def walk() -> AdminSetup:
        async with opened(people.cookies["alice"], "/admin/setup") as tab:
            await tab.fire(AdminSetup.check)
            return await tab.state(AdminSetup)

    seen = asyncio.run(walk())
    assert {"Database", "Redis"} <= {one.name for one in seen.well} and not seen.is_looking
    assert {"Run workers", "Scheduler"} <= {one.name for one in seen.troubled}


def test_the_badge_is_for_admins_and_moves_with_the_parts(people: People):
    async def walk(login: str) -> int:
        async with opened(people.cookies[login]) as tab:
            visit = await tab.start(Shell.follow)

            async def is_listed() -> bool:
                return (await tab.state(Shell)).is_listed

            await tab.until(is_listed)
            await asyncio.to_thread(found, BROKEN)
            if login == "alice":

                async def is_told() -> bool:
                    return (await tab.state(Shell)).broken == 1

                await tab.until(is_told)
            visit.cancel()
            return (await tab.state(Shell)).broken

    assert asyncio.run(walk("alice")) == 1
    assert asyncio.run(walk("bob")) == 0


def test_others_see_nothing_and_change_nothing(people: People):
    machine = machines.tell(get_settings())

    async def walk() -> tuple[AdminSetup, AdminCaches]:
        async with opened(people.cookies["bob"], "/admin/setup") as tab:
            await tab.fire(AdminSetup.check)
            visit = await told(tab, AdminSetup)
            visit.cancel()
            tab.path = "/admin/caches"
            visit = await told(tab, AdminCaches)
            await tab.fire(AdminCaches.empty_unused, str(machine))
            await tab.fire(AdminCaches.empty, str(machine), "mirrors", "11")
            await tab.fire(AdminCaches.measure, str(machine))
            visit.cancel()
            return await tab.state(AdminSetup), await tab.state(AdminCaches)

    setups, cached = asyncio.run(walk())
    assert setups.error == cached.error == "This is for admins. Ask your admin."
    assert not setups.well and not setups.troubled and not setups.is_looking and not cached.machines
    assert wishes() == [] and not is_to_be_measured(machine)
    with db.transaction() as session:
        assert setup.read(session, people.alice).parts == [], "nobody looked"


def test_a_wish_to_empty_is_kept_once_and_garbage_is_told(people: People):
    machine = machines.tell(get_settings())

    async def walk() -> AdminCaches:
        async with opened(people.cookies["alice"], "/admin/caches") as tab:
            visit = await told(tab, AdminCaches)
            for _ in range(2):
                await tab.fire(AdminCaches.empty, str(machine), "mirrors", "11")
            await tab.fire(AdminCaches.measure, str(machine))
            for garbage in ((str(uuid4()), "mirrors", "11"), ("\x00", "", ""), (str(machine), "\x00", "x" * 10_000)):
                await tab.fire(AdminCaches.empty, *garbage)
            visit.cancel()
            return await tab.state(AdminCaches)

    seen = asyncio.run(walk())
    [item] = seen.machines
    assert [(one.what, one.is_open) for one in item.clearings] == [("the mirror of alice/sample-shop", True)]
    assert len(wishes()) == 1 and is_to_be_measured(machine) and item.is_measuring


def wishes() -> list[CacheClearing]:
    with db.transaction() as session:
        return list(session.exec(select(CacheClearing)))


def is_to_be_measured(machine: UUID) -> bool:
    with db.transaction() as session:
        return session.get_one(Machine, machine).measure_asked_at is not None


def steps(people: People, login: str, *handlers: object) -> FirstSteps:
    async def walk() -> FirstSteps:
        async with opened(people.cookies[login]) as tab:
            for handler in (*handlers, FirstSteps.ask_whether_new):
                await tab.fire(handler)
            return await tab.state(FirstSteps)

    return asyncio.run(walk())


@pytest.mark.usefixtures("branches")
def test_an_admins_steps_are_ticked_by_what_is_true(people: People, environment: pytest.MonkeyPatch):
    seen = steps(people, "alice").steps
    assert (seen.is_open, seen.is_sent, seen.is_connected, seen.has_model) == (True, False, False, False)
    assert not steps(people, "bob").steps.is_open and steps(people, "bob").is_new
    with db.transaction() as session:
        draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend it.")
        tasks.submit(session, people.bob, draft)
    environment.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-deployment")
    forget_settings()
    seen = steps(people, "alice").steps
    assert (seen.is_open, seen.is_sent, seen.is_connected, seen.has_model) == (True, True, False, True)


def test_hidden_steps_stay_hidden_for_that_person_alone(people: People):
    hidden = steps(people, "alice", FirstSteps.hide_steps)
    assert not hidden.is_new and not hidden.steps.is_open
    again = steps(people, "alice")
    assert not again.is_new and not again.steps.is_open
    assert steps(people, "bob").is_new
    assert not steps(people, "bob", FirstSteps.hide_steps).is_new


def test_what_a_machine_told_is_drawn_in_words(people: People):
    assert [size_of(one) for one in (0, 999, 1000, 5 * 2**20, 71 * 2**30, -1)] == [
        "0 B", "999 B", "1 kB", "5.0 MB", "71.0 GB", "0 B",
    ]  # fmt: skip
    with db.transaction() as session:
        assert caches.read(session, people.alice).least_free == 4 * 2**30

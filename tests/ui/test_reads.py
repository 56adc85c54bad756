"""What a ring costs: statements and columns of the database, bytes of the wire."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from reflex.state import StateUpdate
from sqlalchemy import event
from sqlmodel import Session, select

from asynccoder_ui.session import Session as Visitor
from asynccoder_ui.task_view import TaskView
from backend import db, events
from backend.models import TaskRun, User
from backend.services import claims, pull_request_pages, tasks
from backend.services.tasks import Draft
from backend.words import EventKind, Priority, TaskType, Visibility
from tests.conftest import People
from tests.ui.conftest import Tab, opened

DRAFT = Draft(UUID(int=0), "main", None, UUID(int=0), TaskType.ASK, Priority.MEDIUM, "A prompt of its own")
HEAVY = ("prompt", "search", "description", "github_access_token", "log_end", "content")


@pytest.fixture
def task(people: People) -> UUID:
    return submit(people)


def submit(people: People, who: str = "alice", **changes: Any) -> UUID:
    draft = replace(DRAFT, repository_id=people.shop, model_id=people.model, **changes)
    with db.transaction() as session:
        return tasks.submit(session, getattr(people, who), draft).id


@contextmanager
def statements() -> Iterator[list[str]]:
    told: list[str] = []

    def tell(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        told.append(statement)

    event.listen(db.engine(), "before_cursor_execute", tell)
    try:
        yield told
    finally:
        event.remove(db.engine(), "before_cursor_execute", tell)


def asked(question: Callable[[Session, User], object], user: User) -> list[str]:
    with db.transaction() as session, statements() as told:
        question(session, user)
    return told


def test_a_tasks_page_is_two_statements_and_a_third_while_it_stands_in_line(people: People, task: UUID):
    assert len(asked(lambda session, user: tasks.page(session, user, task), people.alice)) == 3
    with db.transaction() as session:
        claims.claim(session, "a worker")
    assert len(asked(lambda session, user: tasks.page(session, user, task), people.alice)) == 2


@pytest.mark.parametrize(
    ("question", "most"),
    [
        (lambda session, user: tasks.sidebar(session, user), 3),
        (lambda session, user: tasks.listing(session, user, tasks.Filters()), 3),
        (lambda session, user: pull_request_pages.entries(session, user), 3),
    ],
)
def test_a_list_reads_no_more_statements_or_columns_than_it_draws(people: People, question: Any, most: int):
    for _ in range(3):
        submit(people)
    told = asked(question, people.alice)
    assert len(told) <= most
    for statement in told:
        wanted = statement.partition("FROM")[0]
        assert not [name for name in HEAVY if f".{name}" in wanted], wanted


def test_whoever_reads_a_shared_task_is_not_told_how_many_its_owner_runs(people: People):
    for _ in range(2):
        submit(people)
        with db.transaction() as session:
            claims.claim(session, "a worker")
    waiting = submit(people, visibility=Visibility.REPOSITORY)
    with db.transaction() as session:
        assert tasks.page(session, people.alice, waiting).row.reason == "you run 2 of 2"
        assert "you run" not in (tasks.page(session, people.bob, waiting).row.reason or "")


def test_the_place_in_line_follows_priority_and_leaves_out_what_backs_off(people: People):
    def reason(task: UUID) -> str | None:
        with db.transaction() as session:
            return tasks.page(session, people.alice, task).row.reason

    first, urgent = submit(people), submit(people, priority=Priority.HIGH)
    assert reason(first) == "1 ahead in line"
    assert "ahead" not in (reason(urgent) or "")
    with db.transaction() as session:
        run = session.exec(select(TaskRun).where(TaskRun.task_id == urgent)).one()
        run.until = run.created_at.replace(year=2999)
        session.add(run)
    assert "ahead" not in (reason(first) or "")


def append(task: UUID, kind: EventKind, **payload: Any) -> None:
    with db.transaction() as session:
        run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task)).one()
        events.append(session, task_id=task, run_id=run, kind=kind, payload=payload)


class Wire:
    """What a tab is sent, counted."""

    def __init__(self, tab: Tab) -> None:
        self.bytes = 0
        self.updates = 0
        self._emit = tab.emit_update
        tab.emit_update = self.emit_update  # type: ignore[method-assign]

    async def emit_update(self, update: StateUpdate, token: str) -> None:
        if update.delta:
            self.updates += 1
            self.bytes += len(json.dumps(update.delta, default=vars))
        await self._emit(update, token)


async def settled(tab: Tab) -> Wire:
    """What goes over the tab's wire from the moment when what was on its way has come."""
    wire = Wire(tab)
    while True:
        known = wire.updates
        await asyncio.sleep(0.3)
        if wire.updates == known:
            wire.bytes = wire.updates = 0
            return wire


def test_an_entry_of_the_log_costs_the_page_nothing_and_a_turn_its_figures(people: People, task: UUID):
    async def road() -> tuple[int, int, list[str]]:
        with db.transaction() as session:
            claims.claim(session, "a worker")
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            following = await tab.start(TaskView.follow)
            await tab.until(lambda: _is(tab, "running"))
            wire = await settled(tab)
            with statements() as told:
                for _ in range(5):
                    append(task, EventKind.TOOL_RESULT, call_id="c", name="search", text="x" * 4000)
                mine = [one for one in told if "FROM tasks JOIN" in one]
                await asyncio.sleep(0.4)
            quiet = wire.bytes
            with db.transaction() as session:
                run = session.exec(select(TaskRun).where(TaskRun.task_id == task)).one()
                run.steps += 1
                session.add(run)
            append(task, EventKind.MODEL_TURN, parts=[])
            await tab.until(lambda: _went(wire))
            following.cancel()
            return quiet, wire.bytes, mine

    quiet, told, reads = asyncio.run(road())
    assert (quiet, reads) == (0, [])
    assert told < 1000  # the run's figures alone


async def _is(tab: Tab, look: str) -> bool:
    return (await tab.state(TaskView)).facts.look == look


async def _went(wire: Wire) -> bool:
    return wire.updates > 0


def test_a_var_is_sent_only_when_it_is_another(people: People):
    async def road() -> list[set[str]]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.state(Visitor)
            visitor = Visitor(_reflex_internal_init=True)  # type: ignore[call-arg]  # untyped in Reflex
            dirty = []
            for name in ("Alice", "Alice", "Bob"):
                visitor.name = name
                dirty.append(set(visitor.dirty_vars))
                visitor.dirty_vars.clear()
            return dirty

    first, second, third = asyncio.run(road())
    assert "name" in first
    assert "name" not in second
    assert "name" in third

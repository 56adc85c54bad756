"""The sums that pages read say what the tables say, in whatever order things happen."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, col, select

from backend import clock, db
from backend.models import (
    AnalyticsDaily,
    AnalyticsEveryone,
    AnalyticsStale,
    PullRequest,
    Task,
    TaskAnalytics,
    TaskRun,
    User,
)
from backend.queue import CHORES, waiting
from backend.services import account, analytics_rollup, tasks
from backend.services.analytics_rollup import HISTOGRAMS, SUMS, bucket
from backend.words import Outcome, Priority, Status, TaskType
from jobs import schedule
from jobs import tasks as chores
from tests.conftest import People
from tests.life import MIDNIGHT, Life
from tests.rows import pull_request
from tests.settled import settle

# On both sides of midnight, in UTC, whatever the server's time zone.
BEGINNINGS = [MIDNIGHT + timedelta(seconds=one) for one in (-90_000, -1, 0, 7, 40_000, 86_399, 86_400)]
ANEW: Any = {"populate_existing": True}  # what SQL has changed beside the session
SPANS = st.integers(-5, 40 * 86_400)


class Undone(Exception):
    """Takes back what an example wrote."""


PICK = st.integers(0, 40)
SEND = st.tuples(st.just("send"), PICK, st.sampled_from(BEGINNINGS), st.sampled_from(TaskType))
STEP = st.one_of(
    SEND,
    st.tuples(st.just("start"), PICK, SPANS),
    st.tuples(
        st.just("end"),
        PICK,
        st.sampled_from([Status.COMPLETED, Status.FAILED, Status.CANCELLED]),
        st.sampled_from([None, *Outcome]),
        st.integers(0, 5_000),
    ),
    st.tuples(st.just("figure"), PICK, st.integers(0, 5_000)),
    st.tuples(st.just("open_pull"), PICK, SPANS),
    st.tuples(st.just("merge"), PICK, SPANS),
    st.tuples(st.sampled_from(["retry", "own_key", "delete", "close"]), PICK),
    st.tuples(st.sampled_from(["refresh", "rebuild"])),
)


@given(st.lists(SEND, min_size=1, max_size=4), st.lists(STEP, max_size=40), st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sums_are_those_of_the_tables_after_any_order_of_changes(
    people: People, sent: list[Any], steps: list[Any], at_once: bool
) -> None:
    """`at_once` sums after each step: what it did not mark then stays wrong."""
    with contextlib.suppress(Undone), db.transaction() as session:
        life = Life(session, people)
        for name, *how in [*sent, *steps]:
            getattr(life, name)(*how)
            if at_once:
                life.refresh()
        while analytics_rollup.refresh(session):
            pass
        assert kept(session) == direct(session)
        assert everyone(session) == by_place(direct(session))
        assert session.exec(select(AnalyticsStale.id)).first() is None
        raise Undone


def kept(session: Session) -> dict[Any, dict[str, Any]]:
    return {
        (row.day, row.user_id, row.repository_id, row.ai_model_id, row.type): said(row)
        for row in session.exec(select(AnalyticsDaily))
    }


def everyone(session: Session) -> dict[Any, dict[str, Any]]:
    return {
        (row.day, row.repository_id, row.ai_model_id, row.type): said(row)
        for row in session.exec(select(AnalyticsEveryone))
    }


def said(row: AnalyticsDaily | AnalyticsEveryone) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*SUMS, *HISTOGRAMS)}


def direct(session: Session) -> dict[Any, dict[str, Any]]:
    """From the tables, task by task, in Python."""
    cells: dict[Any, dict[str, Any]] = defaultdict(nothing)
    for task in session.exec(
        select(Task).where(col(Task.deleted_at).is_(None)).execution_options(populate_existing=True)
    ):
        day = task.created_at.astimezone(UTC).date()
        _add(session, cells[(day, task.user_id, task.repository_id, task.ai_model_id, task.type)], task)
    return dict(cells)


def nothing() -> dict[str, Any]:
    return {**dict.fromkeys(SUMS, 0), **dict.fromkeys(HISTOGRAMS)}


def _add(session: Session, cell: dict[str, Any], task: Task) -> None:
    anew = {"populate_existing": True}
    figures = session.exec(
        select(TaskAnalytics).where(TaskAnalytics.task_id == task.id).execution_options(**anew)
    ).one()
    pull = session.exec(select(PullRequest).where(PullRequest.task_id == task.id).execution_options(**anew)).first()
    keys = session.exec(select(TaskRun.own_key).where(TaskRun.task_id == task.id)).all()
    is_merged = pull is not None and pull.status == "merged"
    cell["tasks"] += 1
    cell[task.status] += 1
    if task.outcome:
        cell[task.outcome] += 1
    cell["pull_requests"] += pull is not None
    cell["pull_requests_merged"] += is_merged
    cell["credits"] += task.credits_used
    cell["tokens"] += figures.tokens_used or 0
    cell["lines"] += figures.lines_of_code_generated or 0
    cell["files"] += figures.files_modified or 0
    cell["errors"] += figures.error_count
    cell["execution_ms"] += figures.execution_time_ms or 0
    if TaskType(task.type).may_edit and not any(keys):
        cell["charged_credits"] += task.credits_used
        cell["charged_credits_squared"] += task.credits_used**2
        cell["charged_merged"] += is_merged
        cell["charged_merged_credits"] += task.credits_used * is_merged
    _measure(cell, "first_event", task, task.started_at)
    _measure(cell, "pull_request", task, pull.created_at if pull else None)
    _measure(cell, "merge", task, pull.merged_at if pull and is_merged else None)


def _measure(cell: dict[str, Any], name: str, task: Task, at: datetime | None) -> None:
    if at is None:
        return
    spent = max(0, round((at - task.created_at).total_seconds() * 1000))
    cell[f"{name}_count"] += 1
    cell[f"{name}_ms"] += spent
    counts = cell[f"{name}_histogram"] or []
    counts += [0] * (bucket(spent) + 1 - len(counts))
    counts[bucket(spent)] += 1
    cell[f"{name}_histogram"] = counts


def by_place(cells: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """As everyone's: by repository, model and type without histograms, and each whole day with them."""
    summed: dict[Any, dict[str, Any]] = defaultdict(nothing)
    for (day, _, repository, model, kind), cell in cells.items():
        for key in ((day, repository, model, kind), (day, None, None, None)):
            for name in SUMS:
                summed[key][name] += cell[name]
        for name in HISTOGRAMS:
            if cell[name]:
                before = summed[day, None, None, None][name] or [0] * analytics_rollup.BUCKETS
                pairs = zip_longest(before, cell[name], fillvalue=0)
                summed[day, None, None, None][name] = [one + two for one, two in pairs]
    return dict(summed)


def submit(people: People, prompt: str = "Mend the totals") -> UUID:
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, prompt)
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


def own(people: People) -> tuple[int, int, int]:
    analytics_rollup.refresh_all()
    with db.transaction() as session:
        rows = session.exec(select(AnalyticsDaily).where(AnalyticsDaily.user_id == people.alice.id)).all()
    return sum(row.tasks for row in rows), sum(row.completed for row in rows), sum(row.merged for row in rows)


def test_a_tasks_road_is_followed_by_itself(people: People) -> None:
    task = submit(people)
    assert own(people) == (1, 0, 0)
    settle(task, Status.COMPLETED, outcome=Outcome.NO_CHANGES)
    assert own(people) == (1, 1, 0)
    with db.transaction() as session:
        tasks.delete(session, people.alice, task)
    assert own(people) == (0, 0, 0)
    with db.transaction() as session:
        assert not [*session.exec(select(AnalyticsDaily)), *session.exec(select(AnalyticsEveryone))]


def test_a_deleted_accounts_private_tasks_are_in_no_sum(people: People) -> None:
    submit(people)
    assert own(people) == (1, 0, 0)
    with db.transaction() as session:
        account.delete_account(session, session.get_one(User, people.alice.id), "alice")
    assert own(people) == (0, 0, 0)


def test_an_event_that_is_logged_makes_no_day_stale(people: People) -> None:
    submit(people)
    analytics_rollup.refresh_all()
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET event_seq = event_seq + 1, updated_at = now(), title = 'Another'"))
        assert not analytics_rollup.is_stale(session)


@pytest.mark.parametrize(
    "change",
    [
        "tasks SET outcome = 'answered'",
        "tasks SET credits_used = 3",
        "tasks SET started_at = now()",
        "tasks SET type = 'ask'",
        "task_runs SET own_key = true",
        "task_analytics SET tokens_used = 3",
        "task_analytics SET lines_of_code_generated = 3",
        "task_analytics SET files_modified = 3",
        "task_analytics SET error_count = 3",
        "task_analytics SET execution_time_ms = 3",
        "pull_requests SET status = 'merged'",
        "pull_requests SET merged_at = now()",
        "pull_requests SET task_id = NULL",
    ],
)
def test_each_change_that_counts_makes_its_day_stale(people: People, change: str) -> None:
    with db.transaction() as session:
        life = Life(session, people)
        life.send(1, MIDNIGHT, TaskType.DEBUG)
        life.open_pull(0, 7)
    analytics_rollup.refresh_all()
    with db.transaction() as session:
        assert not analytics_rollup.is_stale(session)
        session.execute(text(f"UPDATE {change}"))
        [stale] = session.exec(select(AnalyticsStale))
        assert (stale.day, stale.user_id) == (MIDNIGHT.date(), people.bob.id)


def test_what_dies_in_the_middle_loses_nothing(people: People) -> None:
    submit(people)
    with contextlib.suppress(Undone), db.transaction() as session:
        assert analytics_rollup.refresh(session)
        raise Undone
    with db.transaction() as session:
        assert analytics_rollup.is_stale(session)
    assert own(people) == (1, 0, 0)


def test_what_is_committed_while_a_day_is_summed_is_summed_the_next_time(people: People) -> None:
    first = submit(people)
    with db.transaction() as summing:
        assert analytics_rollup.refresh(summing)
        settle(first, Status.COMPLETED, outcome=Outcome.NO_CHANGES)
    with db.transaction() as session:
        assert analytics_rollup.is_stale(session)
    assert own(people) == (1, 1, 0)


def test_the_sweep_rings_for_stale_days_and_the_chore_sums_them(people: People) -> None:
    submit(people)
    schedule.sweep()
    assert waiting(CHORES) == 1
    chores.refresh_analytics()
    with db.transaction() as session:
        assert not analytics_rollup.is_stale(session)
        assert session.exec(select(AnalyticsDaily.tasks)).all() == [1]
        assert [(row.day, row.type) for row in session.exec(select(AnalyticsEveryone))].count((today(), None)) == 1


def today() -> date:
    return clock.now().date()


@pytest.fixture(autouse=True)
def elsewhere(database: str) -> Iterator[None]:
    """Far from UTC: days are UTC wherever the database's own clock stands."""
    with db.engine().connect() as connection:
        name = connection.execute(text("SELECT quote_ident(current_database())")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET TimeZone = 'Pacific/Kiritimati'"))
        connection.commit()
    db.dispose()
    yield
    with db.engine().connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} RESET TimeZone"))
        connection.commit()
    db.dispose()


def test_a_merge_long_after_changes_the_day_on_which_the_task_was_sent(people: People) -> None:
    task = submit(people)
    settle(task, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET created_at = created_at - interval '20 days'"))
        pull = pull_request(session.get_one(Task, task), 1, status="merged", merged_at=clock.now())
        session.add(pull)
    analytics_rollup.refresh_all()
    with db.transaction() as session:
        [row] = session.exec(select(AnalyticsDaily))
        assert (row.day, row.pull_requests_merged) == (today() - timedelta(days=20), 1)
        assert row.merge_histogram is not None and row.merge_histogram[bucket(20 * 86_400_000)] == 1


def test_two_at_a_time_take_turns(people: People) -> None:
    submit(people)
    with db.transaction() as first, db.transaction() as second:
        analytics_rollup.refresh(first)
        second.execute(text("SET LOCAL lock_timeout = '200ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            analytics_rollup.refresh(second)
        second.rollback()

"""A person with 100,000 tasks: every list is read on an index, and its thousandth slice as its first."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, event, text
from sqlmodel import Session

from backend import db, events
from backend.services import ledger, oversight, pull_request_pages, repository_pages, results, tasks
from backend.words import Status, TaskType
from tests.conftest import People

TASKS = 100_000
OTHERS = 20_000  # of Bob's
LARGE = ("tasks", "pull_requests", "credit_transactions", "task_events", "task_results")
MIDDLE = (datetime(2025, 6, 1, tzinfo=UTC), UUID(int=2**127))
_ROWS = f"""
SET session_replication_role = replica;
INSERT INTO tasks
    (user_id, repository_id, ai_model_id, title, prompt, branch, status, phase, type, created_at, updated_at)
SELECT CASE WHEN n <= {TASKS} THEN '{{alice}}'::uuid ELSE '{{bob}}' END, '{{repository}}', '{{model}}', 'Mend', 'Mend',
       'main', (ARRAY['completed', 'completed', 'completed', 'failed', 'cancelled'])[1 + n % 5], 'ended',
       (ARRAY['debug', 'ask', 'async'])[1 + n % 3], '2026-01-01Z'::timestamptz - n * interval '5 min', now()
FROM generate_series(1, {TASKS + OTHERS}) n ORDER BY n % 101;
CREATE TEMPORARY TABLE few AS SELECT *, row_number() OVER () AS n FROM tasks LIMIT 20000;
INSERT INTO pull_requests
    (task_id, repository_id, github_pr_id, pr_number, title, source_branch, target_branch, status, url)
SELECT id, repository_id, n, n, title, 'x', 'main', 'merged', '' FROM few;
INSERT INTO credit_transactions (user_id, task_id, type, amount, held_delta, idempotency_key, created_at)
SELECT user_id, id, 'hold', 0, 5, id::text, created_at FROM few;
INSERT INTO task_results (task_id, result_type) SELECT id, 'analysis' FROM few;
ANALYZE tasks, pull_requests, credit_transactions, task_results;
"""
HERS = pull_request_pages.Wanted(everyone=False)
Asked = list[tuple[str, Any]]
Asking = Callable[[Session, People], object]
LISTS: dict[str, Asking] = {
    "tasks": lambda s, p: tasks.following(s, p.alice, tasks.Filters()),
    "tasks, from the middle": lambda s, p: tasks.following(s, p.alice, tasks.Filters(), MIDDLE),
    "tasks by status": lambda s, p: tasks.following(s, p.alice, tasks.Filters(status=Status.FAILED), MIDDLE),
    "tasks by type": lambda s, p: tasks.following(s, p.alice, tasks.Filters(task_type=TaskType.ASK), MIDDLE),
    "tasks by repository": lambda s, p: tasks.following(s, p.alice, tasks.Filters(repository_id=p.sample), MIDDLE),
    "tasks of which there are none": lambda s, p: tasks.following(s, p.alice, tasks.Filters(status=Status.RUNNING)),
    "tasks by words": lambda s, p: tasks.following(s, p.alice, tasks.Filters(query="mend"), MIDDLE),
    "everyone's tasks": lambda s, p: tasks.following(s, p.alice, tasks.Filters(everyone=True)),
    "everyone's tasks, from the middle": lambda s, p: tasks.following(s, p.alice, tasks.Filters(everyone=True), MIDDLE),
    "everyone's tasks of which there are none": lambda s, p: tasks.following(
        s, p.alice, tasks.Filters(status=Status.RUNNING, everyone=True)
    ),
    "everyone's pull requests": lambda s, p: pull_request_pages.following(
        s, p.alice, pull_request_pages.Wanted(), MIDDLE
    ),
    "pull requests": lambda s, p: pull_request_pages.following(s, p.alice, HERS, MIDDLE),
    "ledger": lambda s, p: ledger.following(s, p.alice, ledger.Wanted(), MIDDLE),
    "repositories": lambda s, p: repository_pages.following(s, p.alice, repository_pages.Wanted()),
    "tasks for admins": lambda s, p: oversight.window(s, p.alice, oversight.Wanted()),
    "tasks for admins, from the middle": lambda s, p: oversight.window(s, p.alice, oversight.Wanted(), MIDDLE),
    "tasks for admins, by state": lambda s, p: oversight.window(
        s, p.alice, oversight.Wanted(state=oversight.State.FAILED, person="bob"), MIDDLE
    ),
    "results": lambda s, p: results.stored(s, p.alice, _newest(s)),
    "log": lambda s, p: events.since(s, _newest(s), 0),
}


@pytest.fixture
def many(people: People, owner_url: str) -> People:
    """Alice with all these tasks, and Bob with some."""
    url = db.engine().url.set(drivername="postgresql")
    owner = psycopg.conninfo.conninfo_to_dict(owner_url)
    filled = _ROWS.format(alice=people.alice.id, bob=people.bob.id, repository=people.sample, model=people.model)
    people.alice.role = "admin"
    with psycopg.connect(**{**owner, "dbname": url.database}, autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(filled.encode())
    return people


@pytest.fixture
def asked(many: People) -> Iterator[Asked]:
    """Each statement with its values, as the database gets them."""
    found: Asked = []

    def note(*given: Any) -> None:
        found.append((given[2], given[3]))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def test_every_list_is_read_on_an_index_and_the_tasks_in_its_own_order(many: People, asked: Asked) -> None:
    for name, ask in LISTS.items():
        with db.transaction() as session:
            asked.clear()
            ask(session, many)
            plans = [_plan(session, *one) for one in list(asked)]
        read_whole = [plan for plan in plans if any(f"Seq Scan on {table}" in plan for table in LARGE)]
        assert plans and not read_whole, f"{name}:\n" + "\n".join(read_whole)
    with db.transaction() as session:
        asked.clear()
        tasks.following(session, many.alice, tasks.Filters(), MIDDLE)
        plan = _plan(session, *asked[0], "ANALYZE, BUFFERS OFF, TIMING OFF, SUMMARY OFF")
    assert "using idx_tasks_user_created on tasks" in plan and "Sort" not in plan, plan
    assert re.search(r"on tasks .*actual rows=51(\.00)? ", plan), plan  # no more of them than are shown, and one


def _plan(session: Session, statement: str, values: Any, options: str = "COSTS OFF") -> str:
    rows = session.connection().exec_driver_sql(f"EXPLAIN ({options}) {statement}", values)
    return "\n".join(row[0] for row in rows)


def _newest(session: Session) -> UUID:
    statement = text("SELECT id FROM tasks WHERE type = 'ask' ORDER BY created_at DESC LIMIT 1")
    found: UUID = session.execute(statement).scalar_one()
    return found

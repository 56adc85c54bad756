"""The analytics of a million tasks: read from the sums by day, beside summing the tables' rows in the same run.

200 people, 40 repositories, five models, six types, a year; most of what somebody does is on a few repositories.
"""

import time
from datetime import timedelta

from sqlalchemy import text
from sqlmodel import Session

from backend import clock, db
from backend.models import User
from backend.services import analytics_report, analytics_rollup, catalog
from backend.services.analytics_report import Days, Scope
from benchmarks.alice import sign_in
from benchmarks.measure import empty_database, seconds_each, show

TASKS, PEOPLE, REPOSITORIES = 1_000_000, 200, 40
TIMES = 20
BOUND = 0.3  # seconds that a page may take
_MAKE = (
    "INSERT INTO users (github_id, username) SELECT 10000 + n, 'person-' || n FROM generate_series(1, :people - 1) n",
    """
    INSERT INTO repositories (github_id, name, full_name, url, clone_url)
    SELECT 10000 + n, 'place-' || n, 'acme/place-' || n, '', '' FROM generate_series(1, :places) n
    """,
    """
    WITH people AS (SELECT id, row_number() OVER () - 1 AS n FROM users),
         places AS (SELECT id, row_number() OVER () - 1 AS n FROM repositories),
         models AS (SELECT id, row_number() OVER (ORDER BY name) - 1 AS n FROM ai_models LIMIT 5),
         drawn AS (
             SELECT n % :people AS who, least(random(), random()) AS place, random() AS model, random() AS kind,
                    random() AS state, random() AS merge, now() - random() * interval '365 days' AS at
             FROM generate_series(1, :tasks) n
         )
    INSERT INTO tasks (user_id, repository_id, ai_model_id, type, status, outcome, title, prompt, branch, phase,
                       credits_used, created_at, started_at, completed_at)
    SELECT p.id, r.id, m.id,
           (ARRAY['debug', 'debug', 'debug', 'ask', 'ask', 'documentation', 'architect', 'pr_review', 'async'])
               [1 + floor(kind * 9)],
           CASE WHEN state < 0.85 THEN 'completed' WHEN state < 0.95 THEN 'failed' ELSE 'cancelled' END,
           CASE WHEN state < 0.85 THEN CASE WHEN kind < 0.34 OR kind > 0.78 OR kind BETWEEN 0.56 AND 0.66
                THEN CASE WHEN merge < 0.7 THEN 'merged' ELSE 'pr_opened' END ELSE 'answered' END END,
           'A task', 'A task', 'main', 'ended', floor(random() * 60), at,
           at + random() * random() * interval '10 minutes', at + interval '20 minutes'
    FROM drawn JOIN people p ON p.n = who
         JOIN places r ON r.n = (who * 7 + floor(place * 4)::int) % :places
         JOIN models m ON m.n = floor(model * (SELECT count(*) FROM models))
    """,
    """
    INSERT INTO task_runs (task_id, number, prompt, status, phase, own_key, created_at)
    SELECT id, 1, '', status, phase, random() < 0.05, created_at FROM tasks
    """,
    """
    INSERT INTO task_analytics (task_id, execution_time_ms, tokens_used, lines_of_code_generated, files_modified)
    SELECT id, 600000, credits_used * 9000, credits_used * 4, credits_used % 9 FROM tasks
    """,
    """
    INSERT INTO pull_requests (task_id, repository_id, github_pr_id, pr_number, title, source_branch, target_branch,
                               status, url, created_at, merged_at)
    SELECT id, repository_id, n, n, '', '', 'main', CASE outcome WHEN 'merged' THEN 'merged' ELSE 'open' END, '',
           completed_at, CASE outcome WHEN 'merged' THEN completed_at + random() * interval '20 days' END
    FROM (SELECT *, row_number() OVER () AS n FROM tasks WHERE outcome IN ('merged', 'pr_opened')) opened
    """,
)
# What a page without sums would have to ask for its totals alone: no cells, no days, no times.
_DIRECT = """
    SELECT count(*), count(*) FILTER (WHERE t.status = 'completed'), sum(t.credits_used), sum(a.tokens_used),
           count(p.id), count(*) FILTER (WHERE p.status = 'merged'),
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY extract(epoch FROM t.started_at - t.created_at))
    FROM tasks t LEFT JOIN task_analytics a ON a.task_id = t.id LEFT JOIN pull_requests p ON p.task_id = t.id
    WHERE t.deleted_at IS NULL AND t.created_at >= :since
"""


def main() -> None:
    """Makes them, sums them, reads every report."""
    with empty_database():
        viewer = _made()
        _measure(viewer)


def _made() -> User:
    began = time.perf_counter()
    with db.transaction() as session:
        catalog.fill(session)
        viewer = sign_in(session)
        viewer.role = "admin"
        session.add(viewer)
    tables = ("tasks", "task_runs", "task_analytics", "pull_requests")
    with db.transaction() as session:
        for table in tables:  # all days are summed below, once
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER mark_stale"))
        for statement in _MAKE:
            session.execute(text(statement), {"people": PEOPLE, "places": REPOSITORIES, "tasks": TASKS})
        for table in tables:
            session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER mark_stale"))
    _vacuum()
    print(f"  {TASKS:,} tasks, made in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    with db.transaction() as session:
        analytics_rollup.rebuild(session)
    print(f"  all days summed in {time.perf_counter() - began:.0f} s")
    _vacuum()
    with db.transaction() as session:
        for table in ("analytics_daily", "analytics_everyone", "tasks"):
            rows, size = session.execute(
                text(f"SELECT (SELECT count(*) FROM {table}), pg_size_pretty(pg_total_relation_size('{table}'))")
            ).one()
            print(f"  {table:<20} {rows:>9,} rows {size:>8}")
    return viewer


def _vacuum() -> None:
    """As autovacuum does."""
    with db.engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _measure(viewer: User) -> None:
    slow = []
    for scope in Scope:
        for days in Days:
            direct = seconds_each(lambda: _direct(viewer, scope, days), 3)  # noqa: B023
            read = seconds_each(lambda: _read(viewer, scope, days), TIMES)  # noqa: B023
            show(f"{scope.value}, {days.value} days: the totals from the tables", direct)
            show(f"{scope.value}, {days.value} days: the whole page from the sums", read, direct)
            if sorted(read)[int(len(read) * 0.95) - 1] > BOUND:
                slow.append(f"{scope.value}, {days.value} days")
    show("a task changes: its day is summed anew", seconds_each(lambda: _change(viewer), TIMES))
    if slow:
        raise SystemExit(f"over {BOUND * 1000:.0f} ms: {', '.join(slow)}")


def _read(viewer: User, scope: Scope, days: Days) -> None:
    with db.transaction() as session:
        analytics_report.report(session, viewer, scope, days)


def _direct(viewer: User, scope: Scope, days: Days) -> None:
    since = clock.now() - timedelta(days=int(days))
    whose = " AND t.user_id = :user" if scope is Scope.OWN else ""
    with db.transaction() as session:
        session.execute(text(_DIRECT + whose), {"since": since, "user": viewer.id}).all()


def _change(viewer: User) -> None:
    with db.transaction() as session:
        _touch(session, viewer)
    with db.transaction() as session:
        analytics_rollup.refresh(session)


def _touch(session: Session, viewer: User) -> None:
    one = "SELECT id FROM tasks WHERE user_id = :user ORDER BY created_at DESC LIMIT 1"
    session.execute(text(f"UPDATE tasks SET credits_used = credits_used + 1 WHERE id = ({one})"), {"user": viewer.id})


if __name__ == "__main__":
    main()

"""Analytics summed ahead: a person's day by repository, model and type, and everyone's day.

A task belongs to the day (UTC) on which it was sent, whatever happens to it later: a merge twenty days on changes the
sums of that day. A deleted task is in none. It counts for the model it has now, that of its newest run: what an
earlier run with another model used is counted there as well, which is simpler, and slightly wrong after such a retry.

Triggers (migration 0022) write the person's day into `analytics_stale` in the transaction that changes a task, its
figures, its runs or its pull request, so that no path can forget to. `refresh` takes those rows and sums their days
anew from the tables, in one transaction: done twice it is done once, and where it dies the rows are still there. A
change that commits meanwhile has left a row that is not seen yet, for the next time.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, select

from backend import events
from backend.db import after_commit, transaction
from backend.models import AnalyticsStale
from backend.words import TaskType

CHORE = "refresh_analytics"
MOST_DAYS = 20  # that one transaction sums anew
LOCK = 0x616E6C79  # "anly": two at a time could each write what the other has not seen
# Upper bounds of a histogram's buckets but the last, in milliseconds: two to each doubling, from a second to 97 days.
# A quantile that is read from it is off by no more than a bucket is wide: 41%.
BOUNDS = tuple(round(1000 * 2 ** (step / 2)) for step in range(47))
BUCKETS = len(BOUNDS) + 1
# Each column of models.analytics.Sums as a sum over `facts`, one row a task.
SUMS = {
    "tasks": "1",
    **{one: f"(status = '{one}')::int" for one in ("pending", "running", "completed", "failed", "cancelled")},
    **{
        one: f"coalesce(outcome = '{one}', false)::int"
        for one in ("pr_opened", "pr_updated", "answered", "reviewed", "no_changes", "merged")
    },
    "pull_requests": "has_pull::int",
    "pull_requests_merged": "is_merged::int",
    "credits": "credits",
    "tokens": "tokens",
    "lines": "lines",
    "files": "files",
    "errors": "errors",
    "execution_ms": "execution_ms",
    # Of tasks whose type opens pull requests, without those that ran on a person's own key: those cost no credits, and
    # would make a model look cheap.
    "charged_credits": "credits * is_charged",
    "charged_credits_squared": "credits * credits * is_charged",
    "charged_merged": "is_merged::int * is_charged",
    "charged_merged_credits": "credits * is_merged::int * is_charged",
    **{
        f"{one}_{what}": formula
        for one in ("first_event", "pull_request", "merge")
        for what, formula in (("count", f"({one} IS NOT NULL)::int"), ("ms", f"coalesce({one}, 0)"))
    },
}
HISTOGRAMS = {f"{one}_histogram": one for one in ("first_event", "pull_request", "merge")}
_NAMES = ", ".join((*SUMS, *HISTOGRAMS))


def bucket(milliseconds: int) -> int:
    """The place in a histogram of such a duration, from 0."""
    return bisect_right(BOUNDS, milliseconds)


def topic(user_id: UUID) -> str:
    """The topic that rings when some day of this person's was summed anew."""
    return f"analytics:{user_id}"


def is_stale(session: Session) -> bool:
    """Whether some day is to be summed anew."""
    return session.exec(select(AnalyticsStale.id).limit(1)).first() is not None


def refresh_all(*, may_go_on: Callable[[], bool] = lambda: True) -> bool:
    """Sums all stale days anew, some at a time, each some in a transaction; whether any are left."""
    while True:
        with transaction() as session:
            if not refresh(session):
                return False
        if not may_go_on():
            return True


def refresh(session: Session) -> bool:
    """Sums the oldest stale days anew, at most twenty of them; whether there were any."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    taken = session.execute(
        text(
            "DELETE FROM analytics_stale"
            " WHERE day IN (SELECT DISTINCT day FROM analytics_stale ORDER BY day LIMIT :most) RETURNING day, user_id"
        ),
        {"most": MOST_DAYS},
    )
    stale = sorted({(row.day, row.user_id) for row in taken})
    if not stale:
        return False
    for day in sorted({day for day, _ in stale}):
        _sum_day(session, day, [user for on, user in stale if on == day])
    topics = [topic(user) for user in {user for _, user in stale}]
    after_commit(session, lambda: events.ring_all(topics, "", 0, "analytics"))
    return True


def rebuild(session: Session) -> None:
    """Sums every day of everybody anew, from nothing."""
    for statement in (
        "DELETE FROM analytics_daily",
        "DELETE FROM analytics_everyone",
        "INSERT INTO analytics_stale (day, user_id)"
        " SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date, user_id FROM tasks",
    ):
        session.execute(text(statement))
    while refresh(session):
        pass


def histogram_of(column: str) -> str:
    """SQL that adds the histograms of many rows up; NULL where none has one."""
    counts = ", ".join(f"coalesce(sum({column}[{place}]), 0)::int" for place in range(1, BUCKETS + 1))
    return f"CASE WHEN count({column}) > 0 THEN ARRAY[{counts}] END"


def _sum_day(session: Session, day: date, users: Sequence[UUID]) -> None:
    given: dict[str, Any] = {"day": day, "users": list(users)}
    session.execute(text("DELETE FROM analytics_daily WHERE day = :day AND user_id = ANY(:users)"), given)
    session.execute(text(_DAILY), given)
    session.execute(text("DELETE FROM analytics_everyone WHERE day = :day"), given)
    session.execute(text(_EVERYONE), given)


def _duration(start: str, end: str) -> str:
    # GitHub's clock is not ours: what seems to have happened before it was asked for took no time.
    return f"CASE WHEN {end} IS NOT NULL THEN greatest(0, extract(epoch FROM {end} - {start}) * 1000)::bigint END"


def _counted(one: str) -> str:
    place = f"width_bucket({one}::float8, ARRAY[{', '.join(map(str, BOUNDS))}]::float8[])"
    return f"{place} AS {one}_bucket"


def _histogram(one: str) -> str:
    counts = ", ".join(f"count(*) FILTER (WHERE {one}_bucket = {place})" for place in range(BUCKETS))
    return f"(ARRAY[{counts}]::int[])[1:max({one}_bucket) + 1]"  # NULL where there is no bucket


_OPENING = ", ".join(f"'{one.value}'" for one in TaskType if one.may_edit)
# A task's PR is opened when we first keep it, and time to the first event ends as a worker writes its first word.
_FACTS = f"""
    SELECT t.user_id, t.repository_id, t.ai_model_id, t.type, t.status, t.outcome, t.credits_used::bigint AS credits,
           coalesce(a.tokens_used, 0) AS tokens, coalesce(a.lines_of_code_generated, 0) AS lines,
           coalesce(a.files_modified, 0) AS files, coalesce(a.error_count, 0) AS errors,
           coalesce(a.execution_time_ms, 0) AS execution_ms,
           p.id IS NOT NULL AS has_pull, coalesce(p.status = 'merged', false) AS is_merged,
           (t.type IN ({_OPENING}) AND NOT EXISTS (SELECT FROM task_runs r WHERE r.task_id = t.id AND r.own_key))::int
               AS is_charged,
           {_duration("t.created_at", "t.started_at")} AS first_event,
           {_duration("t.created_at", "p.created_at")} AS pull_request,
           CASE WHEN p.status = 'merged' THEN {_duration("t.created_at", "p.merged_at")} END AS merge
    FROM tasks t LEFT JOIN task_analytics a ON a.task_id = t.id LEFT JOIN pull_requests p ON p.task_id = t.id
    WHERE t.user_id = ANY(:users) AND t.deleted_at IS NULL
      AND t.created_at >= CAST(:day AS date)::timestamp AT TIME ZONE 'UTC'
      AND t.created_at < (CAST(:day AS date) + 1)::timestamp AT TIME ZONE 'UTC'
"""  # noqa: S608  our own text
_DAILY = f"""
    WITH facts AS ({_FACTS}),
         placed AS (SELECT *, {", ".join(_counted(one) for one in HISTOGRAMS.values())} FROM facts)
    INSERT INTO analytics_daily (day, user_id, repository_id, ai_model_id, type, {_NAMES})
    SELECT CAST(:day AS date), user_id, repository_id, ai_model_id, type,
           {", ".join(f"sum({formula})" for formula in SUMS.values())},
           {", ".join(_histogram(one) for one in HISTOGRAMS.values())}
    FROM placed GROUP BY user_id, repository_id, ai_model_id, type
"""  # noqa: S608  our own text
_EVERYONE = f"""
    INSERT INTO analytics_everyone (day, repository_id, ai_model_id, type, {_NAMES})
    SELECT day, repository_id, ai_model_id, type, {", ".join(f"sum({one})" for one in SUMS)},
           {", ".join("NULL::int[]" for _ in HISTOGRAMS)}
    FROM analytics_daily WHERE day = :day GROUP BY day, repository_id, ai_model_id, type
    UNION ALL
    SELECT day, NULL, NULL, NULL, {", ".join(f"sum({one})" for one in SUMS)},
           {", ".join(histogram_of(one) for one in HISTOGRAMS)}
    FROM analytics_daily WHERE day = :day GROUP BY day
"""  # noqa: S608  our own text

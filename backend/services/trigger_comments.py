"""The one comment on GitHub that tells what became of a label or a mention: written once, edited as the task goes on.

It is by the person who asked. A comment that was made without our hearing of it is found by its marker and its author.
What GitHub refuses here never touches the run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from backend import clock, log
from backend.db import transaction
from backend.errors import GitHubError, GitHubNotFound, GitHubUnauthorized, GitHubUnprocessable, Unavailable
from backend.github.client import GitHub
from backend.models import (
    AiModel,
    PullRequest,
    Repository,
    Task,
    TaskEvent,
    TaskResult,
    TaskRun,
    Trigger,
    TriggerState,
    User,
)
from backend.services import mentions, repositories, triggers
from backend.services.credits import to_credits
from backend.services.report import SAYS, cost, harmless
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, Phase, Status, Verdict

PAUSE = timedelta(seconds=10)  # between two edits of one comment
HELD = timedelta(minutes=2)  # for a look, in which GitHub is asked a few times, 10 s each
KEPT_UP = timedelta(days=1)  # after which what cannot be told is given up
_LONGEST_WAIT = 3600  # seconds until the next try
_MOST_ANSWER, _MOST_REASON = 30_000, 2_000  # characters; GitHub takes 65,536
_REFUSED = "refused"
_AT_WORK = {
    Phase.PREPARING: "the repository is fetched and set up",
    Phase.RUNNING: "the model is at it",
    Phase.VERIFYING: "the tests run on the result",
    Phase.FINISHING: "the result is handed over",
}
_DUE = """
    SELECT triggers.id FROM triggers LEFT JOIN task_runs ON task_runs.id = triggers.run_id
    WHERE closed_at IS NULL AND next_at <= now()
    AND (state <> 'started' OR run_id IS NULL OR told IS DISTINCT FROM task_runs.status || ':' || task_runs.phase)
    ORDER BY next_at, triggers.created_at LIMIT :limit
"""
_log = log.get(__name__)


@dataclass(frozen=True)
class _News:
    """What the comment is to say: `stand` is what it then tells of."""

    trigger_id: UUID
    user_id: UUID
    author_id: int
    full_name: str
    number: int
    since: datetime
    comment_id: int | None
    stand: str
    body: str
    is_last: bool


def due(session: Session, limit: int = 100) -> list[UUID]:
    """The triggers that wait to be begun, or whose comment tells less than there is to tell; the oldest first."""
    return list(session.execute(text(_DUE), {"limit": limit}).scalars())


def answer_all(may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Begins what waits and brings each comment up to date, none of them twice at once. How many are left for later.

    After each it asks whether it may go on.
    """
    with transaction() as session:
        ids = due(session)
    for done, one in enumerate(ids, start=1):
        _answer(one)
        if not may_go_on():
            return len(ids) - done
    return 0


def marker(trigger_id: UUID) -> str:
    """By which a comment is known as this trigger's."""
    return f"{mentions.MARK}trigger:{trigger_id} -->"


def _answer(trigger_id: UUID) -> None:
    if not _take(trigger_id):
        return
    try:
        triggers.begin(trigger_id)
        with transaction() as session:
            news = _news(session, trigger_id)
        if news is not None:
            _tell(news)
    except Unavailable:
        raise
    except (GitHubNotFound, GitHubUnprocessable) as error:  # the comment, the issue or the access is gone; or locked
        _give_up(trigger_id, str(error))
    except GitHubUnauthorized as error:  # they reconnect, or do not
        _try_later(trigger_id, error, _LONGEST_WAIT / 6)
    except GitHubError as error:
        _try_later(trigger_id, error, error.retry_after)
    except Exception:  # the others must not wait for this one
        _log.exception("a trigger could not be answered", trigger_id=str(trigger_id))
        _try_later(trigger_id, None, None)


def _take(trigger_id: UUID) -> bool:
    """Nobody else looks at it meanwhile; should this process die, somebody does afterwards."""
    with transaction() as session:
        taken = session.execute(
            text(
                "UPDATE triggers SET next_at = now() + :held WHERE id = :id AND closed_at IS NULL AND next_at <= now()"
                " RETURNING 1"
            ),
            {"id": trigger_id, "held": HELD},
        )
        return taken.first() is not None


def _tell(news: _News) -> None:
    comment_id = repositories.with_github(news.user_id, lambda github: _written(github, news))
    with transaction() as session:
        session.execute(
            text(
                "UPDATE triggers SET comment_id = :comment, told = :stand, attempts = 0, next_at = now() + :pause,"
                " closed_at = CASE WHEN :is_last THEN now() END WHERE id = :id"
            ),
            {
                "id": news.trigger_id,
                "comment": comment_id,
                "stand": news.stand,
                "pause": PAUSE,
                "is_last": news.is_last,
            },
        )


def _written(github: GitHub, news: _News) -> int:
    """The comment's id. One whose answer was lost is found; one that was deleted stays so (GitHubNotFound)."""
    known = news.comment_id
    if known is None:
        found = github.find_comment(
            news.full_name, news.number, marker(news.trigger_id), news.author_id, since=news.since
        )
        known = found.id if found else None
    if known is None:
        return github.comment(news.full_name, news.number, news.body).id
    github.edit_comment(news.full_name, known, news.body)
    return known


def _try_later(trigger_id: UUID, error: GitHubError | None, seconds: float | None) -> None:
    with transaction() as session:
        row = session.get_one(Trigger, trigger_id)
        if clock.now() - row.created_at > KEPT_UP and _is_over(session, row):
            row.closed_at = clock.now()
        row.attempts += 1
        wait = seconds if seconds is not None else min(10 * 2**row.attempts, _LONGEST_WAIT)
        row.next_at = clock.now() + timedelta(seconds=wait)
        session.add(row)
    _log.warning("a trigger waits for GitHub", trigger_id=str(trigger_id), error=str(error), seconds=wait)


def _is_over(session: Session, row: Trigger) -> bool:
    """Whether nothing but words is left to do."""
    run = session.get(TaskRun, row.run_id) if row.run_id else None
    return run is None or Status(run.status).is_end


def _give_up(trigger_id: UUID, reason: str) -> None:
    with transaction() as session:
        row = session.get_one(Trigger, trigger_id)
        row.closed_at, row.content = clock.now(), {}
        session.add(row)
    _log.info("a trigger's comment is given up", trigger_id=str(trigger_id), reason=reason)


def _news(session: Session, trigger_id: UUID) -> _News | None:
    """What is to be told now; None for what is closed or told."""
    row = session.get_one(Trigger, trigger_id)
    if row.closed_at is not None or row.state == TriggerState.WAITING:
        return None
    run = session.get(TaskRun, row.run_id) if row.run_id else None
    if row.state == TriggerState.STARTED and run is None:
        row.closed_at = clock.now()
        return None
    stand = f"{run.status}:{run.phase}" if run else _REFUSED
    if row.told == stand:
        return None
    words = _words_of(session, run) if run else f"**Async Coder started no task.** {row.refusal}"
    user = session.get_one(User, row.user_id)
    return _News(
        trigger_id=row.id,
        user_id=user.id,
        author_id=user.github_id,
        full_name=session.get_one(Repository, row.repository_id).full_name,
        number=row.number,
        since=row.created_at - timedelta(minutes=5),  # GitHub's clock is another
        comment_id=row.comment_id,
        stand=stand,
        body=f"{marker(row.id)}\n{words}",
        is_last=run is None or Status(run.status).is_end,
    )


def _words_of(session: Session, run: TaskRun) -> str:
    """How the run stands, for everybody who reads the issue."""
    task = session.get_one(Task, run.task_id)
    link = f"[The task in Async Coder]({get_settings().origin}/tasks/{task.id})"
    if not Status(run.status).is_end:
        return f"{_under_way(run)}\n\n{link}"
    model = session.get_one(AiModel, run.ai_model_id or task.ai_model_id).display_name
    is_free = run.failure is not None and Failure(run.failure).is_platform_fault
    spent = to_credits(run.cost_micro) if run.own_key else 0 if is_free else run.charged or 0
    return f"{_result(session, run)}\n\nBy {harmless(model, 100)}, {cost(spent, own_key=run.own_key)}. {link}"


def _under_way(run: TaskRun) -> str:
    phase = Phase(run.phase)
    if phase in _AT_WORK:
        return f"**At work**: {_AT_WORK[phase]}."
    if phase is Phase.PARKED:
        reason = harmless(run.reason or "for an answer on the task's page", _MOST_REASON)
        return f"**Waiting**: {reason}"
    return "**Queued**: it waits for a worker."


def _result(session: Session, run: TaskRun) -> str:
    ended = select(TaskEvent.payload).where(TaskEvent.run_id == run.id, TaskEvent.kind == EventKind.ENDED)
    words = harmless(str((session.exec(ended).first() or {}).get("text") or ""), _MOST_ANSWER)
    if run.status == Status.CANCELLED:
        return f"**Stopped.** {words[:_MOST_REASON]}"
    if run.status == Status.FAILED:
        return f"**Failed**: {words[:_MOST_REASON]}"
    match Outcome(run.outcome) if run.outcome else None:
        case Outcome.PR_OPENED | Outcome.PR_UPDATED:
            return _handed_over(session, run)
        case Outcome.REVIEWED:
            return _reviewed(session, run, words)
        case Outcome.NO_CHANGES:
            return f"**Nothing was changed.**\n\n{words}"
    return f"**Answered.**\n\n{words}"


def _handed_over(session: Session, run: TaskRun) -> str:
    pull = session.exec(select(PullRequest).where(PullRequest.task_id == run.task_id)).first()
    where = f"[#{pull.pr_number}]({pull.url})" if pull else "the pull request"
    verb = "opened" if run.outcome == Outcome.PR_OPENED else "brought up to date"
    seen = (run.evidence or {}).get("verdict")
    evidence = f"\n\nTests {SAYS[Verdict(seen)]} (`{str(run.head_sha)[:12]}`)." if seen else ""
    return f"**Done**: {where} is {verb}.{evidence}"


def _reviewed(session: Session, run: TaskRun, words: str) -> str:
    meta = session.exec(
        select(TaskResult.meta).where(TaskResult.run_id == run.id, col(TaskResult.meta).is_not(None))
    ).first()
    posted = (meta or {}).get("review") or {}
    if posted.get("url"):
        return f"**Reviewed**: {posted['url']}"
    return f"**Reviewed.** {harmless(str(posted.get('text') or ''), _MOST_REASON)}\n\n{words}"

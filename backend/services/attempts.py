"""A run's attempts: tried again after a fault that may pass, given to another worker when its own went away.

Faults are limited to three attempts whatever lies between them. Workers that went away are counted from the last turn
of the model on: a deployment or a lack of memory in a long run is no reason to give it up while it gets on.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from backend import clock
from backend.db import after_commit
from backend.models import Task, TaskRun, User
from backend.queue import ring_runs
from backend.services import runs
from backend.words import EventKind, Failure, Phase, Status

MAX_ATTEMPTS = 3
# The codes of the notes that open another attempt.
_FAULT, _WORKER_GONE, _HANDED_OVER = "attempt", "worker_gone", "handed_over"
_BROKEN = Failure.INTERNAL_ERROR


def retry_later(session: Session, run_id: UUID, fence: int, failure: Failure, sentence: str) -> bool:
    """Starts the next attempt where the failure allows one, with exponential back-off. False if it must end instead."""
    task, run = runs.locked(session, run_id)
    runs.require_own(run, fence)
    if run.cancel_requested_at is not None or not failure.retries_by_itself:
        return False
    return _next_attempt(session, task, run, sentence, _FAULT, pause=5 * 2 ** min(run.attempt, MAX_ATTEMPTS))


def expired(session: Session) -> list[UUID]:
    """The running runs whose lease has run out."""
    rows = session.execute(text("SELECT id FROM task_runs WHERE status = 'running' AND lease_expires_at < now()"))
    return list(rows.scalars())


def take_over(session: Session, run_id: UUID) -> bool:
    """Gives a run whose lease has expired its next attempt, or ends it after the last. False where a beat revived it.

    One run a transaction: two of them would lock task, person, task, which is not the order of everyone else.
    """
    task, run = runs.locked(session, run_id)
    if run_id not in expired(session):
        return False
    _go_on(session, task, run, "The worker went away; another one goes on from the log.", _WORKER_GONE)
    return True


def hand_over(session: Session, owner: str) -> bool:
    """Gives what a worker that was told to stop was at to another at once; False where it was at nothing.

    Only for a worker whose job is over, `owner` being how it claimed. It is no fault and counts as none, however often.
    """
    statement = text("SELECT id FROM task_runs WHERE status = 'running' AND lease_owner = :owner")
    run_id = session.execute(statement, {"owner": owner}).scalars().first()
    if run_id is None:
        return False
    task, run = runs.locked(session, run_id)
    if run.status != Status.RUNNING or run.lease_owner != owner:
        return False
    _go_on(session, task, run, "The worker was stopped; another one goes on from the log.", _HANDED_OVER)
    return True


def _go_on(session: Session, task: Task, run: TaskRun, sentence: str, code: str) -> None:
    """The run's next attempt, or its end after the last one or where the person said stop."""
    if run.cancel_requested_at is not None:
        runs.end(session, run.id, run.fence, runs.End(Status.CANCELLED, "Stopped."))
    elif not _next_attempt(session, task, run, sentence, code):
        runs.end(session, run.id, run.fence, runs.End(Status.FAILED, _BROKEN.sentence, failure=_BROKEN))


def of_nobody(session: Session) -> list[UUID]:
    """The runs that wait for whoever is disabled or gone: nothing more is done for them."""
    rows = session.execute(
        text(
            "SELECT r.id FROM task_runs r JOIN tasks t ON t.id = r.task_id JOIN users u ON u.id = t.user_id"
            " WHERE r.status = 'pending' AND (u.disabled_at IS NOT NULL OR u.deleted_at IS NOT NULL)"
        )
    )
    return list(rows.scalars())


def give_up(session: Session, run_id: UUID) -> bool:
    """Ends such a run, charged for what it used; the rest of its hold is free again. False where it waits no more."""
    task, run = runs.locked(session, run_id)
    if run.status != Status.PENDING or not session.get_one(User, task.user_id).is_shut_out:
        return False
    runs.end(session, run_id, run.fence, runs.End(Status.CANCELLED, "Stopped: the account is disabled."))
    return True


def _next_attempt(
    session: Session, task: Task, run: TaskRun, sentence: str, code: str, *, pause: float | None = None
) -> bool:
    if _attempts_that_count(session, run) >= MAX_ATTEMPTS:
        return False
    run.status, run.phase, run.reason = Status.PENDING, Phase.QUEUED, sentence
    run.until = clock.now() + timedelta(seconds=pause) if pause else None
    run.attempt += 1
    run.fence += 1
    run.lease_owner = run.lease_expires_at = None
    runs.record(session, run, EventKind.NOTE, {"text": sentence, "code": code}, f"attempt-{run.attempt}")
    runs.mirror(session, task, run)
    after_commit(session, ring_runs)
    return True


def _attempts_that_count(session: Session, run: TaskRun) -> int:
    """This attempt, those before that ended in a fault, and those whose worker went away since the last turn."""
    return 1 + int(
        session.execute(
            text(
                """
                SELECT count(*) FROM task_events WHERE run_id = :id AND kind = 'note'
                AND (payload->>'code' = :fault OR payload->>'code' = :gone AND seq >
                     (SELECT coalesce(max(seq), 0) FROM task_events WHERE run_id = :id AND kind = 'model_turn'))
                """
            ),
            {"id": run.id, "fault": _FAULT, "gone": _WORKER_GONE},
        ).scalar_one()
    )

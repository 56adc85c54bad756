"""A worker and its person, step by step, without the engine between."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, select

from backend import db
from backend.models import TaskRun, User
from backend.services import attempts, claims, runs, tasks
from backend.services.claims import Claim
from backend.services.runs import End
from backend.words import Outcome, Priority, Status, TaskType
from tests.conftest import People


def submit(
    people: People, prompt: str = "Fix it", priority: Priority = Priority.MEDIUM, *, who: User | None = None
) -> UUID:
    where = people.shop if who else people.sample
    with db.transaction() as session:
        draft = tasks.Draft(
            where, "main", None, people.model, TaskType.ASK if who else TaskType.DEBUG, priority, prompt
        )
        return tasks.submit(session, who or people.alice, draft).id


def claim() -> Claim:
    with db.transaction() as session:
        found = claims.claim(session, "worker")
    assert found is not None
    return found


def run_of(task_id: UUID, session: Session) -> TaskRun:
    return session.exec(select(TaskRun).where(TaskRun.task_id == task_id).order_by(text("number DESC"))).first()  # type: ignore[return-value]  # there is one


def expire_lease() -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET lease_expires_at = now() - interval '1 s' WHERE status = 'running'"))


def take_over() -> list[UUID]:
    with db.transaction() as session:
        expired = attempts.expired(session)
    taken = []
    for run_id in expired:
        with db.transaction() as session:
            if attempts.take_over(session, run_id):
                taken.append(run_id)
    return taken


def end(mine: Claim, how: End | None = None) -> None:
    with db.transaction() as session:
        done = how or End(Status.COMPLETED, "done", outcome=Outcome.NO_CHANGES)
        runs.end(session, mine.run_id, mine.fence, done)


def somebody_waits() -> bool:
    """Whether a connection waits for a lock: asked in a transaction of its own, which sees how it was then."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with db.transaction() as session:
        return session.execute(text(waiting)).first() is not None

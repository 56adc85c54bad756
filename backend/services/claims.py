"""Who works on what: PostgreSQL decides, one claim at a time, under a lease with a fence."""

import socket
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import Session, select

from backend import clock
from backend.models import Task, TaskRun
from backend.services import line, runs
from backend.words import Phase, Status, Tier

LEASE_SECONDS = 20
_CLAIM = {"key": 0x61636C6D}  # "aclm"
_CONCURRENT = {tier.value: tier.concurrency for tier in Tier}
_ROOM = """(SELECT count(*) FROM task_runs o JOIN tasks ot ON ot.id = o.task_id
           WHERE ot.user_id = u.id AND o.status = 'running')
          < CASE u.subscription_tier WHEN 'free' THEN :free WHEN 'pro' THEN :pro ELSE :enterprise END"""
_HAS_ROOM = f"SELECT {_ROOM} FROM users u WHERE u.id = :user"  # noqa: S608  our own text
# The runs of which a worker may take any one now: due, and of a person who may work and has room for another.
_CLAIMABLE = f"""
    FROM task_runs r JOIN tasks t ON t.id = r.task_id JOIN users u ON u.id = t.user_id
    WHERE r.status = 'pending'
      AND (r.phase = 'queued' AND (r.until IS NULL OR r.until <= now()) OR r.phase = 'parked' AND r.until <= now())
      AND NOT EXISTS (SELECT 1 FROM deployment WHERE paused_at IS NOT NULL)
      AND u.disabled_at IS NULL AND u.deleted_at IS NULL AND t.deleted_at IS NULL
      AND {_ROOM}
"""  # noqa: S608  our own text


@dataclass(frozen=True)
class Claim:
    """A run that is this worker's for as long as the fence holds."""

    run_id: UUID
    fence: int


def owner_of(pid: int) -> str:
    """How the process of that id on this machine claims."""
    return f"{socket.gethostname()}:{pid}"


def claim(session: Session, owner: str) -> Claim | None:
    """Takes the next run: the lowest turn, within each person's limit.

    A task that another claims, or changes, just now is passed over: a hundred workers do not wait for each other. One
    person's are claimed one at a time, under an advisory lock, so that two workers cannot both count them as free.
    """
    full: list[UUID] = []  # who had room when it was looked, and has none by now
    while (found := _next(session, full)) is not None:
        run_id, user_id = found
        session.execute(text("SELECT pg_advisory_xact_lock(:key, hashtext(:user))"), _CLAIM | {"user": str(user_id)})
        if not session.execute(text(_HAS_ROOM), _CONCURRENT | {"user": user_id}).scalar_one():
            full.append(user_id)
            continue
        task, run = runs.locked(session, run_id)
        if run.status == Status.PENDING:  # else another took it, or it was cancelled, between the look and the lock
            return _taken(session, task, run, owner)
    return None


def _next(session: Session, full: list[UUID]) -> tuple[UUID, UUID] | None:
    """The next run and its person, its task locked."""
    query = f"SELECT r.id, u.id {_CLAIMABLE} AND u.id <> ALL(:full) ORDER BY {line.ORDER} LIMIT 1"
    row = session.execute(text(f"{query} FOR NO KEY UPDATE OF t SKIP LOCKED"), _CONCURRENT | {"full": full}).first()
    return (row[0], row[1]) if row else None


def _taken(session: Session, task: Task, run: TaskRun, owner: str) -> Claim:
    run.status, run.phase, run.reason, run.until = Status.RUNNING, Phase.PREPARING, None, None
    run.fence += 1
    run.lease_owner = owner
    # By the database's clock, as everyone judges it: workers' clocks may differ by more than a lease.
    run.lease_expires_at = session.exec(select(func.now() + timedelta(seconds=LEASE_SECONDS))).one()
    run.started_at = run.started_at or clock.now()
    task.started_at = task.started_at or run.started_at
    runs.mirror(session, task, run)
    return Claim(run.id, run.fence)


def claimable(session: Session) -> int:
    """How many runs a worker could begin with now: none that `claim` would refuse."""
    return int(session.execute(text(f"SELECT count(*) {_CLAIMABLE}"), _CONCURRENT).scalar_one())

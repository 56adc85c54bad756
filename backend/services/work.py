"""What is at work and what waits, for admins: who runs what, since when, and why the rest waits."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy
from redis.exceptions import RedisError
from sqlalchemy import func
from sqlmodel import Session, col, select

from backend import clock, log, queue
from backend.db import after_commit, for_update
from backend.errors import NotFound
from backend.events import WORK_TOPIC, ring
from backend.models import AiModel, Deployment, Repository, Task, TaskRun, User
from backend.queue import WorkerSeen, ring_runs
from backend.services import access, audit
from backend.services.claims import LEASE_SECONDS
from backend.words import APPROVAL, Act, EventKind, ObjectKind, Phase, Status, Tier

SHOWN = 200  # of those that wait
_QUEUE = audit.Object(ObjectKind.DEPLOYMENT, "queue", "the queue")
_log = log.get(__name__)


@dataclass(frozen=True)
class RunEntry:
    """A run that is alive. Times are aware UTC, `beat_at` is its worker's last sign; `why` says why it waits.

    Of the task only its title is told; `may_read` says whether this admin may open it.
    """

    task_id: UUID
    title: str
    repository: str
    owner: str
    model: str
    priority: str
    number: int
    attempt: int
    phase: str
    why: str
    until: datetime | None
    worker: str
    beat_at: datetime | None
    asked_at: datetime
    started_at: datetime | None
    may_read: bool


@dataclass(frozen=True)
class Work:
    """The queue as it stands; `workers` is None where Redis cannot be asked, `waiting` the first of `waiting_count`."""

    paused_at: datetime | None
    paused_by: str
    at_work: list[RunEntry]
    waiting: list[RunEntry]
    waiting_count: int
    workers: list[WorkerSeen] | None


def read(session: Session, user: User) -> Work:
    """What is at work and what waits, in the order of their turns. Raises Forbidden."""
    access.require_admin(user)
    paused = session.execute(
        sqlalchemy.select(col(Deployment.paused_at), func.coalesce(User.username, "")).outerjoin(
            User, col(User.id) == Deployment.paused_by
        )
    ).first()
    paused_at, paused_by = paused or (None, "")
    found = list(session.execute(_selection(user)).mappings())
    busy = Counter(one["owner_id"] for one in found if one["status"] == Status.RUNNING)
    at_work = [_entry(one, "") for one in found if one["status"] == Status.RUNNING]
    waits = [one for one in found if one["status"] == Status.PENDING]
    waiting, place = list[RunEntry](), 0
    for one in waits[:SHOWN]:
        why = _why(one, busy[one["owner_id"]], is_paused=paused_at is not None)
        if not why:
            place += 1
            why = "next" if place == 1 else f"{place - 1} ahead in line"
        waiting.append(_entry(one, why))
    return Work(paused_at, paused_by, at_work, waiting, len(waits), _workers())


def pause(session: Session, user: User, *, address: str = audit.UNKNOWN) -> None:
    """From now on no run is begun; those at work go on to their end. Twice is once. Raises Forbidden."""
    found = _deployment(session, user)
    if found.paused_at is None:
        found.paused_at, found.paused_by = clock.now(), user.id
        audit.record(session, Act.QUEUE_PAUSED, audit.by(user, address), _QUEUE)
    _changed(session)


def resume(session: Session, user: User, *, address: str = audit.UNKNOWN) -> None:
    """Runs are begun again. Twice is once. Raises Forbidden."""
    found = _deployment(session, user)
    if found.paused_at is not None:
        found.paused_at = found.paused_by = None
        audit.record(session, Act.QUEUE_RESUMED, audit.by(user, address), _QUEUE)
    _changed(session)
    after_commit(session, ring_runs)


def _deployment(session: Session, user: User) -> Deployment:
    access.require_admin(user)
    found = session.exec(for_update(select(Deployment))).first()
    if found is None:
        raise NotFound("This database was never prepared.")
    session.add(found)
    return found


def _changed(session: Session) -> None:
    after_commit(session, lambda: ring(WORK_TOPIC, "", 0, str(EventKind.PHASE)))


def _selection(user: User) -> Any:
    beat_at = col(TaskRun.lease_expires_at) - func.make_interval(0, 0, 0, 0, 0, 0, LEASE_SECONDS)
    return (
        sqlalchemy.select(
            col(TaskRun.task_id),
            col(Task.title),
            col(Repository.full_name).label("repository"),
            col(User.id).label("owner_id"),
            col(User.username).label("owner"),
            col(User.subscription_tier).label("tier"),
            col(AiModel.display_name).label("model"),
            col(Task.priority),
            col(TaskRun.number),
            col(TaskRun.attempt),
            col(TaskRun.status),
            col(TaskRun.phase),
            col(TaskRun.reason),
            col(TaskRun.until),
            func.coalesce(TaskRun.lease_owner, "").label("worker"),
            beat_at.label("beat_at"),
            col(TaskRun.created_at).label("asked_at"),
            col(TaskRun.started_at),
            access.visible(user).label("may_read"),
        )
        .select_from(TaskRun)
        .join(Task, col(Task.id) == TaskRun.task_id)
        .join(User, col(User.id) == Task.user_id)
        .join(Repository, col(Repository.id) == Task.repository_id)
        .join(AiModel, col(AiModel.id) == func.coalesce(TaskRun.ai_model_id, Task.ai_model_id))
        .where(col(TaskRun.status).in_([Status.PENDING, Status.RUNNING]))
        .order_by(col(TaskRun.turn), col(TaskRun.created_at))
    )


def _why(found: sqlalchemy.RowMapping, busy: int, *, is_paused: bool) -> str:
    """Why it waits, if not for its turn alone."""
    if found["phase"] == Phase.PARKED:
        if found["reason"] == APPROVAL:
            return "waits for its plan's approval"
        return "waits for its person" if found["until"] is None else str(found["reason"] or "waits")
    if found["until"] is not None and found["until"] > clock.now():
        return "the next attempt waits"
    if is_paused:
        return "the queue is paused"
    most = Tier(found["tier"]).concurrency
    return f"{found['owner']} runs {busy} of {most}" if busy >= most else ""


def _entry(found: sqlalchemy.RowMapping, why: str) -> RunEntry:
    left_out = ("owner_id", "tier", "status", "reason")
    return RunEntry(**{name: value for name, value in found.items() if name not in left_out}, why=why)


def _workers() -> list[WorkerSeen] | None:
    try:
        return queue.workers()
    except RedisError as error:
        _log.warning("the workers could not be listed", error=str(error))
        return None

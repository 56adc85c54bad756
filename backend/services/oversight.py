"""Everyone's tasks as admins see them: title, state and cost; what stands in them stays with whoever may read them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import tuple_
from sqlmodel import Session, and_, col, not_, select

from backend import clock, jsonb
from backend.models import AiModel, PullRequest, Repository, Task, TaskRun, User
from backend.services import access, paging
from backend.services.paging import Window
from backend.services.tasks import query
from backend.words import Failure, Outcome, Status, TaskType

SIZE = 50
FOUND = 10
Key = tuple[datetime, UUID]


class State(StrEnum):
    """What the list tells apart: `attention` waits for its person."""

    ATTENTION = "attention"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Wanted:
    """The filters. `words` are a part of the title: prompts are not searched. `days` back from now."""

    state: State | None = None
    task_type: TaskType | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None
    person: str = ""
    repository_id: UUID | None = None
    model_id: UUID | None = None
    words: str = ""
    days: int | None = None


@dataclass(frozen=True)
class OverseenTask:
    """A task of anybody's. Credits whole, times aware UTC; `may_read` says whether this admin may open it.

    `can_stop` and `can_retry` say what the state allows; whether its person can pay is asked when it is done.
    """

    id: UUID
    title: str
    owner: str
    repository: str
    task_type: str
    model: str
    status: str
    phase: str
    until: datetime | None
    outcome: str | None
    failure: str | None
    credits_used: int
    pr_number: int | None
    pr_status: str | None
    verdict: str | None
    created_at: datetime
    may_read: bool

    @property
    def can_stop(self) -> bool:
        """Whether a run of it waits or works."""
        return not Status(self.status).is_end

    @property
    def can_retry(self) -> bool:
        """Whether it failed or was stopped."""
        return self.status in (Status.FAILED, Status.CANCELLED) and self.outcome != Outcome.MERGED


def window(
    session: Session, user: User, wanted: Wanted, after: Key | None = None, *, size: int = SIZE
) -> Window[OverseenTask, Key]:
    """Those that fit, newest first, on from one of them; not those that were deleted. Raises Forbidden."""
    access.require_admin(user)
    conditions, place = _fitting(wanted), tuple_(_AT, _ID)
    rows = _selection(user).where(*conditions).order_by(_AT.desc(), _ID.desc()).limit(size + 1)
    found = session.execute(rows if after is None else rows.where(place < tuple_(*after))).mappings()

    def newer(key: Key, most: int) -> list[Key]:
        keys = sqlalchemy.select(_AT, _ID).where(*conditions, place > tuple_(*key)).order_by(_AT, _ID).limit(most)
        return [(at, id) for at, id in session.execute(keys)]

    return paging.window(
        [OverseenTask(**row) for row in found], size, lambda row: (row.created_at, row.id), after, newer
    )


def models(session: Session, user: User) -> list[tuple[UUID, str]]:
    """The models to filter by, by name. Raises Forbidden."""
    access.require_admin(user)
    return list(session.exec(select(AiModel.id, AiModel.display_name).order_by(col(AiModel.display_name)).limit(100)))


def repositories(session: Session, user: User, words: str) -> list[tuple[UUID, str]]:
    """The first ten repositories with these words in their name. Raises Forbidden."""
    access.require_admin(user)
    named = col(Repository.full_name)
    fitting = named.icontains(jsonb.searched(words), autoescape=True)
    return list(session.exec(select(Repository.id, Repository.full_name).where(fitting).order_by(named).limit(FOUND)))


def repository_name(session: Session, user: User, repository_id: UUID) -> str:
    """What the repository is called, empty for none. Raises Forbidden."""
    access.require_admin(user)
    return session.exec(select(Repository.full_name).where(Repository.id == repository_id)).first() or ""


def _fitting(wanted: Wanted) -> list[Any]:
    equal = (
        (Task.type, wanted.task_type),
        (Task.outcome, wanted.outcome),
        (Task.failure, wanted.failure),
        (Task.repository_id, wanted.repository_id),
        (Task.ai_model_id, wanted.model_id),
    )
    conditions: list[Any] = [col(Task.deleted_at).is_(None), *_in_state(wanted.state)]
    conditions += [col(column) == value for column, value in equal if value is not None]
    if login := jsonb.searched(wanted.person):
        conditions.append(col(Task.user_id).in_(select(User.id).where(User.username == login)))
    if words := jsonb.searched(wanted.words):
        conditions.append(col(Task.title).icontains(words, autoescape=True))
    if wanted.days is not None:
        conditions.append(clock.now() - timedelta(days=wanted.days) <= _AT)
    return conditions


def _in_state(state: State | None) -> list[Any]:
    status, waits = col(Task.status), query.needs_attention()
    conditions: dict[State, Any] = {
        State.ATTENTION: waits,
        State.QUEUED: and_(status == Status.PENDING, not_(waits)),
        State.RUNNING: status == Status.RUNNING,
        State.DONE: status == Status.COMPLETED,
        State.FAILED: status == Status.FAILED,
        State.STOPPED: status == Status.CANCELLED,
    }
    return [] if state is None else [conditions[state]]


_AT, _ID = col(Task.created_at), col(Task.id)
_OWN = ("title", "status", "phase", "until", "outcome", "failure", "credits_used")


def _selection(user: User) -> sqlalchemy.Select[Any]:
    return (
        sqlalchemy.select(
            _ID,
            _AT,
            *(getattr(Task, name) for name in _OWN),
            col(Task.type).label("task_type"),
            col(User.username).label("owner"),
            col(Repository.full_name).label("repository"),
            col(AiModel.display_name).label("model"),
            _of_pull(col(PullRequest.pr_number)).label("pr_number"),
            _of_pull(col(PullRequest.status)).label("pr_status"),
            _verdict().label("verdict"),
            access.visible(user).label("may_read"),
        )
        .select_from(Task)
        .join(User, col(User.id) == Task.user_id)
        .join(Repository, col(Repository.id) == Task.repository_id)
        .join(AiModel, col(AiModel.id) == Task.ai_model_id)
    )


def _verdict() -> Any:
    """What the newest run's tests said."""
    told = col(TaskRun.evidence)["verdict"].astext
    runs = sqlalchemy.select(told).where(col(TaskRun.task_id) == _ID).order_by(col(TaskRun.number).desc())
    return runs.correlate(Task).limit(1).scalar_subquery()


def _of_pull(what: Any) -> Any:
    return sqlalchemy.select(what).where(col(PullRequest.task_id) == _ID).correlate(Task).limit(1).scalar_subquery()

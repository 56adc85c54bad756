"""The tasks page: every task one may see, filtered, counted and paged in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, not_, or_, select

from backend import clock, jsonb
from backend.models import AiModel, PullRequest, Repository, Task, User
from backend.services import access, paging
from backend.services.paging import Page
from backend.services.tasks import query
from backend.services.tasks.rows import TaskRow
from backend.words import Outcome, Priority, PullRequestStatus, Status, TaskType

PAGE = 50
_MOST_CHOICES = 100


class State(StrEnum):
    """What the tasks page tells apart. Only `archived` shows what was put away."""

    ATTENTION = "attention"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    ARCHIVED = "archived"


class Opened(StrEnum):
    """Which tasks with a pull request of theirs: all, or those whose pull request is merged."""

    ANY = "any"
    MERGED = "merged"


@dataclass(frozen=True)
class Filters:
    """What the tasks page is asked for; nothing given leaves nothing out but what is archived.

    `first` and `last` are the days in UTC, both included, on which the tasks were sent.
    """

    state: State | None = None
    status: Status | None = None
    task_type: TaskType | None = None
    repository_id: UUID | None = None
    model_id: UUID | None = None
    priority: Priority | None = None
    query: str = ""
    everyone: bool = False
    outcome: Outcome | None = None
    pull: Opened | None = None
    first: date | None = None
    last: date | None = None
    with_archived: bool = False


@dataclass(frozen=True)
class Offered:
    """What there is to filter by: repositories and models (id, name) of the tasks one may see, newest used first."""

    repositories: list[tuple[UUID, str]]
    models: list[tuple[UUID, str]]
    has_others: bool


def listing(session: Session, user: User, filters: Filters, number: int = 1, *, size: int = PAGE) -> Page[TaskRow]:
    """The page of tasks that fit, newest first."""
    conditions = fitting(user, filters)
    total = session.exec(select(func.count()).select_from(Task).where(*conditions)).one()
    ids = select(Task.id).where(*conditions).order_by(col(Task.created_at).desc(), col(Task.id)).limit(size)
    return paging.page(
        total, number, size, lambda offset: query.rows(session, user, session.exec(ids.offset(offset)).all())
    )


def offered(session: Session, user: User) -> Offered:
    """The choices of the filter bar."""
    seen = select(Task.repository_id, Task.ai_model_id, Task.user_id).where(access.visible(user)).subquery()
    repositories = session.exec(
        select(Repository.id, access.NAME_KNOWN)
        .outerjoin(*access.lost_by(user.id))
        .where(col(Repository.id).in_(select(seen.c.repository_id)))
        .order_by(access.NAME_KNOWN)
        .limit(_MOST_CHOICES)
    ).all()
    models = session.exec(
        select(AiModel.id, AiModel.display_name)
        .where(col(AiModel.id).in_(select(seen.c.ai_model_id)))
        .order_by(col(AiModel.display_name))
        .limit(_MOST_CHOICES)
    ).all()
    others = session.execute(select(seen.c.user_id).where(seen.c.user_id != user.id).limit(1)).first()
    return Offered(list(repositories), list(models), others is not None)


def fitting(user: User, filters: Filters) -> Sequence[ColumnElement[bool]]:
    """The conditions that the tasks fulfil."""
    equal = (
        (Task.status, filters.status),
        (Task.type, filters.task_type),
        (Task.repository_id, filters.repository_id),
        (Task.ai_model_id, filters.model_id),
        (Task.priority, filters.priority),
        (Task.outcome, filters.outcome),
    )
    conditions = [access.visible(user) if filters.everyone else access.own(user)]
    conditions += [*_in_state(filters.state, filters.with_archived), *_sent(filters.first, filters.last)]
    conditions += [col(column) == value for column, value in equal if value is not None]
    if jsonb.searched(filters.query):
        conditions.append(query.matching(filters.query))
    if filters.pull is not None:
        conditions.append(_has_opened(filters.pull))
    return conditions


def _sent(first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    at = col(Task.created_at)
    since = [] if first is None else [at >= datetime.combine(first, time(), UTC)]
    return since if last is None else [*since, at <= datetime.combine(last, time.max, UTC)]


def _has_opened(which: Opened) -> ColumnElement[bool]:
    # Not as a subquery that follows its surroundings: the lists have pull requests among their own tables.
    opened = select(PullRequest.task_id).where(col(PullRequest.task_id).is_not(None)).correlate(None)
    if which is Opened.MERGED:
        opened = opened.where(PullRequest.status == PullRequestStatus.MERGED)
    return col(Task.id).in_(opened)


def _in_state(state: State | None, with_archived: bool) -> list[ColumnElement[bool]]:
    archived = col(Task.archived_at).is_not(None)
    if state is State.ARCHIVED:
        return [archived]
    shown: list[ColumnElement[bool]] = [] if with_archived else [not_(archived)]
    if state is None:
        return shown
    status = col(Task.status)
    waits = query.needs_attention()
    conditions: dict[State, ColumnElement[bool]] = {
        State.ATTENTION: or_(waits, and_(status == Status.FAILED, col(Task.updated_at) >= _midnight())),
        State.QUEUED: and_(status == Status.PENDING, not_(waits)),
        State.RUNNING: status == Status.RUNNING,
        State.DONE: status == Status.COMPLETED,
        State.FAILED: status == Status.FAILED,
        State.STOPPED: status == Status.CANCELLED,
    }
    return [*shown, conditions[state]]


def _midnight() -> datetime:
    """Since when a failure is news: as the sidebar groups it."""
    return datetime.combine(clock.now().date(), time(), UTC)

"""The one selection behind every list of tasks, and the row it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import ColumnElement, literal
from sqlmodel import Session, and_, col, func, or_, select

from backend import jsonb
from backend.models import AiModel, PullRequest, Repository, Task, TaskEvent, TaskRead, TaskRun, User
from backend.services import access
from backend.services.tasks.rows import TaskRow
from backend.words import EventKind, Phase, Status, Visibility

_NEWS = (EventKind.ENDED, EventKind.PULL_REQUEST)


def rows(session: Session, user: User, ids: Sequence[UUID]) -> list[TaskRow]:
    """These tasks as this person sees them, in this order. The caller has checked that they may be seen."""
    statement = selected(user).where(col(Task.id).in_(ids))
    by_id = {found["id"]: row(found) for found in session.execute(statement).mappings()}
    return [by_id[id] for id in ids]


def row(found: Mapping[Any, Any]) -> TaskRow:
    """The row, of a selection with these columns."""
    return TaskRow(**{one.name: found[one.name] for one in fields(TaskRow)})


def selected(user: User, *more: Any) -> sqlalchemy.Select[Any]:
    """Tasks with what a row shows, and `more` of their columns; of runs the newest."""
    newest = select(func.max(TaskRun.number)).where(TaskRun.task_id == Task.id).correlate(Task).scalar_subquery()
    return (
        sqlalchemy.select(*_columns(user), *more)
        .select_from(Task)
        .join(Repository, col(Repository.id) == Task.repository_id)
        .outerjoin(*access.lost_by(user.id))
        .join(AiModel, col(AiModel.id) == Task.ai_model_id)
        .join(User, col(User.id) == Task.user_id)
        .join(TaskRun, (col(TaskRun.task_id) == Task.id) & (col(TaskRun.number) == newest))
        .outerjoin(PullRequest, col(PullRequest.task_id) == Task.id)
    )


def matching(query: str) -> ColumnElement[bool]:
    """Tasks with these words in title or prompt, or with this part in the title."""
    query = jsonb.searched(query)
    words = func.websearch_to_tsquery("simple", query)
    return or_(col(Task.search).op("@@")(words), col(Task.title).icontains(query, autoescape=True))


def needs_attention() -> ColumnElement[bool]:
    """Waits for its person."""
    return and_(col(Task.status) == Status.PENDING, col(Task.phase) == Phase.PARKED, col(Task.until).is_(None))


def _is_unread(user: User) -> ColumnElement[bool]:
    """Whether the person's own task ended, or its pull request changed, after what they have seen of it."""
    news = (
        select(func.max(TaskEvent.seq))
        .where(TaskEvent.task_id == Task.id, col(TaskEvent.kind).in_(_NEWS))
        .correlate(Task)
        .scalar_subquery()
    )
    seen = (
        select(TaskRead.seq)
        .where(TaskRead.task_id == Task.id, TaskRead.user_id == user.id)
        .correlate(Task)
        .scalar_subquery()
    )
    is_news = func.coalesce(news, 0) > func.coalesce(seen, 0)
    return and_(col(Task.user_id) == literal(user.id), col(Task.completed_at).is_not(None), is_news)


def _columns(user: User) -> list[Any]:
    """What a row shows, under its own names: a prompt, a description or a token is never read for a list."""
    task = ("id", "title", "status", "phase", "outcome", "failure", "reason", "until", "credits_used", "priority")
    moments = ("created_at", "completed_at", "updated_at")
    return [
        *(Task.__table__.c[name] for name in task + moments),  # type: ignore[attr-defined]  # SQLModel's are untyped
        access.NAME_KNOWN.label("repository"),
        col(Task.type).label("task_type"),
        col(PullRequest.pr_number),
        col(PullRequest.status).label("pr_status"),
        func.coalesce(PullRequest.url, "").label("pr_url"),
        col(TaskRun.started_at),
        col(TaskRun.evidence)["verdict"].astext.label("verdict"),
        col(AiModel.display_name).label("model_name"),
        (col(AiModel.provider) == "demo").label("is_demo"),
        func.coalesce(func.nullif(User.display_name, ""), User.username).label("owner"),
        (col(Task.user_id) == user.id).label("is_mine"),
        _is_unread(user).label("is_unread"),
        col(Task.archived_at).is_not(None).label("is_archived"),
        (col(Task.visibility) == Visibility.REPOSITORY).label("is_shared"),
    ]

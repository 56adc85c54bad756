"""The one selection behind every list of tasks, and the row it makes."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy
from sqlalchemy import ColumnElement, literal
from sqlmodel import Session, and_, col, func, or_, select

from backend.models import AiModel, PullRequest, Repository, Task, TaskEvent, TaskRead, TaskRun, User
from backend.services import paging
from backend.services.tasks.rows import TaskRow
from backend.words import EventKind, Phase, Status, Visibility

_NEWS = (EventKind.ENDED, EventKind.PULL_REQUEST)


def rows(session: Session, user: User, ids: Sequence[UUID]) -> list[TaskRow]:
    """These tasks as this person sees them, in this order. The caller has checked that they may be seen."""
    found = session.execute(_selection(user).where(col(Task.id).in_(ids))).all()
    by_id = {one[0].id: _row(user, *one) for one in found}
    return [by_id[id] for id in ids]


def matching(query: str) -> ColumnElement[bool]:
    """Tasks with these words in title or prompt, or with this part in the title."""
    query = paging.words(query)
    words = func.websearch_to_tsquery("simple", query)
    return or_(col(Task.search).op("@@")(words), col(Task.title).icontains(query, autoescape=True))


def needs_attention() -> ColumnElement[bool]:
    """Waits for its person."""
    return and_(col(Task.status) == Status.PENDING, col(Task.phase) == Phase.PARKED, col(Task.until).is_(None))


def _selection(user: User) -> sqlalchemy.Select[Task, str, AiModel, PullRequest, TaskRun, User, bool]:
    newest = select(func.max(TaskRun.number)).where(TaskRun.task_id == Task.id).correlate(Task).scalar_subquery()
    return (
        sqlalchemy.select(Task, col(Repository.full_name), AiModel, PullRequest, TaskRun, User, _is_unread(user))
        .join(Repository, col(Repository.id) == Task.repository_id)
        .join(AiModel, col(AiModel.id) == Task.ai_model_id)
        .join(User, col(User.id) == Task.user_id)
        .join(TaskRun, (col(TaskRun.task_id) == Task.id) & (col(TaskRun.number) == newest))
        .outerjoin(PullRequest, col(PullRequest.task_id) == Task.id)
    )


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


def _row(
    user: User,
    task: Task,
    repository: str,
    model: AiModel,
    pull: PullRequest | None,
    run: TaskRun,
    owner: User,
    is_unread: bool,
) -> TaskRow:
    return TaskRow(
        id=task.id,
        short_id=task.short_id,
        title=task.title,
        repository=repository,
        task_type=task.type,
        status=task.status,
        phase=task.phase,
        outcome=task.outcome,
        failure=task.failure,
        reason=task.reason,
        until=task.until,
        pr_number=pull.pr_number if pull else None,
        pr_status=pull.status if pull else None,
        credits_used=task.credits_used,
        created_at=task.created_at,
        started_at=run.started_at,
        completed_at=task.completed_at,
        updated_at=task.updated_at,
        model_name=model.display_name,
        is_demo=model.provider == "demo",
        verdict=(run.evidence or {}).get("verdict"),
        pr_url=pull.url if pull else "",
        priority=task.priority,
        owner=owner.name,
        is_mine=task.user_id == user.id,
        is_unread=is_unread,
        is_archived=task.archived_at is not None,
        is_shared=task.visibility == Visibility.REPOSITORY,
    )

"""Tasks as programs read them: newest first, on from any of them, each on its own."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy
from sqlalchemy import DateTime, Integer, Uuid, bindparam, func, tuple_
from sqlmodel import Session, col

from backend.errors import NotFound
from backend.models import AiModel, PullRequest, Repository, Task, User
from backend.services import access, paging
from backend.services.paging import Slice
from backend.services.tasks.listing import Filters, fitting

Key = tuple[datetime, UUID]


class TaskEntry(NamedTuple):
    """A task without its words. Times are aware UTC, credits whole; `event_seq` is its log's last number."""

    id: UUID
    title: str
    type: str
    status: str
    phase: str
    reason: str | None
    until: datetime | None
    outcome: str | None
    failure: str | None
    priority: str
    visibility: str
    effort: str | None
    plan_first: bool
    repository_id: UUID
    repository: str
    model_id: UUID
    model: str
    user_id: UUID
    owner: str
    branch: str
    target_branch: str
    work_branch: str | None
    pull_number: int | None
    pr_number: int | None
    pr_status: str | None
    pr_url: str | None
    credits_used: int
    estimated_credits: int | None
    event_seq: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    archived_at: datetime | None

    @property
    def short_id(self) -> str:
        """The first eight hex digits, as in the branch name."""
        return self.id.hex[:8]


def following(
    session: Session, user: User, filters: Filters, after: Key | None = None, *, size: int = 50
) -> Slice[TaskEntry, Key]:
    """The tasks that fit, newest first, those after one of that moment and id."""
    at, id_ = after or (None, None)
    statement = _statement(user.id, filters, after is not None)
    rows = session.execute(statement, {"viewer": user.id, "at": at, "id": id_, "most": size + 1}).all()
    return paging.cut([TaskEntry._make(row) for row in rows], size, lambda entry: (entry.created_at, entry.id))


def entry(session: Session, user: User, task_id: UUID) -> TaskEntry:
    """One task that the person may read, their own or another's. Raises NotFound."""
    statement = _SELECTION.where(col(Task.id) == task_id, access.visible(user))
    found = session.execute(statement, {"viewer": user.id}).first()
    if found is None:
        raise NotFound(access.NO_TASK)
    return TaskEntry._make(found)


@lru_cache(maxsize=256)
def _statement(user_id: UUID, filters: Filters, is_after: bool) -> sqlalchemy.Select[Any]:
    """The list's statement for somebody who asks again and again: with its many columns it takes as long to be named,
    for SQLAlchemy's own cache, as to be answered."""
    place = tuple_(bindparam("at", type_=DateTime(timezone=True)), bindparam("id", type_=Uuid()))
    whose = User(id=user_id)  # type: ignore[call-arg]  # nothing else of them is asked
    conditions = [*fitting(whose, filters), *([tuple_(_AT, _ID) < place] if is_after else [])]
    return _SELECTION.where(*conditions).order_by(_AT.desc(), _ID.desc()).limit(bindparam("most", type_=Integer()))


_AT, _ID = col(Task.created_at), col(Task.id)
_BESIDE = {
    "repository": access.NAME_KNOWN,
    "model_id": col(Task.ai_model_id),
    "model": col(AiModel.display_name),
    "owner": func.coalesce(func.nullif(User.display_name, ""), User.username),
    "pr_number": col(PullRequest.pr_number),
    "pr_status": col(PullRequest.status),
    "pr_url": col(PullRequest.url),
}


def _columns() -> Sequence[Any]:
    return [_BESIDE[name] if name in _BESIDE else getattr(Task, name) for name in TaskEntry._fields]


# Made once: with its many columns it would cost a request more than the answer does.
_SELECTION = (
    sqlalchemy.select(*_columns())
    .select_from(Task)
    .join(Repository, col(Repository.id) == Task.repository_id)
    .join(AiModel, col(AiModel.id) == Task.ai_model_id)
    .join(User, col(User.id) == Task.user_id)
    .outerjoin(PullRequest, col(PullRequest.task_id) == Task.id)
    .outerjoin(*access.lost_by(bindparam("viewer", type_=Uuid())))
)

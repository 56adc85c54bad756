"""What the palette finds by a few letters: a person's own tasks and pull requests, and the repositories they reach."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import sqlalchemy
from sqlalchemy import or_
from sqlmodel import Session, col

from backend import jsonb
from backend.models import PullRequest, Repository, Task, User
from backend.services import access, repositories
from backend.services.tasks.query import matching

EACH = 6  # of a kind


@dataclass(frozen=True)
class Found:
    """Something found. `id` is the task's, or the repository's."""

    kind: Literal["task", "repository", "pull_request"]
    id: UUID
    title: str
    detail: str


def everything(session: Session, user: User, query: str) -> list[Found]:
    """The best few of each kind for the query; without one, the newest tasks."""
    wanted = jsonb.searched(query)
    if not wanted:
        return _tasks(session, user, "")
    return [
        *_tasks(session, user, wanted),
        *_pull_requests(session, user, wanted),
        *(
            Found("repository", row.id, row.full_name, row.description)
            for row in repositories.listing(session, user, wanted, EACH)
        ),
    ]


def _tasks(session: Session, user: User, wanted: str) -> list[Found]:
    statement = (
        sqlalchemy.select(col(Task.id), col(Task.title), access.NAME_KNOWN)
        .join(Repository, col(Repository.id) == Task.repository_id)
        .outerjoin(*access.lost_by(user.id))
        .where(col(Task.user_id) == user.id, col(Task.deleted_at).is_(None))
        .order_by(col(Task.archived_at).is_not(None), col(Task.updated_at).desc(), col(Task.id))
        .limit(EACH)
    )
    if wanted:
        statement = statement.where(matching(wanted))
    return [Found("task", id_, title, repository) for id_, title, repository in session.execute(statement)]


def _pull_requests(session: Session, user: User, wanted: str) -> list[Found]:
    number = wanted.removeprefix("#")
    is_it = col(PullRequest.title).icontains(wanted, autoescape=True)
    if number.isdecimal() and len(number) < 10:
        is_it = or_(is_it, col(PullRequest.pr_number) == int(number))
    rows = session.execute(
        sqlalchemy.select(col(Task.id), col(PullRequest.pr_number), col(PullRequest.title), access.NAME_KNOWN)
        .join(Task, col(Task.id) == PullRequest.task_id)
        .join(Repository, col(Repository.id) == PullRequest.repository_id)
        .outerjoin(*access.lost_by(user.id))
        .where(col(Task.user_id) == user.id, col(Task.deleted_at).is_(None), is_it)
        .order_by(col(PullRequest.updated_at).desc(), col(PullRequest.id))
        .limit(EACH)
    )
    return [Found("pull_request", id_, f"#{number} {title}", repository) for id_, number, title, repository in rows]

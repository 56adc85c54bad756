"""What pages show of repositories: the list with its filters, and one of them with its tasks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import func, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col, select

from backend import jsonb
from backend.models import Repository, Task, User, UserRepositoryAccess
from backend.services import access, paging, repositories, tasks
from backend.services.paging import Page, Slice
from backend.services.repositories import RepositoryRow
from backend.services.repository_hooks import Standing, standing

TASKS = 20


class Access(StrEnum):
    """What the person may do with it."""

    ALL = "all"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Privacy(StrEnum):
    """Who can see it on GitHub."""

    ALL = "all"
    PRIVATE = "private"
    PUBLIC = "public"


class Archive(StrEnum):
    """Whether it was put away on GitHub."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    ALL = "all"


@dataclass(frozen=True)
class Wanted:
    """The filters of the list."""

    query: str = ""
    access: Access = Access.ALL
    privacy: Privacy = Privacy.ALL
    archive: Archive = Archive.ACTIVE


@dataclass(frozen=True)
class LastTask:
    """The task of a repository that moved last, of those one may see."""

    id: UUID
    title: str
    at: datetime


@dataclass(frozen=True)
class Listed:
    """A row of the list."""

    row: RepositoryRow
    last_task: LastTask | None


Key = tuple[str, UUID]


@dataclass(frozen=True)
class Reachable:
    """A repository, and what the person may do with it: read, write or admin."""

    repository: Repository
    access_level: str


@dataclass(frozen=True)
class Shown:
    """A repository's page but for its branches and settings."""

    row: RepositoryRow
    url: str
    tasks: list[tasks.TaskRow]
    task_count: int
    hook: Standing


def entries(
    session: Session, user: User, wanted: Wanted | None = None, number: int = 1, *, size: int = 100
) -> Page[Listed]:
    """The person's repositories that fit, by name."""
    statement = _selection().where(*_narrowed(user, wanted or Wanted()))
    total = session.exec(select(func.count()).select_from(statement.subquery())).one()

    def read(offset: int) -> list[Listed]:
        found = session.execute(statement.order_by(_NAME, _ID).limit(size).offset(offset)).all()
        last = _last_tasks(session, user, [repository.id for repository, _ in found])
        return [Listed(repositories.row(repository, level), last.get(repository.id)) for repository, level in found]

    return paging.page(total, number, size, read)


def following(
    session: Session, user: User, wanted: Wanted, after: Key | None = None, *, size: int = 50
) -> Slice[Reachable, Key]:
    """The person's repositories that fit, by name, with their access: those after one of that name and id."""
    statement = _selection().add_columns(_NAME).where(*_narrowed(user, wanted))
    if after:
        statement = statement.where(tuple_(_NAME, _ID) > (jsonb.clean_text(after[0]), after[1]))
    found = session.execute(statement.order_by(_NAME, _ID).limit(size + 1)).all()
    slice = paging.cut(found, size, lambda row: (row[2], row[0].id))
    return Slice([Reachable(repository, level) for repository, level, _ in slice.rows], slice.last)


def page(session: Session, user: User, repository_id: UUID) -> Shown:
    """A repository with its newest tasks. Raises NotFound for what this person cannot reach."""
    found, level = access.reachable(session, user, repository_id)
    listed = tasks.listing(session, user, tasks.Filters(repository_id=repository_id, everyone=True), size=TASKS)
    return Shown(repositories.row(found, level), found.url, listed.rows, listed.total, standing(found))


_NAME = func.lower(Repository.full_name)
_ID = col(Repository.id)


def _selection() -> sqlalchemy.Select[Repository, str]:
    return sqlalchemy.select(Repository, col(UserRepositoryAccess.access_level)).join(
        UserRepositoryAccess, col(UserRepositoryAccess.repository_id) == _ID
    )


def _narrowed(user: User, wanted: Wanted) -> list[Any]:
    conditions: list[Any] = [col(UserRepositoryAccess.user_id) == user.id, col(Repository.is_active)]
    if words := jsonb.searched(wanted.query):
        conditions.append(
            col(Repository.full_name).icontains(words, autoescape=True)
            | col(Repository.description).icontains(words, autoescape=True)
        )
    if wanted.access is not Access.ALL:
        conditions.append(col(UserRepositoryAccess.access_level) == wanted.access.value)
    if wanted.privacy is not Privacy.ALL:
        conditions.append(col(Repository.is_private) == (wanted.privacy is Privacy.PRIVATE))
    if wanted.archive is not Archive.ALL:
        conditions.append(col(Repository.is_archived) == (wanted.archive is Archive.ARCHIVED))
    return conditions


def _last_tasks(session: Session, user: User, ids: list[UUID]) -> dict[UUID, LastTask]:
    rows = session.execute(
        sqlalchemy.select(col(Task.repository_id), col(Task.id), col(Task.title), col(Task.updated_at))
        .where(col(Task.repository_id).in_(ids), access.visible(user))
        .ext(distinct_on(col(Task.repository_id)))
        .order_by(col(Task.repository_id), col(Task.updated_at).desc(), col(Task.id))
    )
    return {repository_id: LastTask(id_, title, at) for repository_id, id_, title, at in rows}

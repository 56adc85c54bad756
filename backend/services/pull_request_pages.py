"""What pages show of pull requests: those of one's tasks and of tasks one may see, filtered and paged in SQL."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import func, or_, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend import jsonb
from backend.models import PullRequest, Repository, Task, TaskRun, User
from backend.services import access, paging
from backend.services.paging import Page, Slice
from backend.words import PullRequestStatus

_MOST_NUMBER = 2**31 - 1
Key = tuple[datetime, UUID]


class State(StrEnum):
    """Which pull requests are wanted, in GitHub's words."""

    ALL = "all"
    OPEN = "open"
    DRAFT = "draft"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True)
class Wanted:
    """The filters of the list."""

    state: State = State.ALL
    repository_id: UUID | None = None
    query: str = ""
    everyone: bool = True


@dataclass(frozen=True)
class PullRow:
    """A pull request as GitHub last told it, with the worker's verdict on it, empty where there is none.

    `may_push` says whether this person may merge or close it; `is_reachable`, whether GitHub still shows it to them.
    """

    id: UUID
    number: int
    title: str
    status: PullRequestStatus
    url: str
    source_branch: str
    target_branch: str
    repository: str
    task_id: UUID
    task_title: str
    verdict: str
    owner: str
    is_mine: bool
    updated_at: datetime
    head_sha: str
    checks_state: str | None
    review_state: str | None
    conflicts: bool
    may_push: bool
    is_reachable: bool


def entries(
    session: Session, user: User, wanted: Wanted | None = None, number: int = 1, *, size: int = 100
) -> Page[PullRow]:
    """Those that fit, what GitHub changed last first."""
    narrowed = _narrowed(user, wanted or Wanted())
    statement = _selection(user).where(*narrowed).order_by(_AT.desc(), _ID.desc()).limit(size)
    total = session.exec(
        select(func.count())
        .select_from(PullRequest)
        .join(Task, col(Task.id) == PullRequest.task_id)
        .join(Repository, col(Repository.id) == PullRequest.repository_id)
        .outerjoin(*access.lost_by(user.id))
        .where(*narrowed)
    ).one()

    def read(offset: int) -> list[PullRow]:
        found = session.execute(statement.offset(offset)).all()
        verdicts = _verdicts(session, [one.task_id for one in found])
        return [_row(one, verdicts) for one in found]

    return paging.page(total, number, size, read)


def following(
    session: Session, user: User, wanted: Wanted, after: Key | None = None, *, size: int = 50
) -> Slice[PullRow, Key]:
    """Those that fit, the newest task's first: those after a task of that moment and id."""
    at, id = col(Task.created_at), col(Task.id)
    conditions = [*_narrowed(user, wanted), *([tuple_(at, id) < after] if after else [])]
    statement = _selection(user).add_columns(at.label("task_at")).where(*conditions)
    found = session.execute(statement.order_by(at.desc(), id.desc()).limit(size + 1)).all()
    slice = paging.cut(found, size, lambda one: (one.task_at, one.task_id))
    verdicts = _verdicts(session, [one.task_id for one in slice.rows])
    return Slice([_row(one, verdicts) for one in slice.rows], slice.last)


def offered(session: Session, user: User, query: str = "", limit: int = 50) -> list[tuple[UUID, str]]:
    """The repositories of those pull requests, by a part of their name."""
    statement = (
        select(Repository.id, access.NAME_KNOWN)
        .outerjoin(*access.lost_by(user.id))
        .where(col(Repository.id).in_(_seen(user)))
    )
    if words := jsonb.searched(query):
        statement = statement.where(access.NAME_KNOWN.icontains(words, autoescape=True))
    return list(session.exec(statement.order_by(func.lower(access.NAME_KNOWN)).limit(limit)))


def offered_name(session: Session, user: User, repository_id: UUID) -> str:
    """The name of one of them; empty for any other."""
    wanted = (col(Repository.id) == repository_id, col(Repository.id).in_(_seen(user)))
    named = select(access.NAME_KNOWN).select_from(Repository).outerjoin(*access.lost_by(user.id)).where(*wanted)
    return session.exec(named).first() or ""


def _seen(user: User) -> SelectOfScalar[UUID]:
    return (
        select(PullRequest.repository_id)
        .join(Task, col(Task.id) == PullRequest.task_id)
        .where(access.visible(user))
    )  # fmt: skip


# GitHub's own time where it told one.
_AT = func.coalesce(PullRequest.observed_at, PullRequest.updated_at)
_ID = col(PullRequest.id)
# What a line shows, under its own names: descriptions, prompts and tokens stay where they are.
_COLUMNS: tuple[Any, ...] = (
    _ID,
    col(PullRequest.pr_number).label("number"),
    col(PullRequest.title),
    col(PullRequest.status),
    col(PullRequest.url),
    col(PullRequest.source_branch),
    col(PullRequest.target_branch),
    col(Task.id).label("task_id"),
    col(Task.title).label("task_title"),
    func.coalesce(func.nullif(User.display_name, ""), User.username).label("owner"),
    _AT.label("updated_at"),
    func.coalesce(PullRequest.head_sha, "").label("head_sha"),
    col(PullRequest.checks_state),
    col(PullRequest.review_state),
    col(PullRequest.is_mergeable).is_(False).label("conflicts"),
)


def _selection(user: User) -> Any:
    own = (col(Task.user_id) == user.id).label("is_mine"), access.pushable(user).label("may_push")
    place = access.reaching(user).label("is_reachable"), access.NAME_KNOWN.label("repository")
    return (
        sqlalchemy.select(*_COLUMNS, *own, *place)
        .select_from(PullRequest)
        .join(Task, col(Task.id) == PullRequest.task_id)
        .join(Repository, col(Repository.id) == PullRequest.repository_id)
        .join(User, col(User.id) == Task.user_id)
        .outerjoin(*access.lost_by(user.id))
    )


def _narrowed(user: User, wanted: Wanted) -> list[Any]:
    return [access.visible(user) if wanted.everyone else access.own(user), *_fitting(wanted)]


def _fitting(wanted: Wanted) -> list[Any]:
    conditions: list[Any] = []
    if wanted.state is not State.ALL:
        conditions.append(col(PullRequest.status) == wanted.state.value)
    if wanted.repository_id is not None:
        conditions.append(col(PullRequest.repository_id) == wanted.repository_id)
    if words := jsonb.searched(wanted.query):
        texts = (col(PullRequest.title), col(PullRequest.source_branch), col(Task.title), access.NAME_KNOWN)
        conditions.append(or_(_numbered(words), *[text.icontains(words, autoescape=True) for text in texts]))
    return conditions


def _numbered(words: str) -> Any:
    digits = words.removeprefix("#")
    is_number = digits.isascii() and digits.isdigit() and int(digits[:11]) <= _MOST_NUMBER
    return col(PullRequest.pr_number) == int(digits[:11]) if is_number else sqlalchemy.false()


def _verdicts(session: Session, ids: list[UUID]) -> dict[UUID, str]:
    """The verdict of each task's newest run that has one."""
    rows = session.execute(
        sqlalchemy.select(col(TaskRun.task_id), col(TaskRun.evidence)["verdict"].astext)
        .where(col(TaskRun.task_id).in_(ids), col(TaskRun.evidence)["verdict"].astext.is_not(None))
        .ext(distinct_on(col(TaskRun.task_id)))
        .order_by(col(TaskRun.task_id), col(TaskRun.number).desc())
    )
    return {task_id: verdict for task_id, verdict in rows}


def _row(found: Any, verdicts: dict[UUID, str]) -> PullRow:
    values = {name: value for name, value in found._mapping.items() if name != "task_at"}
    values["status"] = PullRequestStatus(found.status)
    return PullRow(**values, verdict=verdicts.get(found.task_id, ""))

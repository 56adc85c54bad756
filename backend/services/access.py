"""Who may do what with a repository or a task. What one may not see is told like what is not there."""

from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, exists, func
from sqlmodel import Session, and_, col, or_, select

from backend import db
from backend.errors import Forbidden, NotFound
from backend.models import LostAccess, Repository, Task, User, UserRepositoryAccess
from backend.words import TaskType, Visibility

NO_TASK = "There is no such task, or you cannot see it."


def reachable(session: Session, user: User, repository_id: UUID) -> tuple[Repository, str]:
    """The repository with the person's access to it: read, write or admin. Raises NotFound where they have none."""
    found = session.exec(
        select(Repository, UserRepositoryAccess.access_level)
        .join(UserRepositoryAccess, col(UserRepositoryAccess.repository_id) == Repository.id)
        .where(Repository.id == repository_id, UserRepositoryAccess.user_id == user.id, col(Repository.is_active))
    ).first()
    if found is None:
        raise NotFound(_why_not(session, user, repository_id))
    return found[0], found[1]


def gone_in_words(*, is_there: bool) -> str:
    """Why a person cannot reach a repository that they reached before."""
    return "GitHub no longer shows it to you." if is_there else "It was deleted on GitHub."


def _why_not(session: Session, user: User, repository_id: UUID) -> str:
    lost = session.exec(
        select(LostAccess.full_name, Repository.is_active)
        .join(Repository, col(Repository.id) == LostAccess.repository_id)
        .where(LostAccess.user_id == user.id, LostAccess.repository_id == repository_id)
    ).first()
    if lost is None:
        return "There is no such repository, or you cannot see it."
    return f"You had {lost[0]} here. {gone_in_words(is_there=lost[1])}"


def repository(session: Session, user: User, repository_id: UUID) -> Repository:
    """The repository, if this person can reach it. Raises NotFound."""
    return reachable(session, user, repository_id)[0]


def require_to_work(session: Session, user: User, repository_id: UUID, task_type: TaskType) -> Repository:
    """The repository, if this person may have such work done on it. Raises NotFound, or Forbidden with the reason."""
    found, access_level = reachable(session, user, repository_id)
    reason = refusal(found, access_level, needs_push=task_type.may_edit)
    if reason:
        raise Forbidden(reason)
    return found


def why_no_work(session: Session, user: User, repository_id: UUID, task_type: TaskType) -> str:
    """Why this person may not have such work done there; empty where they may."""
    try:
        require_to_work(session, user, repository_id, task_type)
    except (NotFound, Forbidden) as error:
        return str(error)
    return ""


def refusal(found: Repository, access_level: str, *, needs_push: bool) -> str:
    """Why work of this kind cannot be started on the repository; empty if it can."""
    if found.is_empty:
        return "This repository is empty: it has no branch to start from."
    if needs_push and found.is_archived:
        return "This repository is archived, so nothing can be pushed to it."
    if needs_push and access_level == "read":
        return "You can read this repository, but not push to it. Ask and Architect still work."
    return ""


def require_admin(user: User) -> None:
    """Raises Forbidden for anyone but an admin."""
    if not user.is_admin:
        raise Forbidden("This is for admins. Ask your admin.")


def own(user: User) -> ColumnElement[bool]:
    """Which tasks are this person's."""
    return and_(col(Task.deleted_at).is_(None), col(Task.user_id) == user.id)


def visible(user: User) -> ColumnElement[bool]:
    """Which tasks this person may read: their own, and those shared with whoever has access to the repository."""
    has_access = exists().where(
        col(UserRepositoryAccess.repository_id) == col(Task.repository_id),
        col(UserRepositoryAccess.user_id) == user.id,
    )
    is_shared = and_(col(Task.visibility) == Visibility.REPOSITORY, has_access)
    return and_(col(Task.deleted_at).is_(None), or_(col(Task.user_id) == user.id, is_shared))


def pushable(user: User) -> ColumnElement[bool]:
    """Of a selection of tasks with their repositories: whether this person may push there."""
    may_write = exists().where(
        col(UserRepositoryAccess.repository_id) == col(Repository.id),
        col(UserRepositoryAccess.user_id) == user.id,
        col(UserRepositoryAccess.access_level) != "read",
    )
    return and_(col(Repository.is_active), col(Repository.is_archived).is_(False), may_write)


# Of a selection with repositories joined with `lost_by`: what the person knows one by, whatever it is called since they
# lost it.
NAME_KNOWN: ColumnElement[str] = func.coalesce(LostAccess.full_name, Repository.full_name)


def lost_by(user_id: UUID | BindParameter[UUID]) -> tuple[type[LostAccess], ColumnElement[bool]]:
    """What to join repositories with on the outside, for `NAME_KNOWN`."""
    return LostAccess, and_(col(LostAccess.repository_id) == col(Repository.id), col(LostAccess.user_id) == user_id)


def reaching(user: User) -> ColumnElement[bool]:
    """Of a selection of tasks with their repositories: whether GitHub shows this person the repository."""
    has_access = exists().where(
        col(UserRepositoryAccess.repository_id) == col(Repository.id),
        col(UserRepositoryAccess.user_id) == user.id,
    )
    return and_(col(Repository.is_active), has_access)


def readable(session: Session, user: User, task_id: UUID) -> Task:
    """The task, if this person may read it. Raises NotFound."""
    task = session.exec(select(Task).where(Task.id == task_id, visible(user))).first()
    if task is None:
        raise NotFound(NO_TASK)
    return task


def owned(session: Session, user: User, task_id: UUID, *, lock: bool = False) -> Task:
    """The task, if it is this person's to steer. Raises NotFound, or Forbidden where they may only read it."""
    task = readable(session, user, task_id)
    if task.user_id != user.id:
        raise Forbidden("Only the person who started this task can steer it.")
    if lock:
        task = db.lock(session, Task, task_id)
        if task.deleted_at is not None:  # between the look and the lock
            raise NotFound(NO_TASK)
    return task

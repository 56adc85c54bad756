"""Repositories as GitHub shows them to a person: fetched, kept with their access level, listed, branches cached."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import Table, and_, or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, func, select

from backend import jsonb, redis
from backend.cache import Cache
from backend.db import transaction
from backend.errors import GitHubNotFound, GitHubUnauthorized, InvalidInput, NotFound
from backend.github.client import GitHub
from backend.github.lines import Lines
from backend.github.types import RemotePull, RemoteRepository
from backend.models import LostAccess, Repository, Task, User, UserRepositoryAccess
from backend.services import access, github_tokens
from backend.settings import get_settings
from backend.workspace.git import check_branch

CACHE_SECONDS = 300
_KEPT = (
    *("github_id", "name", "full_name", "description", "is_private", "default_branch", "language", "url", "clone_url"),
    *("is_archived", "is_empty"),
)
T = TypeVar("T")


@dataclass(frozen=True)
class RepositoryRow:
    """One row of the picker and of the repositories page; `refusal` says why it cannot be picked for a change."""

    id: UUID
    full_name: str
    description: str
    is_private: bool
    default_branch: str
    language: str
    access_level: str
    is_archived: bool
    is_empty: bool
    refusal: str


@dataclass(frozen=True)
class GoneRow:
    """A repository that the person reached once, by the name they knew, and why they do not now."""

    id: UUID
    full_name: str
    reason: str


@dataclass(frozen=True)
class BranchRow:
    """One branch of the picker, the default one first."""

    name: str
    is_default: bool
    is_protected: bool


def listing(session: Session, user: User, query: str = "", limit: int = 50) -> list[RepositoryRow]:
    """The person's repositories by name; `query` filters by a part of it."""
    statement = _reachable(user).order_by(func.lower(Repository.full_name)).limit(limit)
    if wanted := jsonb.searched(query):
        statement = statement.where(col(Repository.full_name).icontains(wanted, autoescape=True))
    return [row(found, level) for found, level in session.execute(statement)]


def gone(session: Session, user: User, query: str = "", limit: int = 20) -> list[GoneRow]:
    """What the person reached once and does not now, what was lost last first; `query` as in `listing`."""
    statement = (
        sqlalchemy.select(col(Repository.id), col(LostAccess.full_name), col(Repository.is_active))
        .join(LostAccess, col(LostAccess.repository_id) == Repository.id)
        .where(col(LostAccess.user_id) == user.id)
        .order_by(col(LostAccess.lost_at).desc(), col(LostAccess.full_name))
        .limit(limit)
    )
    if wanted := jsonb.searched(query):
        statement = statement.where(col(LostAccess.full_name).icontains(wanted, autoescape=True))
    return [GoneRow(id, name, access.gone_in_words(is_there=there)) for id, name, there in session.execute(statement)]


def recent(session: Session, user: User) -> RepositoryRow | None:
    """The repository of the person's newest task, of those that they can reach."""
    newest = (
        _reachable(user)
        .join(Task, col(Task.repository_id) == Repository.id)
        .where(col(Task.user_id) == user.id, col(Task.deleted_at).is_(None))
        .order_by(col(Task.updated_at).desc())
    )
    found = session.execute(newest.limit(1)).first()
    return row(*found) if found else None


def branches(user_id: UUID, repository_id: UUID, *, fresh: bool = False) -> list[BranchRow]:
    """The branches of a repository the person can reach, cached for 300 s per person.

    Raises NotFound, GitHubUnauthorized or GitHubError.
    """
    full_name, default = named(user_id, repository_id)

    def ask(github: GitHub) -> list[list[Any]]:
        return [[branch.name, branch.is_protected] for branch in github.branches(full_name)]

    names = remembered(user_id, f"branches:{repository_id}", ask, CACHE_SECONDS, fresh=fresh)
    rows = [BranchRow(name, name == default, bool(protected)) for name, protected in names]
    return sorted(rows, key=lambda row: (not row.is_default, row.name.lower()))


def branches_named(rows: list[BranchRow], query: str) -> list[BranchRow]:
    """Those that have the words in their name."""
    words = jsonb.searched(query).lower()
    return [row for row in rows if words in row.name.lower()]


def require_branch(user_id: UUID, repository_id: UUID, branch: str) -> str:
    """The branch's name, if GitHub has it; the cache is asked first. Raises InvalidInput."""
    name = check_branch(branch)
    for fresh in (False, True):
        if any(row.name == name for row in branches(user_id, repository_id, fresh=fresh)):
            return name
    raise InvalidInput(f"There is no branch {name!r} in this repository.", field="branch")


def require_pull(user_id: UUID, repository_id: UUID, number: int) -> RemotePull:
    """The repository's pull request with that number, whatever its state, if GitHub has it. Raises InvalidInput."""
    full_name, _ = named(user_id, repository_id)
    try:
        if not 0 < number < 2**31:
            raise GitHubNotFound("No number of a pull request.")
        found = with_github(user_id, lambda github: github.pull(full_name, number))
    except GitHubNotFound as error:
        words = f"There is no pull request #{number} in {full_name}, or GitHub does not show it to you."
        raise InvalidInput(words, field="pull_number") from error
    assert isinstance(found, RemotePull)  # without an ETag nothing is "not modified"
    return found


def named(user_id: UUID, repository_id: UUID) -> tuple[str, str]:
    """The full name and the default branch of a repository that this person can reach. Raises NotFound."""
    with transaction() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotFound("The person no longer exists.")
        found = access.repository(session, user, repository_id)
        return found.full_name, found.default_branch


def with_github(user_id: UUID, ask: Callable[[GitHub], T], lines: Lines | None = None) -> T:
    """Asks GitHub as this person, on `lines` that are open already; a 401 moves them to "reconnect GitHub"."""
    http = lines.of(user_id) if lines else None
    token = github_tokens.opened(user_id)
    try:
        with GitHub(get_settings().github_api_url, token, http) as github:
            return ask(github)
    except GitHubUnauthorized:
        github_tokens.forget(user_id, token)
        raise


def remembered(
    user_id: UUID, what: str, ask: Callable[[GitHub], list[Any]], seconds: int, *, fresh: bool = False
) -> list[Any]:
    """What GitHub lists of a repository for this person, as JSON; asked for if it is not cached, or `fresh`.

    Raises NotFound where GitHub hides the repository, GitHubUnauthorized or GitHubError.
    """
    cache = Cache(redis.client(get_settings().resolved_redis_url))
    key = f"user:{user_id}:{what}"
    known: list[Any] | None = None if fresh else cache.get_json(key)
    if known is not None:
        return known
    try:
        listed = with_github(user_id, ask)
    except GitHubNotFound as error:
        raise NotFound("GitHub no longer shows this repository to you.") from error
    cache.set_json(key, listed, seconds)
    return listed


def _reachable(user: User) -> sqlalchemy.Select[Repository, str]:
    return (
        sqlalchemy.select(Repository, col(UserRepositoryAccess.access_level))
        .join(UserRepositoryAccess, col(UserRepositoryAccess.repository_id) == Repository.id)
        .where(col(UserRepositoryAccess.user_id) == user.id, col(Repository.is_active))
    )


def reached(session: Session, user_id: UUID) -> set[int]:
    """GitHub's ids of the repositories that the person has access to, as far as we know."""
    with_access = select(UserRepositoryAccess.repository_id).where(UserRepositoryAccess.user_id == user_id)
    return set(session.exec(select(Repository.github_id).where(col(Repository.id).in_(with_access))))


def store(session: Session, user_id: UUID, found: list[RemoteRepository], *, asked_at: datetime | None = None) -> None:
    """Keeps what GitHub showed a person: all of their repositories with their access; what is gone loses it.

    A few statements, however many there are, and none for what is as it was. What was lost since GitHub was asked
    stays so until the next look.
    """
    lost = _lost_since(session, user_id, asked_at) if asked_at else set()
    # One order for everyone, and each once: no deadlock between two syncs.
    ordered = sorted(found, key=lambda one: one.github_id)
    by_id = {remote.github_id: remote for remote in ordered if remote.github_id not in lost}
    ids = _keep_repositories(session, list(by_id.values()))
    login = session.exec(select(User.username).where(User.id == user_id)).one()
    session.execute(
        text("UPDATE repositories SET owner_id = :user WHERE id = ANY(:ids) AND owner_id IS DISTINCT FROM :user"),
        {"user": user_id, "ids": [ids[key] for key, remote in by_id.items() if remote.owner_login == login]},
    )
    lose(session, "user_id = :user AND NOT repository_id = ANY(:ids)", user=user_id, ids=list(ids.values()))
    _give(session, user_id, [_access_row(user_id, ids[key], remote) for key, remote in by_id.items()])
    synced = "UPDATE users SET repositories_synced_at = CASE WHEN :again THEN NULL ELSE now() END WHERE id = :id"
    session.execute(text(synced), {"id": user_id, "again": bool(lost)})


def keep_one(session: Session, user_id: UUID, remote: RemoteRepository) -> None:
    """Keeps one repository with the person's access to it, as GitHub has just told."""
    ids = _keep_repositories(session, [remote])
    _give(session, user_id, [_access_row(user_id, ids[remote.github_id], remote)])


def refresh(session: Session, user_id: UUID, remote: RemoteRepository) -> None:
    """Keeps what GitHub has just told of one repository, and of the access to it of a person who has some."""
    ids = _keep_repositories(session, [remote])
    changed = (
        "UPDATE user_repository_access SET access_level = :level"
        " WHERE user_id = :user AND repository_id = :id AND access_level <> :level"
    )
    values = {"level": remote.access_level, "user": user_id, "id": ids[remote.github_id]}
    session.execute(text(changed), values)


def lose(session: Session, which: str, **values: Any) -> None:
    """Takes access away, and remembers what each person knew the repository by; `which` is a condition in SQL."""
    session.execute(
        text(
            f"WITH gone AS (DELETE FROM user_repository_access WHERE {which} RETURNING user_id, repository_id)"  # noqa: S608
            " INSERT INTO lost_access (user_id, repository_id, full_name)"
            " SELECT user_id, repository_id, full_name FROM gone JOIN repositories ON id = repository_id"
            " ORDER BY 1, 2 ON CONFLICT (user_id, repository_id) DO UPDATE"
            " SET full_name = excluded.full_name, lost_at = now()"
        ),
        values,
    )


def _lost_since(session: Session, user_id: UUID, moment: datetime) -> set[int]:
    since = select(LostAccess.repository_id).where(LostAccess.user_id == user_id, col(LostAccess.lost_at) >= moment)
    return set(session.exec(select(Repository.github_id).where(col(Repository.id).in_(since))))


def _give(session: Session, user_id: UUID, rows: list[dict[str, Any]]) -> None:
    _upsert(session, UserRepositoryAccess, rows, key=("user_id", "repository_id"))
    session.execute(
        text("DELETE FROM lost_access WHERE user_id = :user AND repository_id = ANY(:ids)"),
        {"user": user_id, "ids": [row["repository_id"] for row in rows]},
    )


def _access_row(user_id: UUID, repository_id: UUID, remote: RemoteRepository) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "repository_id": repository_id,
        "access_level": remote.access_level,
        "is_collaborator": remote.is_collaborator,
    }


def _keep_repositories(session: Session, found: list[RemoteRepository]) -> dict[int, UUID]:
    """Writes what differs and returns every id by GitHub's own."""
    rows = [
        {name: getattr(remote, name) for name in _KEPT} | {"is_active": True, "observed_at": remote.updated_at}
        for remote in found
    ]
    _upsert(session, Repository, rows, key=("github_id",), stamp="updated_at", observed="observed_at")
    wanted = {"ids": [remote.github_id for remote in found]}
    listed = session.execute(text("SELECT github_id, id FROM repositories WHERE github_id = ANY(:ids)"), wanted)
    return {github_id: id for github_id, id in listed}


def _upsert(
    session: Session,
    model: type[SQLModel],
    rows: list[dict[str, Any]],
    *,
    key: tuple[str, ...],
    stamp: str = "",
    observed: str = "",
) -> None:
    """Adds rows and changes those whose values differ, `stamp` with them, in as few statements as their values fit.

    What is older by `observed`, GitHub's own time, changes nothing.
    """
    if not rows:
        return
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel's tables are untyped
    statement = insert(table)
    changed = [name for name in rows[0] if name not in (*key, observed)]
    changes: dict[str, Any] = {name: statement.excluded[name] for name in changed}
    changes |= {stamp: func.now()} if stamp else {}
    differs = or_(*(table.c[name].is_distinct_from(statement.excluded[name]) for name in changed))
    if observed:
        known, told = table.c[observed], statement.excluded[observed]
        changes[observed] = func.coalesce(told, known)
        differs = and_(differs, or_(known.is_(None), told.is_(None), told >= known))
    statement = statement.on_conflict_do_update(index_elements=key, set_=changes, where=differs)
    # With a RETURNING SQLAlchemy joins the rows to one statement ("insertmanyvalues").
    session.connection().execute(statement.returning(table.c.id), rows)


def row(found: Repository, level: str) -> RepositoryRow:
    """A repository as pages get it, with the person's access level."""
    return RepositoryRow(
        id=found.id,
        full_name=found.full_name,
        description=found.description or "",
        is_private=found.is_private,
        default_branch=found.default_branch,
        language=found.language or "",
        access_level=level,
        is_archived=found.is_archived,
        is_empty=found.is_empty,
        refusal=access.refusal(found, level, needs_push=True),
    )

"""Tasks that were written and not yet sent: kept with the person, so that they are there on every machine of theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast
from sqlmodel import Session, and_, col, func, select

from backend import clock, jsonb
from backend.db import for_update
from backend.errors import Conflict, InvalidInput, NotFound, TooLarge
from backend.models import Draft, Repository, User, UserRepositoryAccess

MOST = 50  # of one person
MAX_SIZE = 60_000  # bytes of JSON
_TITLE = 80


@dataclass(frozen=True)
class Version:
    """A draft as it stood when it was opened: what another tab wrote into it since is no part of it."""

    id: UUID
    updated_at: datetime


@dataclass(frozen=True)
class DraftRow:
    """One draft in the list. `repository` is its full name, empty where the person cannot reach it any more."""

    id: UUID
    title: str
    repository: str
    updated_at: datetime


def save(session: Session, user: User, content: dict[str, Any], opened: Version | None = None) -> UUID:
    """Keeps what the composer holds, in place of the draft it was opened from. Returns its id.

    Where that one is gone or was changed elsewhere since, it becomes a draft of its own; the same content twice is one.
    Raises InvalidInput without a prompt, TooLarge, and Conflict past fifty drafts.
    """
    content = jsonb.clean({**content, "prompt": str(content.get("prompt", "")).strip()})
    if not content["prompt"]:
        raise InvalidInput("Write something first: an empty draft is not kept.", field="prompt")
    if jsonb.size(content) > MAX_SIZE:
        raise TooLarge("This is too long to be kept as a draft.")
    known = _as_opened(session, user, opened) or _same(session, user, content)
    if known is None:
        if session.exec(select(func.count()).where(Draft.user_id == user.id)).one() >= MOST:
            raise Conflict(f"You have {MOST} drafts. Send or delete one first.")
        known = Draft(user_id=user.id)
    known.content, known.updated_at = content, clock.now()
    session.add(known)
    session.flush()
    session.refresh(known)
    return known.id


def listing(session: Session, user: User) -> list[DraftRow]:
    """All of the person's drafts, the last one changed first."""
    is_reached = and_(
        col(UserRepositoryAccess.user_id) == user.id,
        cast(col(UserRepositoryAccess.repository_id), String) == col(Draft.content)["repository_id"].astext,
    )
    begin = func.left(col(Draft.content)["prompt"].astext, 4 * _TITLE)
    rows = session.exec(
        select(Draft.id, begin, Repository.full_name, Draft.updated_at)
        .outerjoin(UserRepositoryAccess, is_reached)
        .outerjoin(Repository, col(Repository.id) == col(UserRepositoryAccess.repository_id))
        .where(Draft.user_id == user.id)
        .order_by(col(Draft.updated_at).desc(), col(Draft.id))
        .limit(MOST)
    )
    return [DraftRow(id, _title(words), repository or "", at) for id, words, repository, at in rows]


def read(session: Session, user: User, draft_id: UUID) -> tuple[Version, dict[str, Any]]:
    """A draft as it stands, and what `save` was given. Raises NotFound."""
    known = session.exec(select(Draft).where(Draft.id == draft_id, Draft.user_id == user.id)).first()
    if known is None:
        raise NotFound("This draft is gone: it was sent or deleted elsewhere.")
    return Version(known.id, known.updated_at), known.content


def discard(session: Session, user: User, draft_id: UUID) -> None:
    """Throws a draft away; one that is gone, or somebody else's, is none of this person's."""
    known = _locked(session, user, draft_id)
    if known is not None:
        session.delete(known)


def use_up(session: Session, user: User, opened: Version) -> None:
    """Takes away the draft that a task was sent from, unless it was changed elsewhere since it was opened."""
    known = _as_opened(session, user, opened)
    if known is not None:
        session.delete(known)


def _as_opened(session: Session, user: User, opened: Version | None) -> Draft | None:
    known = _locked(session, user, opened.id) if opened else None
    return known if known and opened and known.updated_at == opened.updated_at else None


def _same(session: Session, user: User, content: dict[str, Any]) -> Draft | None:
    return session.exec(select(Draft).where(Draft.user_id == user.id, col(Draft.content) == content)).first()


def _locked(session: Session, user: User, draft_id: UUID) -> Draft | None:
    return session.exec(for_update(select(Draft).where(Draft.id == draft_id, Draft.user_id == user.id))).first()


def _title(prompt: str) -> str:
    first = " ".join(prompt.split("\n", 1)[0].split())
    return first if len(first) <= _TITLE else first[:_TITLE] + "…"

"""Tasks that were written and not yet sent: kept with the person, so that they are there on every machine of theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, func, select

from backend import clock, jsonb
from backend.errors import Conflict, InvalidInput, TooLarge
from backend.models import Draft, User

MOST = 50  # of one person
MAX_SIZE = 60_000  # bytes of JSON
_TITLE = 80


@dataclass(frozen=True)
class DraftRow:
    """One draft in the list. `content` is what `save` was given."""

    id: UUID
    title: str
    content: dict[str, Any]
    updated_at: datetime


def save(session: Session, user: User, content: dict[str, Any], draft_id: UUID | None = None) -> UUID:
    """Keeps what the composer holds, in place of the draft `draft_id` where that is still there. Returns its id.

    Raises InvalidInput without a prompt, TooLarge, and Conflict past fifty drafts.
    """
    if not str(content.get("prompt", "")).strip():
        raise InvalidInput("Write something first: an empty draft is not kept.", field="prompt")
    content = jsonb.clean(content)
    if jsonb.size(content) > MAX_SIZE:
        raise TooLarge("This is too long to be kept as a draft.")
    known = _locked(session, user, draft_id) if draft_id else None
    if known is None:
        if session.exec(select(func.count()).where(Draft.user_id == user.id)).one() >= MOST:
            raise Conflict(f"You have {MOST} drafts. Send or delete one first.")
        known = Draft(user_id=user.id)
    known.content, known.updated_at = content, clock.now()
    session.add(known)
    session.flush()
    session.refresh(known)
    return known.id


def listing(session: Session, user: User, limit: int = 10) -> list[DraftRow]:
    """The person's drafts, the last one changed first."""
    rows = session.exec(
        select(Draft).where(Draft.user_id == user.id).order_by(col(Draft.updated_at).desc(), col(Draft.id)).limit(limit)
    )
    return [DraftRow(row.id, _title(row.content), row.content, row.updated_at) for row in rows]


def discard(session: Session, user: User, draft_id: UUID) -> None:
    """Throws a draft away; one that is gone, or somebody else's, is none of this person's."""
    known = _locked(session, user, draft_id)
    if known is not None:
        session.delete(known)


def _locked(session: Session, user: User, draft_id: UUID) -> Draft | None:
    return session.exec(select(Draft).where(Draft.id == draft_id, Draft.user_id == user.id).with_for_update()).first()


def _title(content: dict[str, Any]) -> str:
    first = " ".join(str(content.get("prompt", "")).strip().split("\n", 1)[0].split())
    return first if len(first) <= _TITLE else first[:_TITLE] + "…"

"""Asking the admins for credits: one request at a time, which an admin grants or declines with a reason."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, jsonb
from backend.db import for_update, lock
from backend.errors import Conflict, InvalidInput, NotFound
from backend.models import CreditRequest, User
from backend.services import access, admin, audit, notices
from backend.words import Act

MOST_WORDS = MOST_REASON = 200  # characters
_GONE = "There is no such request."


@dataclass(frozen=True)
class Asked:
    """The person's newest request. `answer` is an admin's reason, `granted` whole credits."""

    words: str
    status: str
    answer: str
    granted: int
    asked_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True)
class Waiting:
    """Somebody's request that no admin has answered; credits whole."""

    id: UUID
    user_id: UUID
    username: str
    name: str
    words: str
    asked_at: datetime
    credits: int
    used: int


def ask(session: Session, user: User, words: str = "") -> None:
    """Asks the admins. Whoever has asked already asks with other words. Raises InvalidInput."""
    words = _checked(words, "words", MOST_WORDS)
    asked = insert(CreditRequest).values(user_id=user.id, words=words)
    is_open = col(CreditRequest.status) == "open"
    session.execute(asked.on_conflict_do_update(index_elements=["user_id"], index_where=is_open, set_={"words": words}))
    _ring(session, user.id)


def count(session: Session, user: User) -> int:
    """How many wait for an admin, for the badge; 0 for whoever is none."""
    return len(waiting(session, user)) if user.is_admin else 0


def withdraw(session: Session, user: User) -> None:
    """Takes the open request back, if there is one; twice is once."""
    mine = select(CreditRequest).where(CreditRequest.user_id == user.id, CreditRequest.status == "open")
    found = session.exec(for_update(mine)).first()
    if found is not None:
        found.status, found.decided_at = "withdrawn", clock.now()
        session.add(found)
        _ring(session, user.id)


def newest(session: Session, user: User) -> Asked | None:
    """What the person asked last, and what became of it."""
    found = session.exec(
        select(CreditRequest)
        .where(CreditRequest.user_id == user.id)
        .order_by(col(CreditRequest.created_at).desc())
        .limit(1)
    ).first()
    if found is None:
        return None
    answer, granted = found.answer or "", found.granted or 0
    return Asked(found.words, found.status, answer, granted, found.created_at, found.decided_at)


def waiting(session: Session, user: User) -> list[Waiting]:
    """All that wait for an admin, the oldest first. Raises Forbidden."""
    access.require_admin(user)
    rows = session.execute(
        sqlalchemy.select(
            col(CreditRequest.id),
            col(CreditRequest.user_id),
            col(User.username),
            sqlalchemy.func.coalesce(sqlalchemy.func.nullif(User.display_name, ""), User.username).label("name"),
            col(CreditRequest.words),
            col(CreditRequest.created_at).label("asked_at"),
            col(User.credits),
            col(User.total_credits_used).label("used"),
        )
        .join(User, col(User.id) == CreditRequest.user_id)
        .where(col(CreditRequest.status) == "open", col(User.deleted_at).is_(None), col(User.disabled_at).is_(None))
        .order_by(col(CreditRequest.created_at))
    )
    return [Waiting(**row) for row in rows.mappings()]


def grant(
    session: Session, user: User, request_id: UUID, amount: int, reason: str, *, address: str = audit.UNKNOWN
) -> None:
    """Gives what was asked for, or another amount; twice is one gift. Raises Forbidden, NotFound, InvalidInput, and
    Conflict where the request was answered otherwise."""
    access.require_admin(user)
    reason = _checked(reason, "reason", MOST_REASON) or "As asked for"
    person, request = _locked(session, request_id)
    key = f"request:{request.id}"
    if request.status != "open" and (request.status, request.granted) != ("granted", amount):
        raise Conflict("Somebody has answered this request already.")
    told = f"{reason} (from {user.username})"
    admin.give(session, person, amount, told, audit.by(user, address), key=key)
    if request.status == "open":
        _decide(session, request, user, "granted", reason, amount)


def decline(session: Session, user: User, request_id: UUID, reason: str, *, address: str = audit.UNKNOWN) -> None:
    """Says no, with the reason; twice is once. Raises Forbidden, NotFound, InvalidInput, Conflict."""
    access.require_admin(user)
    reason = _checked(reason, "reason", MOST_REASON)
    if not reason:
        raise InvalidInput("Say why: the person reads it.", field="reason")
    person, request = _locked(session, request_id)
    if request.status == "declined":
        return
    if request.status != "open":
        raise Conflict("Somebody has answered this request already.")
    _decide(session, request, user, "declined", reason, None)
    notices.tell(session, person.id, notices.CREDITS, {})
    audit.record(session, Act.CREDITS_DECLINED, audit.by(user, address), audit.person(person), reason=reason)


def _locked(session: Session, request_id: UUID) -> tuple[User, CreditRequest]:
    """The person first, as everywhere, then their request."""
    whose = session.exec(select(CreditRequest.user_id).where(CreditRequest.id == request_id)).first()
    if whose is None:
        raise NotFound(_GONE)
    person = lock(session, User, whose)
    if person.deleted_at is not None:
        raise NotFound("This person has deleted their account.")
    return person, lock(session, CreditRequest, request_id)


def _decide(
    session: Session, request: CreditRequest, user: User, status: str, reason: str, granted: int | None
) -> None:
    request.status, request.answer, request.granted = status, reason, granted
    request.decided_by, request.decided_at = user.id, clock.now()
    session.add(request)
    _ring(session, request.user_id)


def _ring(session: Session, user_id: UUID) -> None:
    """The pages that show it read it again: that of whoever asks, and every admin's."""
    admins = session.exec(select(User.id).where(User.role == "admin", col(User.deleted_at).is_(None))).all()
    for reader in {user_id, *admins}:
        notices.ring_list(session, reader, reader)


def _checked(text: str, field: str, most: int) -> str:
    text = " ".join(jsonb.clean_text(text).split())
    if len(text) > most:
        raise InvalidInput(f"At most {most} characters, please.", field=field)
    return text

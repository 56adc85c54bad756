"""Requests that create something and may come again: with the same key, what was answered first is answered again.

The key's row is written in the transaction that creates, so that whoever dies between leaves neither. After Stripe's
keys, and the IETF's draft "The Idempotency-Key HTTP Header Field".
"""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, text
from sqlmodel import Session, col, select

from backend import clock, crypto
from backend.errors import Conflict, StillRunning
from backend.models import IdempotencyKey
from backend.settings import get_settings

KEPT = timedelta(hours=24)
CHORE = "remove_old_idempotency_keys"


@dataclass(frozen=True)
class Claim:
    """A request by its person, its method and path, the key they gave it, and a digest of its body."""

    user_id: UUID
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True)
class Answer:
    """What was answered: the body as JSON, and where the new thing is."""

    status: int
    body: str
    location: str | None


def begin(session: Session, claim: Claim) -> Answer | None:
    """What was answered to this request before; None for a new one, which until the commit nobody else can begin.

    Raises StillRunning while it is being worked on, Conflict where the key came with another body.
    """
    name = f"{claim.user_id} {claim.route} {claim.key}"
    is_free = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 1))")
    if not session.execute(is_free, {"name": name}).scalar_one():
        raise StillRunning
    known = session.get(IdempotencyKey, (claim.user_id, claim.route, claim.key))
    if known is not None and known.created_at <= clock.now() - KEPT:
        session.delete(known)
        session.flush()
        known = None
    if known is None:
        return None
    if known.body_hash != claim.body_hash:
        raise Conflict("This Idempotency-Key was already used with another body.")
    return Answer(**json.loads(crypto.unseal(get_settings(), claim.user_id, known.answer)))


def keep(session: Session, claim: Claim, answer: Answer) -> None:
    """Keeps what is answered, with what was created."""
    sealed = crypto.seal(get_settings(), claim.user_id, json.dumps(asdict(answer)))
    session.add(IdempotencyKey(**asdict(claim), answer=sealed))


def has_old(session: Session) -> bool:
    """Whether there are some to remove."""
    return session.exec(select(IdempotencyKey.key).where(_is_old()).limit(1)).first() is not None


def remove_old(session: Session) -> int:
    """Forgets those that are over a day old. Returns how many."""
    return len(session.execute(delete(IdempotencyKey).where(_is_old()).returning(col(IdempotencyKey.key))).all())


def _is_old() -> ColumnElement[bool]:
    return col(IdempotencyKey.created_at) <= clock.now() - KEPT

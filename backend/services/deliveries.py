"""GitHub's webhook deliveries: stored once by the door, applied in the order they came by a chore."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, events, jsonb, log
from backend.db import after_commit, transaction
from backend.errors import InvalidInput, Unavailable
from backend.github import webhooks
from backend.models import WebhookDelivery
from backend.queue import ring_chore
from backend.services import webhook_effects

CHORE = "apply_deliveries"
EMPTYING = "empty_old_deliveries"
TOPIC = "deliveries"  # rings when some were tried
KEPT = timedelta(days=30)  # GitHub keeps them for three: docs.github.com, "Viewing webhook deliveries"
ATTEMPTS = 5
# Each further attempt waits so much longer from when the delivery came.
RETRY_SECONDS = 10
_BATCH = 100
_EMPTIED = 1000
_log = log.get(__name__)


@dataclass(frozen=True)
class Waiting:
    """A delivery that x; `received_at` and `id` are its place in the order."""

    id: UUID
    delivery_id: str
    received_at: datetime


def store(session: Session, delivery_id: str, event: str, payload: dict[str, Any]) -> bool:
    """Keeps a verified delivery once and rings the chore; GitHub's redelivery of an unapplied one is tried afresh."""
    new = session.execute(
        insert(WebhookDelivery)
        .values(
            delivery_id=delivery_id,
            event=event,
            action=_action(payload),
            repository=_repository(payload),
            payload=jsonb.clean(payload),
        )
        .on_conflict_do_nothing(index_elements=["delivery_id"])
        .returning(col(WebhookDelivery.id))
    ).scalar_one_or_none()
    if new is None and not _begin_anew(session, delivery_id, payload):
        return False
    after_commit(session, ring)
    return new is not None


def ring() -> None:
    """Asks for a look at once, before every other chore: a person may be watching the page."""
    ring_chore(CHORE, at_front=True)


def waiting(session: Session, *, after: Waiting | None = None, older_than_seconds: float = 0) -> list[Waiting]:
    """Up to 100 deliveries to be applied now, in the order they came; what broke five times is left to the operator."""
    rows = session.execute(
        text(
            "SELECT id, delivery_id, received_at FROM webhook_deliveries"
            " WHERE processed_at IS NULL AND attempts < :attempts"
            " AND received_at <= now() - make_interval(secs => greatest(:age, attempts * :retry))"
            " AND (CAST(:after_id AS uuid) IS NULL OR (received_at, id) > (:after_at, CAST(:after_id AS uuid)))"
            " ORDER BY received_at, id LIMIT :batch"
        ),
        {
            "attempts": ATTEMPTS,
            "age": older_than_seconds,
            "retry": RETRY_SECONDS,
            "after_at": after.received_at if after else None,
            "after_id": after.id if after else None,
            "batch": _BATCH,
        },
    )
    return [Waiting(*row) for row in rows]


def apply_all() -> int:
    """Applies all that wait, each in a transaction of its own and none twice. Returns how many went well.

    One that breaks is noted and left for a later time; only a database that is away ends it (Unavailable).
    """
    applied, last = 0, None
    while batch := _next(last):
        for one in batch:
            applied += _try(one)
        last = batch[-1]
    if last is not None:
        events.ring(TOPIC, "", 0, TOPIC)
    return applied


def apply(session: Session, delivery_id: str) -> None:
    """Applies a stored delivery once: the effect and `processed_at` in one transaction."""
    row = session.exec(
        select(WebhookDelivery)
        .where(WebhookDelivery.delivery_id == delivery_id)
        .with_for_update(skip_locked=True, key_share=True)
    ).first()
    if row is None or row.processed_at is not None:
        return
    row.error = None
    try:
        change = webhooks.parse(row.event, row.payload)
    except InvalidInput as error:
        row.error = str(error)
        change = None
    if change is not None:
        webhook_effects.apply(session, change)
    row.was_ignored = change is None
    row.processed_at = clock.now()
    session.add(row)


def has_old(session: Session) -> bool:
    """Whether there are payloads to remove."""
    return session.exec(select(WebhookDelivery.id).where(*_old()).limit(1)).first() is not None


def empty_old(session: Session) -> int:
    """Removes what deliveries said that came over 30 days ago, a thousand at most, and returns of how many.

    Their rows stay: a replay of a delivery is known by its id. Those that wait keep what they say.
    """
    ids = select(WebhookDelivery.id).where(*_old()).limit(_EMPTIED).with_for_update(skip_locked=True)
    emptied = update(WebhookDelivery).where(col(WebhookDelivery.id).in_(ids))
    changed = emptied.values(payload={}, emptied_at=func.now()).returning(col(WebhookDelivery.id))
    return len(session.execute(changed).all())


def _old() -> list[ColumnElement[bool]]:
    is_over = or_(col(WebhookDelivery.processed_at).is_not(None), col(WebhookDelivery.attempts) >= ATTEMPTS)
    old = col(WebhookDelivery.received_at) <= clock.now() - KEPT
    return [col(WebhookDelivery.emptied_at).is_(None), old, is_over]


def _next(last: Waiting | None) -> list[Waiting]:
    with transaction() as session:
        return waiting(session, after=last)


def _try(one: Waiting) -> bool:
    with structlog.contextvars.bound_contextvars(delivery_id=one.delivery_id):
        try:
            with transaction() as session:  # counted before: it may take the whole process with it
                if not _count_attempt(session, one):
                    return False
            with transaction() as session:
                apply(session, one.delivery_id)
            return True
        except Unavailable:
            raise
        except Exception as error:  # the others must not wait for this one
            _log.exception("a delivery could not be applied")
            with transaction() as session:
                _note(session, one, type(error).__name__)
            return False


def _count_attempt(session: Session, one: Waiting) -> bool:
    counted = session.execute(
        text(
            "UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE id = :id AND processed_at IS NULL RETURNING 1"
        ),
        {"id": one.id},
    )
    return counted.first() is not None


def _note(session: Session, one: Waiting, error: str) -> None:
    session.execute(
        text("UPDATE webhook_deliveries SET error = :error WHERE id = :id AND processed_at IS NULL"),
        {"id": one.id, "error": error},
    )


def _begin_anew(session: Session, delivery_id: str, payload: dict[str, Any]) -> bool:
    """Gives an unapplied delivery all its attempts back, and what it says; False for one that is applied."""
    found = session.execute(
        update(WebhookDelivery)
        .where(col(WebhookDelivery.delivery_id) == delivery_id, col(WebhookDelivery.processed_at).is_(None))
        .values(attempts=0, payload=payload, emptied_at=None)
        .returning(col(WebhookDelivery.id))
    )
    return found.first() is not None


def _repository(payload: dict[str, Any]) -> str:
    told = payload.get("repository")
    name = told.get("full_name") if isinstance(told, dict) else None
    return jsonb.clean_text(name)[:300] if isinstance(name, str) else ""


def _action(payload: dict[str, Any]) -> str | None:
    action = payload.get("action")
    return jsonb.clean_text(action)[:100] if isinstance(action, str) else None

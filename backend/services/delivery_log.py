"""GitHub's deliveries as admins read them: what came, what became of it, and one of them once more."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy
from redis.exceptions import RedisError
from sqlalchemy import text, tuple_
from sqlmodel import Session, and_, col, not_, select

from backend import clock, hidden_text, jsonb, log, redis
from backend.db import after_commit, lock
from backend.errors import Conflict, InvalidInput, NotFound
from backend.github import webhooks
from backend.github.changes import AccessChanged
from backend.models import User, WebhookDelivery
from backend.services import access, audit, deliveries, paging
from backend.services.paging import Window
from backend.settings import get_settings
from backend.words import Act, ObjectKind

SIZE = 50
MOST_SHOWN = 64 * 1024  # characters of a payload
REFUSED_DAYS = 7  # for which refused ones are counted
_SECRET = re.compile(r"secret|token|password|passphrase|private_key|authorization", re.IGNORECASE)
_MASK = "•••"
_log = log.get(__name__)
Key = tuple[datetime, UUID]


class State(StrEnum):
    """What became of a delivery: `failed` was tried five times, `ignored` says nothing that is for us."""

    WAITING = "waiting"
    FAILED = "failed"
    DONE = "done"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Wanted:
    """The filters: GitHub's name of the event, a state, a part of the repository's name or of the delivery's id."""

    event: str = ""
    state: State | None = None
    query: str = ""


@dataclass(frozen=True)
class DeliveryEntry:
    """A delivery without its payload, which is no longer there once it `is_empty`. Times are aware UTC."""

    id: UUID
    delivery_id: str
    event: str
    action: str
    repository: str
    received_at: datetime
    processed_at: datetime | None
    attempts: int
    error: str
    state: State
    is_empty: bool


@dataclass(frozen=True)
class Seen:
    """When an event came last."""

    event: str
    at: datetime


@dataclass(frozen=True)
class Around:
    """What stands above the list; `refused` counts those of the last week whose signature did not fit, None where Redis
    cannot be asked."""

    seen: list[Seen]
    refused: int | None


def window(
    session: Session, user: User, wanted: Wanted, after: Key | None = None, *, size: int = SIZE
) -> Window[DeliveryEntry, Key]:
    """Those that fit, newest first, on from one of them. Raises Forbidden."""
    access.require_admin(user)
    conditions, place = _fitting(wanted), tuple_(_AT, _ID)
    rows = _SELECTION.where(*conditions).order_by(_AT.desc(), _ID.desc()).limit(size + 1)
    found = session.execute(rows if after is None else rows.where(place < tuple_(*after))).mappings()

    def newer(key: Key, most: int) -> list[Key]:
        keys = sqlalchemy.select(_AT, _ID).where(*conditions, place > tuple_(*key)).order_by(_AT, _ID).limit(most)
        return [(at, id) for at, id in session.execute(keys)]

    return paging.window([_entry(row) for row in found], size, lambda row: (row.received_at, row.id), after, newer)


def around(session: Session, user: User) -> Around:
    """Which events came when last, the newest first, and how many were refused. Raises Forbidden."""
    access.require_admin(user)
    seen = [Seen(*row) for row in session.execute(_LAST_SEEN)]
    return Around(sorted(seen, key=lambda one: one.at, reverse=True), _refused())


def entry(session: Session, user: User, id: UUID) -> DeliveryEntry:
    """One of them. Raises Forbidden, NotFound."""
    access.require_admin(user)
    found = session.execute(_SELECTION.where(_ID.in_([id]))).mappings().first()
    if found is None:
        raise NotFound("There is no such delivery.")
    return _entry(found)


def payload(session: Session, user: User, id: UUID) -> str:
    """What it says, as JSON for a person to read: without what is named like a secret, what nobody sees spelt out, and
    at most 64 Ki characters. Empty once it is no longer kept. Raises Forbidden, NotFound."""
    if entry(session, user, id).is_empty:
        return ""
    said = session.exec(select(WebhookDelivery.payload).where(WebhookDelivery.id == id)).one()
    words = hidden_text.with_unseen_spelt(json.dumps(_masked(said), ensure_ascii=False, indent=2))
    if len(words) <= MOST_SHOWN:
        return words
    return f"{words[:MOST_SHOWN]}\n… (cut here: {len(words):,} characters in all)"


def again(
    session: Session, user: User, id: UUID, *, even_done: bool = False, address: str = audit.UNKNOWN
) -> DeliveryEntry:
    """Has it tried once more, with all its attempts; one that waits is only rung for, so that twice is once.

    What was applied before is applied again with `even_done` alone: what is older than what we know changes nothing.
    Raises Forbidden, NotFound, or Conflict where that could not be said of it, or its payload is no longer kept.
    """
    access.require_admin(user)
    row = lock(session, WebhookDelivery, id)
    was = _state(row.processed_at, row.attempts, row.was_ignored)
    if row.emptied_at is not None:
        raise Conflict("What this delivery said is no longer kept. GitHub can send it again for three days.")
    if row.processed_at is not None:
        _require_repeatable(row, even_done=even_done)
    if was is not State.WAITING:
        row.processed_at, row.attempts, row.error, row.was_ignored = None, 0, None, False
        session.add(row)
        what = audit.Object(ObjectKind.DELIVERY, row.delivery_id, f"{row.event} {row.repository}".strip())
        audit.record(session, Act.DELIVERY_REPLAYED, audit.by(user, address), what, before=was.value)
    after_commit(session, deliveries.ring)
    session.flush()
    return entry(session, user, id)


def note_refused() -> None:
    """Counts a request whose signature did not fit; nothing of it is kept. Never raises."""
    key = _refused_key(clock.now())
    try:
        with redis.client(get_settings().resolved_redis_url).pipeline(transaction=False) as sent:
            sent.incr(key)
            sent.expire(key, (REFUSED_DAYS + 1) * 86400)
            sent.execute()
    except RedisError as error:
        _log.warning("a refused delivery was not counted", error=type(error).__name__)


def _refused() -> int | None:
    days = [_refused_key(clock.now() - timedelta(days=number)) for number in range(REFUSED_DAYS)]
    try:
        counts: Any = redis.client(get_settings().resolved_redis_url).mget(days)
        return sum(int(count or 0) for count in counts)
    except RedisError as error:
        _log.warning("refused deliveries cannot be counted", error=type(error).__name__)
        return None


def _refused_key(at: datetime) -> str:
    return f"asynccoder:deliveries:refused:{at:%Y%m%d}"


def _require_repeatable(row: WebhookDelivery, *, even_done: bool) -> None:
    """Raises Conflict for what was not asked for, and for what has no order of its own."""
    if not even_done:
        raise Conflict("This delivery was applied already. Say that it shall be applied all the same.")
    try:
        change = webhooks.parse(row.event, row.payload)
    except InvalidInput:
        return
    if isinstance(change, AccessChanged):
        raise Conflict(
            "This tells who may reach what, without a moment: applied again it could undo what came after it. "
            "A sync asks GitHub how it is now."
        )


def _masked(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: _MASK if _SECRET.search(name) and isinstance(inner, str) and inner else _masked(inner)
                for name, inner in value.items()
            }
        case list():
            return [_masked(inner) for inner in value]
        case str():
            return log.redact(value)
    return value


def _state(processed_at: datetime | None, attempts: int, was_ignored: bool) -> State:
    if processed_at is not None:
        return State.IGNORED if was_ignored else State.DONE
    return State.WAITING if attempts < deliveries.ATTEMPTS else State.FAILED


def _entry(row: Any) -> DeliveryEntry:
    facts = {name: row[name] for name in DeliveryEntry.__dataclass_fields__ if name not in ("state", "is_empty")}
    facts |= {"action": row["action"] or "", "error": row["error"] or ""}
    state = _state(row["processed_at"], row["attempts"], row["was_ignored"])
    return DeliveryEntry(**facts, state=state, is_empty=row["emptied_at"] is not None)


def _fitting(wanted: Wanted) -> list[Any]:
    conditions: list[Any] = []
    if event := jsonb.searched(wanted.event):
        conditions.append(col(WebhookDelivery.event) == event)
    if words := jsonb.searched(wanted.query):
        repository = col(WebhookDelivery.repository).icontains(words, autoescape=True)
        conditions.append(repository | (col(WebhookDelivery.delivery_id) == words))
    is_open = col(WebhookDelivery.processed_at).is_(None)
    has_attempts = col(WebhookDelivery.attempts) < deliveries.ATTEMPTS
    ignored = col(WebhookDelivery.was_ignored)
    states = {
        State.WAITING: and_(is_open, has_attempts),
        State.FAILED: and_(is_open, not_(has_attempts)),
        State.DONE: and_(not_(is_open), not_(ignored)),
        State.IGNORED: and_(not_(is_open), ignored),
    }
    return conditions if wanted.state is None else [*conditions, states[wanted.state]]


_AT, _ID = col(WebhookDelivery.received_at), col(WebhookDelivery.id)
_READ = ("delivery_id", "event", "action", "repository", "processed_at", "attempts", "error", "was_ignored")
_SELECTION = sqlalchemy.select(_ID, _AT, col(WebhookDelivery.emptied_at), *(getattr(WebhookDelivery, n) for n in _READ))
# From each event to the next on the index: PostgreSQL has no skip scan of its own.
_LAST_SEEN = text(
    "WITH RECURSIVE known AS ("
    " (SELECT event FROM webhook_deliveries ORDER BY event LIMIT 1)"
    " UNION ALL SELECT (SELECT event FROM webhook_deliveries WHERE event > known.event ORDER BY event LIMIT 1)"
    " FROM known WHERE known.event IS NOT NULL)"
    " SELECT event, (SELECT received_at FROM webhook_deliveries AS one WHERE one.event = known.event"
    " ORDER BY received_at DESC LIMIT 1) FROM known WHERE event IS NOT NULL LIMIT 100"
)

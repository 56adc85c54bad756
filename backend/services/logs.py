"""A task's log as its page reads it: the newest entries first, what comes after them, the older ones on asking."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import Session

from backend import events
from backend.events import EventRow
from backend.models import User
from backend.services import access

FIRST = 100  # entries that a log opens with: the newest
BATCH = 500


def newest(session: Session, user: User, task_id: UUID) -> list[EventRow]:
    """What a log opens with, in order. Raises NotFound for whoever may not read the task."""
    access.readable(session, user, task_id)
    return events.newest(session, task_id, FIRST)


def older(session: Session, user: User, task_id: UUID, before: int) -> list[EventRow]:
    """The nearest entries before number `before`, in order. Raises NotFound."""
    access.readable(session, user, task_id)
    return events.newest(session, task_id, BATCH, before)


def since(session: Session, user: User, task_id: UUID, after: int, limit: int = BATCH) -> list[EventRow]:
    """The next entries after number `after`, at most `limit`, in order. Raises NotFound."""
    access.readable(session, user, task_id)
    return events.since(session, task_id, after, limit)


def message(rows: Sequence[EventRow]) -> dict[str, Any]:
    """Entries as a page gets them; `has_older` says whether the log has some before them."""
    return {"events": [_entry(row) for row in rows], "has_older": bool(rows) and rows[0].seq > 1}  # no gaps in numbers


def _entry(row: EventRow) -> dict[str, Any]:
    entry = {"seq": row.seq, "kind": row.kind, "at": row.at.isoformat(), "payload": row.payload}
    return {**entry, "cut": True} if row.is_cut else entry

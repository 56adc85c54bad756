"""What admins and the operator read of the audit log: its rows that fit, newest first, and all of it to take away."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_
from sqlmodel import Session, col, select

from backend import jsonb
from backend.db import transaction
from backend.models import AuditEntry, User
from backend.services import access, audit_chain, paging, spreadsheet
from backend.services.audit_chain import Verified
from backend.services.paging import Slice, Window
from backend.words import Act

BATCH = 1000  # rows
COLUMNS = tuple(AuditEntry.model_fields)


@dataclass(frozen=True)
class Wanted:
    """The filters: an actor's login, an act, an object's id or name, from a moment on and before another one.

    `words` are a part of a login, an address, an object's id or name.
    """

    actor: str = ""
    act: Act | None = None
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""


def listing(
    session: Session, user: User, wanted: Wanted, after: int | None = None, *, size: int = 50
) -> Slice[AuditEntry, int]:
    """The rows that fit, newest first: those before the row of number `after`. Raises Forbidden for who is no admin."""
    access.require_admin(user)
    return newest(session, wanted, after, size=size)


def newest(session: Session, wanted: Wanted, after: int | None = None, *, size: int = 50) -> Slice[AuditEntry, int]:
    """As `listing`, for the operator."""
    statement = select(AuditEntry).where(*_fitting(wanted)).order_by(_SEQ.desc()).limit(size + 1)
    if after is not None:
        statement = statement.where(after > _SEQ)
    return paging.cut(session.exec(statement).all(), size, lambda row: row.seq)


def window(
    session: Session, user: User, wanted: Wanted, after: int | None = None, *, size: int = 50
) -> Window[AuditEntry, int]:
    """As `listing`, with the ways to both sides. Raises Forbidden for who is no admin."""
    access.require_admin(user)
    conditions = _fitting(wanted)
    rows = select(AuditEntry).where(*conditions).order_by(_SEQ.desc()).limit(size + 1)
    found = session.exec(rows if after is None else rows.where(after > _SEQ)).all()

    def newer(seq: int, most: int) -> Sequence[int]:
        return session.exec(select(AuditEntry.seq).where(*conditions, seq < _SEQ).order_by(_SEQ).limit(most)).all()

    return paging.window(found, size, lambda row: row.seq, after, newer)


def verify(session: Session, user: User, told: Callable[[int, int], None] = audit_chain.untold) -> Verified:
    """Looks at the whole chain, as audit_chain.verify does. Raises Forbidden for who is no admin."""
    access.require_admin(user)
    return audit_chain.verify(session, told=told)


def as_json(wanted: Wanted | None = None, *, batch: int = BATCH) -> Iterator[str]:
    """The rows that fit, oldest first, each a line of JSON with everything that its hash covers."""
    for row in _every(wanted or Wanted(), batch):
        yield json.dumps(_exported(row), ensure_ascii=False) + "\n"


def as_csv(wanted: Wanted | None = None, *, batch: int = BATCH) -> Iterator[str]:
    """The same as CSV, its first line the heads; `details` is JSON, and no cell is a formula to a spreadsheet."""
    yield spreadsheet.line(COLUMNS)
    for row in _every(wanted or Wanted(), batch):
        cells = {**_exported(row), "details": json.dumps(row.details, ensure_ascii=False)}
        yield spreadsheet.line(tuple(_cell(cells[name]) for name in COLUMNS))


EXPORTS: dict[str, Callable[[Wanted], Iterator[str]]] = {"json": as_json, "csv": as_csv}
_SEQ = col(AuditEntry.seq)


def _every(wanted: Wanted, batch: int) -> Iterator[AuditEntry]:
    """Batch after batch in short transactions, each on from the row that the one before ended with."""
    last = 0
    while True:
        statement = select(AuditEntry).where(*_fitting(wanted), last < _SEQ).order_by(_SEQ).limit(batch)
        with transaction() as session:
            found = session.exec(statement).all()
        yield from found
        if len(found) < batch:
            return
        last = found[-1].seq


def _fitting(wanted: Wanted) -> list[Any]:
    conditions: list[Any] = []
    if actor := jsonb.searched(wanted.actor):
        conditions.append(col(AuditEntry.login) == actor)
    if wanted.act is not None:
        conditions.append(col(AuditEntry.act) == wanted.act.value)
    if object := jsonb.searched(wanted.object):
        conditions.append(or_(col(AuditEntry.object_id) == object, col(AuditEntry.object_name) == object))
    if words := jsonb.searched(wanted.words):
        named = (AuditEntry.login, AuditEntry.object_name, AuditEntry.object_id, AuditEntry.address)
        conditions.append(or_(*[col(name).icontains(words, autoescape=True) for name in named]))
    if wanted.since is not None:
        conditions.append(col(AuditEntry.at) >= wanted.since)
    if wanted.until is not None:
        conditions.append(col(AuditEntry.at) < wanted.until)
    return conditions


def _exported(row: AuditEntry) -> dict[str, Any]:
    """In the order that the hash covers: all of it but the hash itself is what was hashed."""
    who = None if row.user_id is None else str(row.user_id)
    when = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    return {**{name: getattr(row, name) for name in COLUMNS}, "at": when, "user_id": who}


def _cell(value: Any) -> Any:
    return spreadsheet.inert(value) if isinstance(value, str) else value

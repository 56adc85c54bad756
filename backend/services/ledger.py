"""What people see of the ledger: its entries by page, the tasks behind them, what was used each day, a download."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import func, tuple_
from sqlmodel import Session, col, select

from backend import clock, jsonb
from backend.db import transaction
from backend.models import CreditTransaction, Task, User
from backend.services import paging, spreadsheet
from backend.services.paging import Page, Slice

BATCH = 500
Key = tuple[datetime, UUID]


class Kind(StrEnum):
    """Which entries are wanted."""

    ALL = "all"
    HOLDS = "holds"
    CHARGES = "charges"
    GRANTS = "grants"
    REFUNDS = "refunds"


class Period(StrEnum):
    """How far back, in days."""

    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"
    ALL = "all"

    @property
    def days(self) -> int | None:
        """The number of days, None for all time."""
        return None if self is Period.ALL else int(self)


_TYPES = {
    Kind.HOLDS: ("hold", "release"),
    Kind.CHARGES: ("debit",),
    Kind.GRANTS: ("credit", "bonus"),
    Kind.REFUNDS: ("refund",),
}


@dataclass(frozen=True)
class Wanted:
    """The filters of a ledger."""

    kind: Kind = Kind.ALL
    task_id: UUID | None = None
    period: Period = Period.ALL


@dataclass(frozen=True)
class LedgerRow:
    """One entry: whole credits that moved the balance, and that moved what is held. A deleted task has no title."""

    at: datetime
    kind: str
    amount: int
    held_delta: int
    description: str
    task_id: UUID | None
    task_title: str


@dataclass(frozen=True)
class Day:
    """What was charged on a day, in UTC, without what was given back for faults of ours."""

    on: date
    credits: int


def entries(
    session: Session, user: User, wanted: Wanted | None = None, number: int = 1, *, size: int = 50
) -> Page[LedgerRow]:
    """The person's entries that fit, newest first."""
    narrowed = _narrowed(user, wanted or Wanted())
    total = session.exec(select(func.count()).select_from(CreditTransaction).where(*narrowed)).one()
    statement = _selection(narrowed).limit(size)

    def read(offset: int) -> list[LedgerRow]:
        return [_row(*found) for found in session.execute(statement.offset(offset))]

    return paging.page(total, number, size, read)


def following(
    session: Session, user: User, wanted: Wanted, after: Key | None = None, *, size: int = 50
) -> Slice[LedgerRow, Key]:
    """The person's entries that fit, newest first: those after one of that moment and id."""
    statement = _selection(_narrowed(user, wanted)).limit(size + 1)
    if after:
        statement = statement.where(tuple_(_AT, _ID) < after)
    slice = paging.cut(session.execute(statement).all(), size, lambda one: (one[0].created_at, one[0].id))
    return Slice([_row(*found) for found in slice.rows], slice.last)


def every(user: User, wanted: Wanted, *, batch: int = BATCH) -> Iterator[LedgerRow]:
    """All entries that fit, newest first, read batch after batch in short transactions: each starts after the row that
    the one before ended with, so that what is added meanwhile is neither skipped for nor told twice."""
    statement = _selection(_narrowed(user, wanted)).limit(batch)
    begun = statement
    while True:
        with transaction() as session:
            found = [(_row(entry, title), entry.created_at, entry.id) for entry, title in session.execute(statement)]
        yield from (row for row, *_ in found)
        if len(found) < batch:
            return
        statement = begun.where(tuple_(_AT, _ID) < tuple(found[-1][1:]))


def as_csv(user: User, wanted: Wanted, *, batch: int = BATCH) -> Iterator[str]:
    """The entries as CSV, its first line the heads. Times are ISO 8601 in UTC."""
    yield spreadsheet.line(("time", "type", "credits", "held", "description", "task", "task_id"))
    for row in every(user, wanted, batch=batch):
        yield spreadsheet.line(
            (
                row.at.astimezone(UTC).isoformat(timespec="seconds"),
                row.kind,
                row.amount,
                row.held_delta,
                spreadsheet.inert(row.description),
                spreadsheet.inert(row.task_title),
                row.task_id or "",
            )
        )


def charged_tasks(session: Session, user: User, query: str = "", limit: int = 50) -> list[tuple[UUID, str]]:
    """The tasks that stand in the person's ledger, the newest first, by a part of their title."""
    statement = select(Task.id, Task.title).where(*_charged(user))
    if words := jsonb.searched(query):
        statement = statement.where(col(Task.title).icontains(words, autoescape=True))
    return list(session.exec(statement.order_by(col(Task.created_at).desc(), col(Task.id)).limit(limit)))


def charged_title(session: Session, user: User, task_id: UUID) -> str:
    """The title of one of them; empty for any other."""
    return session.exec(select(Task.title).where(*_charged(user), Task.id == task_id)).first() or ""


def used_per_day(session: Session, user: User, days: int, task_id: UUID | None = None) -> list[Day]:
    """What was used on each of the last `days` days, today last; days without use are there as well."""
    first = clock.now().date() - timedelta(days=days - 1)
    on = sqlalchemy.cast(func.timezone("UTC", _AT), sqlalchemy.Date)
    statement = (
        sqlalchemy.select(on, -func.sum(col(CreditTransaction.amount)))
        .where(col(CreditTransaction.user_id) == user.id, col(CreditTransaction.type).in_(("debit", "refund")))
        .where(on >= first)
        .group_by(on)
    )
    if task_id is not None:
        statement = statement.where(col(CreditTransaction.task_id) == task_id)
    used: dict[date, int] = {day: int(amount) for day, amount in session.execute(statement)}
    return [Day(one, used.get(one, 0)) for one in (first + timedelta(days=number) for number in range(days))]


_AT = col(CreditTransaction.created_at)
_ID = col(CreditTransaction.id)


def _selection(narrowed: list[Any]) -> sqlalchemy.Select[CreditTransaction, str]:
    return (
        sqlalchemy.select(CreditTransaction, col(Task.title))
        .outerjoin(Task, (col(Task.id) == CreditTransaction.task_id) & col(Task.deleted_at).is_(None))
        .where(*narrowed)
        .order_by(_AT.desc(), _ID.desc())
    )


def _charged(user: User) -> tuple[Any, ...]:
    in_ledger = select(CreditTransaction.task_id).where(CreditTransaction.user_id == user.id)
    return col(Task.id).in_(in_ledger), col(Task.deleted_at).is_(None)


def _narrowed(user: User, wanted: Wanted) -> list[Any]:
    conditions: list[Any] = [col(CreditTransaction.user_id) == user.id]
    if wanted.kind is not Kind.ALL:
        conditions.append(col(CreditTransaction.type).in_(_TYPES[wanted.kind]))
    if wanted.task_id is not None:
        conditions.append(col(CreditTransaction.task_id) == wanted.task_id)
    if wanted.period.days is not None:
        conditions.append(clock.now() - timedelta(days=wanted.period.days) < _AT)
    return conditions


def _row(entry: CreditTransaction, title: str | None) -> LedgerRow:
    return LedgerRow(
        entry.created_at,
        entry.type,
        entry.amount,
        entry.held_delta,
        entry.description or "",
        entry.task_id,
        title or "",
    )

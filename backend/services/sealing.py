"""Everything that is sealed, sealed with the first key, while others read and write it.

Short batches, each a transaction of its own: whoever dies between two leaves what is sealed with either key, and both
are configured. Rows that others have locked are passed by; rounds follow until one finds nothing under another key.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Row, Table, bindparam, or_, select, text, tuple_, update
from sqlmodel import Session, SQLModel

from backend import db
from backend.crypto import Keyring
from backend.errors import Conflict
from backend.models import IdempotencyKey, ProviderKey, RepositorySettings, User
from backend.services import audit
from backend.settings import Settings
from backend.words import Act, ObjectKind

LOCK = 0x6163736C  # "acsl"
BATCH = 100  # rows that are locked at once
PATIENCE_SECONDS = 60.0  # for others, who hold a row or began before the new key was there
_PAUSE = 0.2


@dataclass(frozen=True)
class Place:
    """Columns of a table that hold sealed secrets: one as text, or some as an object of name → {sealed}."""

    model: type[SQLModel]
    columns: tuple[str, ...]

    @property
    def table(self) -> Table:
        """The table itself."""
        return self.model.__table__  # type: ignore[attr-defined,no-any-return]  # every SQLModel table has one


PLACES = (
    Place(User, ("github_access_token", "github_refresh_token")),
    Place(ProviderKey, ("sealed_key",)),
    Place(RepositorySettings, ("secrets",)),
    Place(IdempotencyKey, ("answer",)),
)


@dataclass(frozen=True)
class Count:
    """Secrets by what they are sealed with: the first key, another one that is configured, or none of them."""

    first: int = 0
    other: int = 0
    lost: int = 0

    def __add__(self, more: "Count") -> "Count":
        return Count(self.first + more.first, self.other + more.other, self.lost + more.lost)


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else rotates meanwhile. Raises Conflict where somebody does."""
    with db.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}).scalar_one():
            raise Conflict("Keys are being rotated already.")
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})


def count(settings: Settings) -> Count:
    """What everything is sealed with. It locks nothing."""
    keyring, total = Keyring(settings), Count()
    for place in PLACES:
        for rows in _batches(place, 10 * BATCH):
            total = sum((_count(keyring, place, row) for row in rows), total)
    return total


def wait_for_older(seconds: float = PATIENCE_SECONDS) -> None:
    """Returns once every transaction of ours that has begun before is over: it may have sealed with the key before.

    Raises Conflict where one lasts longer than that.
    """
    with db.transaction() as session:
        moment = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    deadline = time.monotonic() + seconds
    while _has_older(moment):
        if time.monotonic() > deadline:
            raise Conflict(f"A transaction from before the new key is open for over {seconds:.0f} s. Run this again.")
        time.sleep(_PAUSE)


def seal_again(settings: Settings, patience: float = PATIENCE_SECONDS) -> int:
    """Seals with the first key what is sealed with another one, until a whole round finds nothing more; how many.

    `patience`, in seconds, is how long a row may be locked by others. Raises Conflict after that: run it again.
    """
    keyring, total = Keyring(settings), 0
    deadline = time.monotonic() + patience
    while True:
        due, done = _round(keyring)
        total += done
        if not due:
            _write_down(total)
            return total
        if done:
            deadline = time.monotonic() + patience
        elif time.monotonic() > deadline:
            raise Conflict(f"{due} rows with secrets are in use for over {patience:.0f} s. Run this again.")
        else:
            time.sleep(_PAUSE)


def _write_down(sealed: int) -> None:
    keys = audit.Object(ObjectKind.DEPLOYMENT, "keys", "the keys that seal secrets")
    with db.transaction() as session:
        audit.record(session, Act.KEYS_ROTATED, audit.OPERATOR, keys, sealed=sealed)


def _round(keyring: Keyring) -> tuple[int, int]:
    """Rows that were found with a secret under another key, and secrets that are sealed with the first one now."""
    due = done = 0
    for place in PLACES:
        for rows in _batches(place, BATCH):
            keys = [_key(place, row) for row in rows if _count(keyring, place, row).other]
            due += len(keys)
            if keys:
                with db.transaction() as session:
                    done += _renew(session, keyring, place, keys)
    return due, done


def _batches(place: Place, size: int) -> Iterator[Sequence[Row[Any]]]:
    """The place's rows in the order of their key, read without a lock."""
    columns, key = place.table.c, _primary(place)
    holds = or_(*(columns[name].is_not(None) for name in place.columns))
    after: tuple[Any, ...] | None = None
    while True:
        statement = select(*key, *(columns[name] for name in place.columns)).where(holds).order_by(*key).limit(size)
        if after is not None:
            statement = statement.where(tuple_(*key) > tuple_(*after))
        with db.transaction() as session:
            rows = session.execute(statement).all()
        yield rows
        if len(rows) < size:
            return
        after = _key(place, rows[-1])


def _renew(session: Session, keyring: Keyring, place: Place, keys: list[tuple[Any, ...]]) -> int:
    """Seals these rows anew as they are under their lock, but for those that somebody else has locked."""
    table, key = place.table, _primary(place)
    columns = [table.c[name] for name in place.columns]
    rows = session.execute(
        select(*key, *columns)
        .where(tuple_(*key).in_(keys))
        .order_by(*key)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    if not rows:
        return 0
    values = [
        {f"key_{number}": part for number, part in enumerate(_key(place, row))}
        | {f"new_{name}": _renewed(keyring, getattr(row, name)) for name in place.columns}
        for row in rows
    ]
    statement = (
        update(table)
        .where(*(column == bindparam(f"key_{number}") for number, column in enumerate(key)))
        .values({name: bindparam(f"new_{name}") for name in place.columns})
    )
    session.connection().execute(statement, values)
    return sum(_count(keyring, place, row).other for row in rows)


def _primary(place: Place) -> list[Column[Any]]:
    return list(place.table.primary_key.columns)


def _key(place: Place, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row[: len(_primary(place))])


def _sealed(value: Any) -> list[str]:
    """The sealed texts of a column's value."""
    if isinstance(value, dict):
        return [kept["sealed"] for kept in value.values()]
    return [value] if value else []


def _renewed(keyring: Keyring, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: {**kept, "sealed": _renewed(keyring, kept["sealed"])} for name, kept in value.items()}
    return keyring.renewed(value) if value and keyring.place(value) else value  # 0 is the first, None is lost


def _count(keyring: Keyring, place: Place, row: Row[Any]) -> Count:
    found = [keyring.place(sealed) for name in place.columns for sealed in _sealed(getattr(row, name))]
    lost, first = found.count(None), found.count(0)
    return Count(first=first, other=len(found) - lost - first, lost=lost)


def _has_older(moment: Any) -> bool:
    with db.transaction() as session:
        found = session.execute(
            text(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND application_name = :name AND xact_start < :moment"
            ),
            {"name": db.APPLICATION, "moment": moment},
        )
        return found.first() is not None

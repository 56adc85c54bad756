"""Caches and disk, for admins: what lies where, how much, for how long unused, and what was emptied.

The machines' own workers measure (services/machines.py); a page only reads what they told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import Session, col, select

from backend import clock
from backend.models import CacheClearing, CacheKind, ClearingState, Machine, Repository, User
from backend.services import access
from backend.services.setup.processes import FORGOTTEN, SILENT
from backend.services.stores import Store
from backend.settings import get_settings

SHOWN = 10  # of the newest clearings
_KEPT_NAMES = 100  # of what was emptied
_TABLES = {"artifacts": "artifacts", "attachments": "attachments", "logs": "task_events"}


@dataclass(frozen=True)
class CacheItem:
    """One repository's share of a cache; `name` is empty where it is not known here any more. Sizes in bytes."""

    id: str
    name: str
    count: int
    size: int
    used_at: datetime | None


@dataclass(frozen=True)
class StoreEntry:
    """Something that takes room on a machine; `items` are the largest of a cache that can be emptied one by one."""

    store: str
    path: str
    count: int
    size: int
    oldest: datetime | None
    items: list[CacheItem]


@dataclass(frozen=True)
class TableEntry:
    """Something that takes room in the database; `count` is what the database's own statistics say."""

    store: str
    count: int
    size: int


@dataclass(frozen=True)
class ClearingEntry:
    """What became of a wish to empty; `login` is empty where the machine did it by itself."""

    id: UUID
    what: str
    login: str
    state: ClearingState
    total: int
    removed: int
    kept: int
    freed: int
    asked_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class MachineEntry:
    """A data dir that workers work on; `is_heard` where they told of it in the last minutes. Sizes in bytes."""

    id: UUID
    host: str
    data_dir: str
    free: int
    total: int
    seen_at: datetime
    is_heard: bool
    measured_at: datetime | None
    is_measuring: bool
    stores: list[StoreEntry]
    clearings: list[ClearingEntry]


@dataclass(frozen=True)
class Caches:
    """All machines, and the database's own share. `least_free` is what a disk shall have free, in bytes."""

    machines: list[MachineEntry]
    tables: list[TableEntry]
    least_free: int


def read(session: Session, user: User) -> Caches:
    """What the machines told last. Nothing is measured here. Raises Forbidden."""
    access.require_admin(user)
    known = session.exec(
        select(Machine).where(Machine.seen_at > clock.now() - FORGOTTEN).order_by(Machine.host, Machine.data_dir)
    ).all()
    names = _names(session, known)
    return Caches([_machine(session, one, names) for one in known], _tables(session), get_settings().least_free)


def _machine(session: Session, row: Machine, names: dict[str, str]) -> MachineEntry:
    asked, measured = row.measure_asked_at, row.measured_at
    return MachineEntry(
        id=row.id,
        host=row.host,
        data_dir=row.data_dir,
        free=row.free,
        total=row.total,
        seen_at=row.seen_at,
        is_heard=clock.now() - row.seen_at < SILENT,
        measured_at=measured,
        is_measuring=measured is None or (asked is not None and asked > measured),
        stores=sorted((_store(one, names) for one in row.stores), key=lambda one: _ORDER.get(one.store, 99)),
        clearings=_clearings(session, row.id, names),
    )


_ORDER = {one.value: number for number, one in enumerate(Store)}


def _store(told: dict[str, Any], names: dict[str, str]) -> StoreEntry:
    items = [
        CacheItem(one["id"], names.get(one["id"], ""), one["count"], one["size"], _moment(one["used_at"]))
        for one in told["items"]
    ]
    oldest = _moment(told["oldest"])
    return StoreEntry(told["store"], told["path"], told["count"], told["size"], oldest, items)


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _names(session: Session, known: Sequence[Machine]) -> dict[str, str]:
    """Repositories by both of their ids."""
    ids = {item["id"] for machine in known for one in machine.stores for item in one["items"]}
    asked = session.exec(
        select(CacheClearing.item)
        .where(CacheClearing.item != "")
        .order_by(col(CacheClearing.asked_at).desc())
        .limit(50)
    )
    ids |= set(asked)
    theirs = [int(one) for one in ids if one.isdecimal() and len(one) < 19]  # a folder may have any name
    ours = [UUID(one) for one in ids if one and not one.isdecimal()]
    rows = session.exec(
        select(Repository.id, Repository.github_id, Repository.full_name).where(
            col(Repository.github_id).in_(theirs) | col(Repository.id).in_(ours)
        )
    ).all()
    return {key: name for ours_id, theirs_id, name in rows for key in (str(ours_id), str(theirs_id))}


def _clearings(session: Session, machine_id: UUID, names: dict[str, str]) -> list[ClearingEntry]:
    rows = session.exec(
        select(CacheClearing, func.coalesce(User.username, ""))
        .outerjoin(User, col(User.id) == CacheClearing.user_id)
        .where(CacheClearing.machine_id == machine_id)
        .order_by(col(CacheClearing.asked_at).desc())
        .limit(SHOWN)
    )
    return [
        ClearingEntry(
            row.id, _what(row, names), login, ClearingState(row.state), row.total, row.removed, row.kept, row.freed,
            row.asked_at, row.ended_at,
        )
        for row, login in rows
    ]  # fmt: skip


def _what(row: CacheClearing, names: dict[str, str]) -> str:
    if row.user_id is None:
        return "what was used least recently, because the disk ran low"
    if not row.item:
        return f"all that was unused for {row.unused_days} days"
    part = "the mirror" if row.kind == CacheKind.MIRRORS else "what set-up added"
    return f"{part} of {names.get(row.item, 'a repository that is not known any more')}"


def _tables(session: Session) -> list[TableEntry]:
    """By the database's statistics: a count would read every row."""
    found = session.execute(
        text(
            "SELECT relname, n_live_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables"
            " WHERE relid = ANY(ARRAY(SELECT to_regclass(one) FROM unnest(CAST(:tables AS text[])) AS one))"
        ),
        {"tables": list(_TABLES.values())},
    )
    known = {name: (count, size) for name, count, size in found}
    return [TableEntry(store, *known[table]) for store, table in _TABLES.items() if table in known]

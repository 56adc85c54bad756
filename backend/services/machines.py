"""What a machine with workers does for itself: tells how it stands, empties caches where an admin or a low disk asks.

Each worker's process begins this beside its work (`jobs/worker.py`); of those on one data dir one does it at a time.
"""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, events, log
from backend.db import after_commit, lock, transaction
from backend.errors import AsyncCoderError, Misconfigured
from backend.models import CacheClearing, CacheKind, ClearingState, Machine
from backend.sandbox.selftest import probes
from backend.services import setup_cache, stores, workplace
from backend.services.stores import CACHES, Store
from backend.settings import Settings, get_settings
from backend.workspace.file_lock import is_taken, opened
from backend.workspace.mirror import Mirror, mirrors, mirrors_root

CHORE = "keep_machine"
KEEP_SECONDS = 45.0  # how often at most a worker begins it
TEST_AGAIN = timedelta(minutes=10)
MEASURE_AGAIN = timedelta(minutes=10)
ROOM = 1.25  # so much more than what shall be free is made free, so that it is not done again at once
_log = log.get(__name__)


@dataclass(frozen=True)
class Candidate:
    """Something that can be removed and made again. `remove()` gives the bytes freed, None where it is in use."""

    kind: CacheKind
    item: str
    used_at: float
    remove: Callable[[], int | None]


def keep(*, measures: bool = True, may_go_on: Callable[[], bool] = lambda: True) -> bool:
    """Tells how this machine stands, empties what is asked for, makes room, and measures what lies here if it is due.

    Without `measures` only the caches are measured, and only where something was removed. False: `may_go_on` said no.
    """
    settings = get_settings()
    folder = settings.data_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    machine = tell(settings)
    is_done, removed = True, 0
    with opened(folder / "caches.lock") as lock_file:
        if is_taken(lock_file):
            is_done, removed = _empty_asked(settings, machine, may_go_on)
            removed += make_room(settings, machine)
    with opened(folder / "measure.lock") as lock_file:
        if not is_taken(lock_file):
            return is_done
        if _is_untested(machine):
            _test(machine)
        if measures and _is_due(machine):
            _measure(settings, machine, list(Store))
        elif removed:
            _measure(settings, machine, list(CACHES))
    return is_done


def tell(settings: Settings) -> UUID:
    """Writes down that this machine is there, and what its disk has free; returns its id."""
    usage = shutil.disk_usage(settings.data_dir.resolve())
    values = {"free": usage.free, "total": usage.total, "seen_at": func.now()}
    with transaction() as session:
        machine: UUID = session.execute(
            insert(Machine)
            .values(host=socket.gethostname(), data_dir=str(settings.data_dir.resolve()), **values)
            .on_conflict_do_update(index_elements=["host", "data_dir"], set_=values)
            .returning(col(Machine.id))
        ).scalar_one()
    return machine


def make_room(settings: Settings, machine: UUID, free: Callable[[], int] | None = None) -> int:
    """Lets go of what was used least recently while the disk has less free than the operator wants; how many went.

    What is in use stays.
    """
    free = free or (lambda: shutil.disk_usage(settings.data_dir.resolve()).free)
    if free() >= settings.least_free:
        return 0
    wanted = int(settings.least_free * ROOM)
    removed, kept, freed = 0, 0, 0
    for candidate in sorted(_candidates(settings), key=lambda one: one.used_at):
        if free() >= wanted:
            break
        gone = candidate.remove()
        removed, kept, freed = removed + (gone is not None), kept + (gone is None), freed + (gone or 0)
    _log.warning("the disk runs low", free=free(), removed=removed, freed=freed)
    if removed:
        with transaction() as session:
            done = {"state": ClearingState.DONE.value, "ended_at": clock.now()}
            numbers = {"total": removed + kept, "removed": removed, "kept": kept, "freed": freed}
            session.add(CacheClearing(machine_id=machine, **done, **numbers))  # type: ignore[arg-type]
            _ring(session)
    return removed


def _candidates(settings: Settings) -> Iterator[Candidate]:
    for mirror in mirrors(mirrors_root(settings.data_dir)):
        with suppress(OSError):  # a disk without room for one more file
            mirror.clear_leftovers()
        yield Candidate(CacheKind.MIRRORS, str(mirror.github_id), mirror.used_at, partial(_gone, mirror))
    for kept in setup_cache.kept():
        yield Candidate(CacheKind.SETUPS, str(kept.repository_id or ""), kept.used_at, partial(_forgotten, kept))


def _gone(mirror: Mirror) -> int | None:
    size = stores.sizes([mirror.path]).get(mirror.path, 0)
    try:
        return size if mirror.remove() else None
    except OSError as error:
        _log.warning("a mirror could not be removed", path=str(mirror.path), error=str(error))
        return None


def _forgotten(kept: setup_cache.Kept) -> int:
    setup_cache.forget(kept.name)
    return kept.size


def _empty_asked(settings: Settings, machine: UUID, may_go_on: Callable[[], bool]) -> tuple[bool, int]:
    """Whether all that was asked for is done, and how many were removed. One that a killed process began goes on."""
    with transaction() as session:
        asked = session.exec(
            select(CacheClearing)
            .where(CacheClearing.machine_id == machine, CacheClearing.state != ClearingState.DONE)
            .order_by(col(CacheClearing.asked_at))
        ).all()
    removed = 0
    for clearing in asked:
        is_done, gone = _empty(settings, clearing, may_go_on)
        removed += gone
        if not is_done:
            return False, removed
    return True, removed


def _empty(settings: Settings, clearing: CacheClearing, may_go_on: Callable[[], bool]) -> tuple[bool, int]:
    found = [one for one in _candidates(settings) if _is_meant(clearing, one)]
    _progress(clearing.id, state=ClearingState.RUNNING, total=clearing.removed + len(found))
    removed = kept = freed = 0
    for candidate in found:
        if not may_go_on():
            return False, removed
        gone = candidate.remove()
        removed, kept, freed = removed + (gone is not None), kept + (gone is None), freed + (gone or 0)
        _progress(clearing.id, removed=clearing.removed + removed, kept=kept, freed=clearing.freed + freed)
    _progress(clearing.id, state=ClearingState.DONE, ended_at=clock.now())
    return True, removed


def _is_meant(clearing: CacheClearing, one: Candidate) -> bool:
    if clearing.kind and clearing.kind != one.kind:
        return False
    if clearing.item and clearing.item != one.item:
        return False
    unused = clearing.asked_at - datetime.fromtimestamp(one.used_at, clearing.asked_at.tzinfo)
    return unused >= timedelta(days=clearing.unused_days)


def _progress(clearing: UUID, **facts: Any) -> None:
    with transaction() as session:
        row = lock(session, CacheClearing, clearing)
        for name, value in facts.items():
            setattr(row, name, value)
        session.add(row)
        _ring(session)


def _is_untested(machine: UUID) -> bool:
    with transaction() as session:
        tested_at = session.get_one(Machine, machine).tested_at
    return tested_at is None or clock.now() - tested_at > TEST_AGAIN


def _is_due(machine: UUID) -> bool:
    with transaction() as session:
        row = session.get_one(Machine, machine)
        asked, measured = row.measure_asked_at, row.measured_at
    return measured is None or clock.now() - measured > MEASURE_AGAIN or (asked is not None and asked > measured)


def _measure(settings: Settings, machine: UUID, wanted: list[Store]) -> None:
    began = clock.now()
    measured = {one.store.value: one.document() for one in stores.measure(settings, wanted)}
    with transaction() as session:
        row = lock(session, Machine, machine)
        kept = {one["store"]: one for one in row.stores}
        row.stores = list((kept | measured).values())
        if wanted == list(Store):
            row.measured_at = began
        session.add(row)
        _ring(session)


def _test(machine: UUID) -> None:
    """Whether the sandbox that runs are worked on in still holds: what was found at a worker's start may be over."""
    kind, count, trouble, fix = "", 0, "", ""
    try:
        sandbox = workplace.jail()
        kind = sandbox.kind
        if kind != "none":
            tried = probes(sandbox, get_settings().data_dir.resolve() if os.geteuid() else None)
            failed = [one for one in tried if not one.passed]
            count, trouble = len(tried), "; ".join(f"{one.name}: no. {one.detail}" for one in failed)[:500]
    except Misconfigured as error:
        trouble, fix = str(error)[:500], error.fix
    except AsyncCoderError as error:
        trouble = str(error)[:500]
    with transaction() as session:
        row = lock(session, Machine, machine)
        row.sandbox, row.sandbox_probes, row.sandbox_trouble, row.sandbox_fix = kind, count, trouble, fix
        row.tested_at = clock.now()
        session.add(row)


def _ring(session: Session) -> None:
    after_commit(session, lambda: events.ring(events.SETUP_TOPIC, "", 0, "setup"))

"""Admins ask a machine to empty a cache, or to measure: a row that the machine's own workers carry out."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, select

from backend import clock, events
from backend.db import after_commit, lock
from backend.errors import InvalidInput
from backend.models import CacheClearing, CacheKind, ClearingState, Machine, Repository, User
from backend.queue import ring_chore
from backend.services import access, audit, machines
from backend.words import Act, ObjectKind

UNUSED_DAYS = 30
_KEPT_CLEARINGS = 100  # of a machine


def empty(
    session: Session, user: User, machine_id: UUID, kind: str, item: str, *, address: str = audit.UNKNOWN
) -> UUID:
    """Asks a machine to remove a repository's mirror, or what its set-up added, once no run uses it; returns its id.

    What is asked for twice is one wish. Raises Forbidden, NotFound, InvalidInput.
    """
    access.require_admin(user)
    wanted = _kind(kind)
    subject = _subject(session, wanted, item)
    return _ask(session, user, machine_id, wanted, item, 0, subject, address)


def empty_unused(session: Session, user: User, machine_id: UUID, *, address: str = audit.UNKNOWN) -> UUID:
    """Asks a machine to remove all that no run has used for thirty days; returns the wish. As `empty`."""
    access.require_admin(user)
    subject = audit.Object(ObjectKind.DEPLOYMENT, "caches", "what is unused in the caches")
    return _ask(session, user, machine_id, None, "", UNUSED_DAYS, subject, address)


def measure(session: Session, user: User, machine_id: UUID) -> None:
    """Asks a machine to measure what lies there, within a minute. Raises Forbidden, NotFound."""
    access.require_admin(user)
    machine = lock(session, Machine, machine_id)
    machine.measure_asked_at = clock.now()
    session.add(machine)
    _changed(session)


def _ask(
    session: Session,
    user: User,
    machine_id: UUID,
    kind: CacheKind | None,
    item: str,
    unused_days: int,
    subject: audit.Object,
    address: str,
) -> UUID:
    machine = lock(session, Machine, machine_id)
    found = session.exec(
        select(CacheClearing).where(
            CacheClearing.machine_id == machine.id,
            CacheClearing.kind == kind,
            CacheClearing.item == item,
            CacheClearing.unused_days == unused_days,
            CacheClearing.state != ClearingState.DONE,
        )
    ).first()
    if found is None:
        found = CacheClearing(machine_id=machine.id, kind=kind, item=item, unused_days=unused_days, user_id=user.id)
        session.add(found)
        session.flush()
        _forget_old(session, machine.id)
        where, cache = f"{machine.host}:{machine.data_dir}", kind.value if kind else "all"
        actor = audit.by(user, address)
        audit.record(session, Act.CACHE_EMPTIED, actor, subject, cache=cache, machine=where, unused_days=unused_days)
    _changed(session)
    after_commit(session, lambda: ring_chore(machines.CHORE))
    return found.id


def _changed(session: Session) -> None:
    after_commit(session, lambda: events.ring(events.SETUP_TOPIC, "", 0, "setup"))


def _forget_old(session: Session, machine_id: UUID) -> None:
    session.execute(
        text(
            "DELETE FROM cache_clearings WHERE machine_id = :machine AND state = 'done' AND id NOT IN (SELECT id FROM"
            " cache_clearings WHERE machine_id = :machine ORDER BY asked_at DESC LIMIT :most)"
        ),
        {"machine": machine_id, "most": _KEPT_CLEARINGS},
    )


def _kind(word: str) -> CacheKind:
    try:
        return CacheKind(word)
    except ValueError:
        raise InvalidInput("There is no such cache.", field="kind") from None


def _subject(session: Session, kind: CacheKind, item: str) -> audit.Object:
    """Whose share of a cache it is. Raises InvalidInput for what is no such id."""
    try:
        is_theirs = (
            Repository.github_id == _github_id(item) if kind is CacheKind.MIRRORS else Repository.id == UUID(item)
        )
    except ValueError:
        raise InvalidInput("There is no such repository in this cache.", field="item") from None
    found = session.exec(select(Repository.full_name).where(is_theirs)).first()
    return audit.Object(ObjectKind.REPOSITORY, item, found or "a repository that is not known any more")


def _github_id(item: str) -> int:
    if not (item.isascii() and item.isdecimal() and len(item) < 19):
        raise ValueError
    return int(item)

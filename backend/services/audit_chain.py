"""The audit log as a chain: each row's hash covers the row and the hash before, and the head knows the newest one.

So that whoever changes, takes out, puts in or moves a row without writing every later one anew is found, by its number.
What that does not prove is said in docs/decisions/0013.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

BATCH = 5000  # rows
GENESIS = "0" * 64  # what the first row has before it


class Content(NamedTuple):
    """What a row says, without its number and its links. `at` is aware, `user_id` None for whoever has no account."""

    at: datetime
    user_id: UUID | None
    login: str
    act: str
    object_kind: str
    object_id: str
    object_name: str
    address: str
    details: dict[str, Any]


class Link(NamedTuple):
    """A row's number and hash."""

    seq: int
    hash: str


class Stored(NamedTuple):
    """A row as it stands in the table."""

    seq: int
    content: Content
    previous: str
    hash: str


class FaultKind(StrEnum):
    """What is wrong at a row."""

    CHANGED = "changed"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    UNLINKED = "unlinked"
    HEAD = "head"


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong: at the row of that number, in a sentence."""

    kind: FaultKind
    seq: int
    sentence: str


@dataclass(frozen=True)
class Verified:
    """What a look at the whole chain found: so many rows in order, the hash of the last of them, the first fault.

    `hash`, noted elsewhere, tells later whether all up to here was written anew.
    """

    rows: int
    hash: str
    fault: Fault | None


def append(session: Session, content: Content) -> None:
    """Puts a row at the chain's end, at the moment of the database's clock. Locks the head until the commit: nothing
    may be locked after it."""
    seq, before, now = _locked_head(session)
    content = content._replace(at=now)
    digest = digest_of(seq + 1, content, before)
    said = {**content._asdict(), "details": json.dumps(content.details)}
    session.execute(_APPEND, {**said, "seq": seq + 1, "previous": before, "hash": digest})


def digest_of(seq: int, content: Content, previous: str) -> str:
    """The hash of a row, SHA-256 in hex: of one JSON array in ASCII, so that no two rows read the same."""
    return _hashed(seq, _written(content, previous))


def untold(row: int, newest: int) -> None:
    """Where nobody wants to know."""


def verify(session: Session, *, batch: int = BATCH, told: Callable[[int, int], None] = untold) -> Verified:
    """Reads the whole chain, `batch` rows at a time, up to the first fault. What is added meanwhile is left out.

    `told(row, newest)` is called after each batch, to say how far it is.
    """
    seq, known, top = session.execute(_ENDS).one()
    head = None if seq is None else Link(seq, known)
    last, newest = Link(0, GENESIS), head.seq if head else top or 0
    for row in _rows(session, newest, batch):
        if row.seq % batch == 0:
            told(row.seq, newest)
        fault = _fault(row, last, head.seq if head else top)
        if fault is not None:
            return Verified(last.seq, last.hash, fault)
        last = Link(row.seq, row.hash)
    return Verified(last.seq, last.hash, _fault_at_the_end(last, head, top))


def _fault(row: Stored, last: Link, newest: int) -> Fault | None:
    if row.seq != last.seq + 1:
        return Fault(FaultKind.MISSING, last.seq + 1, f"Row {last.seq + 1} is missing.")
    written = _written(row.content, row.previous)
    if _hashed(row.seq, written) == row.hash:
        if row.previous == last.hash:
            return None
        words = f"Row {row.seq} does not follow what stands before it: one of the two was written anew."
        return Fault(FaultKind.UNLINKED, row.seq, words)
    # At the first fault alone: a hash for each row there is, a second for a million.
    place = next((place for place in range(1, newest + 1) if _hashed(place, written) == row.hash), None)
    if place is not None:
        words = f"In the place of row {row.seq} stands what was written as row {place}."
        return Fault(FaultKind.OUT_OF_ORDER, row.seq, words)
    return Fault(FaultKind.CHANGED, row.seq, f"Row {row.seq} was changed.")


def _fault_at_the_end(last: Link, head: Link | None, top: int | None) -> Fault | None:
    if head is None:
        return None if top is None else Fault(FaultKind.HEAD, top, "The head, which knows the newest row, is missing.")
    if last.seq < head.seq:
        words = f"Row {last.seq + 1} is missing: the head says that the newest is row {head.seq}."
        return Fault(FaultKind.MISSING, last.seq + 1, words)
    if (top or 0) > head.seq:
        words = f"Row {head.seq + 1} stands behind row {head.seq}, which the head says is the newest."
        return Fault(FaultKind.HEAD, head.seq + 1, words)
    if last.hash != head.hash:
        words = f"Row {last.seq} is not the one that the head knows: one of the two was changed."
        return Fault(FaultKind.HEAD, last.seq, words)
    return None


def _rows(session: Session, newest: int, batch: int) -> Iterator[Stored]:
    after = 0
    while found := session.execute(_BATCH, {"after": after, "newest": newest, "batch": batch}).all():
        for seq, *content, previous, digest in found:
            yield Stored(seq, Content(*content), previous, digest)
        after = found[-1][0]


def _locked_head(session: Session) -> tuple[int, str, datetime]:
    found = session.execute(_LOCKED_HEAD).first()
    if found is None:  # at the first row of all
        session.execute(_FIRST_HEAD, {"hash": GENESIS})
        found = session.execute(_LOCKED_HEAD).one()
    seq, digest, now = found
    return seq, digest, now


def _written(content: Content, previous: str) -> str:
    at, user_id, *words = content
    who = None if user_id is None else str(user_id)
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    return _CANONICAL.encode([when, who, *words, previous])[1:]


def _hashed(seq: int, written: str) -> str:
    return hashlib.sha256(f"[{seq},{written}".encode()).hexdigest()


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # made once: it is half of the work
_COLUMNS = ", ".join(Content._fields)
_LOCKED_HEAD = text("SELECT seq, hash, clock_timestamp() FROM audit_head FOR NO KEY UPDATE")
_FIRST_HEAD = text("INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, :hash) ON CONFLICT DO NOTHING")
_ENDS = text("SELECT seq, hash, (SELECT max(seq) FROM audit_log) FROM (VALUES (1)) AS one LEFT JOIN audit_head ON true")
_BATCH = text(
    f"SELECT seq, {_COLUMNS}, previous, hash FROM audit_log"  # noqa: S608  # our own names
    " WHERE seq > :after AND seq <= :newest ORDER BY seq LIMIT :batch"
)
_APPEND = text(
    f"WITH added AS (INSERT INTO audit_log (seq, {_COLUMNS}, previous, hash) VALUES"  # noqa: S608  # our own names
    " (:seq, :at, :user_id, :login, :act, :object_kind, :object_id, :object_name, :address, CAST(:details AS jsonb),"
    " :previous, :hash)) UPDATE audit_head SET seq = :seq, hash = :hash"
)

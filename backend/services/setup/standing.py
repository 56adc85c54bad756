"""How the parts stand, since when: what a look found is kept as rows, which pages and API read without looking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, delete, func, or_, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, events
from backend.db import after_commit, transaction
from backend.models import PartState, SetupPart, User
from backend.services import access
from backend.services.setup.finding import Finding
from backend.services.setup.looker import LOOKER, Looker

LOOK_SECONDS = 15.0  # between two looks of a web process
STALE = timedelta(minutes=5)  # of what was not seen for so long nobody knows
FORGOTTEN = timedelta(days=1)
_SEEN_ANEW = timedelta(seconds=55)  # a row in which nothing else is new is written this often
_MOST_WORDS = 500


@dataclass(frozen=True)
class Part:
    """A part: `since` is when its state became this one. Times are aware UTC."""

    name: str
    place: str
    state: PartState
    words: str
    fix: str
    command: str
    link: str
    at: datetime | None
    since: datetime


@dataclass(frozen=True)
class Setup:
    """All parts, in the order one would mend them; `seen_at` is None where nobody has looked yet."""

    parts: list[Part]
    seen_at: datetime | None

    def count(self, state: PartState) -> int:
        """How many stand so."""
        return sum(part.state is state for part in self.parts)


def read(session: Session, user: User) -> Setup:
    """How the parts stood at the last look. Raises Forbidden."""
    access.require_admin(user)
    rows = session.exec(select(SetupPart).where(_is_fresh()).order_by(col(SetupPart.position))).all()
    parts = [
        Part(one.name, one.place, PartState(one.state), one.words, one.fix, one.command, one.link, one.at, one.since)
        for one in rows
    ]
    return Setup(parts, max((one.seen_at for one in rows), default=None))


def broken(session: Session, user: User) -> int:
    """How many parts are broken, for the badge; 0 for whoever is no admin."""
    if not user.is_admin:
        return 0
    counted = select(func.count()).select_from(SetupPart).where(SetupPart.state == PartState.BROKEN, _is_fresh())
    return int(session.exec(counted).one())


def check(*, anew: bool = False, looker: Looker = LOOKER) -> None:
    """Looks, and keeps what was found. For the doors, off their event loop: it takes as long as the slowest look may.

    Raises Unavailable where the database is away: what was found is kept by nobody then.
    """
    found = looker.look(anew=anew)
    with transaction() as session:
        record(session, found)


def record(session: Session, found: Sequence[Finding]) -> None:
    """Keeps what was found; `since` moves where a state did. Rings for those who look where anything is new."""
    # In one order, so that two web processes that keep at once do not wait for each other in a circle.
    rows = [_values(number, one) for number, one in enumerate(found)]
    before = {(one.name, one.place): one.state for one in session.exec(select(SetupPart))}
    written = []
    for row in sorted(rows, key=lambda one: (one["name"], one["place"])):
        if session.execute(_kept(row)).first() is not None:
            written.append(row)
    gone = session.execute(delete(SetupPart).where(_is_gone(found)).returning(col(SetupPart.name))).all()
    if not written and not gone:
        return
    after_commit(session, lambda: events.ring(events.SETUP_TOPIC, "", 0, "setup"))
    if any(before.get((row["name"], row["place"])) != row["state"] for row in written):
        admins = [events.user_topic(one) for one in session.exec(select(User.id).where(User.role == "admin"))]
        if admins:
            after_commit(session, lambda: events.ring_all(admins, "", 0, "setup"))


def _values(number: int, found: Finding) -> dict[str, Any]:
    return {
        "name": found.name,
        "place": found.place,
        "position": number,
        "state": found.state.value,
        "words": found.words[:_MOST_WORDS],
        "fix": found.fix[:_MOST_WORDS],
        "command": found.command,
        "link": found.link,
        "at": found.at,
    }


def _kept(row: dict[str, Any]) -> Any:
    """Writes the row where anything is new, or where it was not seen for a minute; returns its name then."""
    insertion = insert(SetupPart).values(**row)
    new = insertion.excluded
    told = [name for name in row if name not in ("name", "place")]
    is_new = tuple_(*(getattr(SetupPart, name) for name in told)).is_distinct_from(
        tuple_(*(new[name] for name in told))
    )
    since = case((col(SetupPart.state) == new.state, col(SetupPart.since)), else_=func.now())
    return insertion.on_conflict_do_update(
        index_elements=["name", "place"],
        set_={**{name: new[name] for name in told}, "since": since, "seen_at": func.now()},
        where=or_(is_new, col(SetupPart.seen_at) < func.now() - _SEEN_ANEW),
    ).returning(col(SetupPart.name))


def _is_gone(found: Sequence[Finding]) -> Any:
    """Which parts are none any more. Those of machines are found by some web processes and not by others."""
    names = {one.name for one in found if not one.place}
    is_unfound = and_(col(SetupPart.place) == "", col(SetupPart.name).not_in(names))
    return or_(is_unfound, col(SetupPart.seen_at) < clock.now() - FORGOTTEN)


def _is_fresh() -> Any:
    return col(SetupPart.seen_at) > func.now() - STALE

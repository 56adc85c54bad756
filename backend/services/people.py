"""People as admins see them, and what admins do with them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from backend import clock, jsonb
from backend.db import lock
from backend.errors import Forbidden, InvalidInput, NotFound
from backend.models import Task, User, WebSession
from backend.services import access, admin, audit, paging, sessions
from backend.services.paging import Page
from backend.words import Act, Status, Tier

SIZE = 50
MOST_REASON = 200  # characters


class Kind(StrEnum):
    """Whom a list can be narrowed to."""

    ADMIN = "admin"
    DISABLED = "disabled"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class Wanted:
    """Words of a login, a name or an e-mail address; a tier; a kind."""

    query: str = ""
    tier: Tier | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class PersonEntry:
    """A person. Credits are whole, times aware UTC; `seen_at` is when a browser of theirs last asked for something."""

    id: UUID
    username: str
    name: str
    avatar_url: str
    is_admin: bool
    tier: Tier
    credits: int
    held: int
    used: int
    tasks: int
    at_work: int
    is_connected: bool
    seen_at: datetime | None
    disabled_at: datetime | None
    is_self: bool


def listing(session: Session, user: User, wanted: Wanted, number: int = 1, *, size: int = SIZE) -> Page[PersonEntry]:
    """Everyone who has signed in and not deleted their account, who was seen last first. Raises Forbidden."""
    access.require_admin(user)
    conditions = _fitting(wanted)
    total = session.exec(select(func.count()).select_from(User).where(*conditions)).one()
    seen_at = _of_person(func.max(WebSession.last_seen_at), WebSession.user_id)
    statement = (
        sqlalchemy.select(
            col(User.id),
            col(User.username),
            func.coalesce(func.nullif(User.display_name, ""), User.username).label("name"),
            func.coalesce(User.avatar_url, "").label("avatar_url"),
            (col(User.role) == "admin").label("is_admin"),
            col(User.subscription_tier).label("tier"),
            col(User.credits),
            col(User.credits_held).label("held"),
            col(User.total_credits_used).label("used"),
            _of_person(func.count(), Task.user_id, col(Task.deleted_at).is_(None)).label("tasks"),
            _of_person(func.count(), Task.user_id, col(Task.status) == Status.RUNNING).label("at_work"),
            col(User.is_github_connected).label("is_connected"),
            seen_at.label("seen_at"),
            col(User.disabled_at),
            (col(User.id) == user.id).label("is_self"),
        )
        .where(*conditions)
        .order_by(seen_at.desc().nulls_last(), col(User.id))
        .limit(size)
    )

    def read(offset: int) -> list[PersonEntry]:
        found = session.execute(statement.offset(offset)).mappings()
        return [PersonEntry(**{**row, "tier": Tier(row["tier"])}) for row in found]

    return paging.page(total, number, size, read)


def set_tier(session: Session, user: User, person_id: UUID, tier: Tier, *, address: str = audit.UNKNOWN) -> None:
    """Puts a person into a tier; twice is once. Raises Forbidden, NotFound."""
    person = _locked(session, user, person_id)
    before, person.subscription_tier = person.subscription_tier, tier.value
    if before != tier.value:
        words = {"before": before, "now": tier.value}
        audit.record(session, Act.TIER_CHANGED, audit.by(user, address), audit.person(person), **words)


def give(
    session: Session,
    user: User,
    person_id: UUID,
    amount: int,
    reason: str,
    *,
    key: str,
    address: str = audit.UNKNOWN,
) -> None:
    """Gives a person credits; the reason and who gave them stand in the person's ledger. The same key is one gift.

    Raises Forbidden, NotFound, InvalidInput, or Conflict for the same key with another amount.
    """
    reason = jsonb.clean_text(reason).strip()
    if not reason:
        raise InvalidInput("Say why: the person reads it.", field="reason")
    if len(reason) > MOST_REASON:
        raise InvalidInput(f"A reason has at most {MOST_REASON} characters.", field="reason")
    person = _locked(session, user, person_id)
    told, actor = f"{reason} (from {user.username})", audit.by(user, address)
    admin.give(session, person, amount, told, actor, key=f"grant:{user.id}:{key}")


def disable(session: Session, user: User, person_id: UUID, *, address: str = audit.UNKNOWN) -> None:
    """Shuts a person out: browsers, tokens and new tasks at once, their runs within seconds. Twice is once.

    What they have stays. Raises Forbidden, also for one's own account, NotFound.
    """
    if person_id == user.id:
        access.require_admin(user)
        raise Forbidden("You cannot disable your own account. Another admin can.")
    person = _locked(session, user, person_id)
    actor = audit.by(user, address)
    if person.disabled_at is None:
        person.disabled_at = clock.now()
        audit.record(session, Act.PERSON_DISABLED, actor, audit.person(person))
    session.flush()
    sessions.end_all(session, person, actor)


def enable(session: Session, user: User, person_id: UUID, *, address: str = audit.UNKNOWN) -> None:
    """Lets a person in again; they sign in anew. Twice is once. Raises Forbidden, NotFound."""
    person = _locked(session, user, person_id)
    if person.disabled_at is not None:
        person.disabled_at = None
        audit.record(session, Act.PERSON_ENABLED, audit.by(user, address), audit.person(person))


def sign_out(session: Session, user: User, person_id: UUID, *, address: str = audit.UNKNOWN) -> int:
    """Signs a person out of every browser, and returns of how many. Raises Forbidden, NotFound."""
    return sessions.end_all(session, _locked(session, user, person_id), audit.by(user, address))


def _locked(session: Session, user: User, person_id: UUID) -> User:
    access.require_admin(user)
    person = lock(session, User, person_id)
    if person.deleted_at is not None:
        raise NotFound("This person has deleted their account.")
    session.add(person)
    return person


def _fitting(wanted: Wanted) -> list[Any]:
    conditions: list[Any] = [col(User.deleted_at).is_(None)]
    if words := jsonb.searched(wanted.query):
        named = (User.username, User.display_name, User.email)
        conditions.append(or_(*[col(name).icontains(words, autoescape=True) for name in named]))
    if wanted.tier is not None:
        conditions.append(col(User.subscription_tier) == wanted.tier.value)
    match wanted.kind:
        case Kind.ADMIN:
            conditions.append(col(User.role) == "admin")
        case Kind.DISABLED:
            conditions.append(col(User.disabled_at).is_not(None))
        case Kind.DISCONNECTED:
            conditions.append(col(User.is_github_connected).is_(False))
    return conditions


def _of_person(what: Any, whose: Any, *conditions: Any) -> Any:
    return sqlalchemy.select(what).where(col(whose) == col(User.id), *conditions).correlate(User).scalar_subquery()

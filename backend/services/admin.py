"""What the operator does by hand: people and credits."""

from dataclasses import dataclass
from uuid import uuid4

from sqlmodel import Session, col, select

from backend import jsonb
from backend.db import for_update
from backend.errors import Conflict, InvalidInput, Misconfigured, NotFound
from backend.models import CreditTransaction, User
from backend.services import audit, auth, notices
from backend.settings import Settings
from backend.words import Act

MOST_CREDITS = 1_000_000_000  # the column holds 32 bits


@dataclass(frozen=True)
class PersonRow:
    """One person as the operator sees them; credits whole."""

    username: str
    role: str
    credits: int
    held: int
    is_connected: bool


def people(session: Session) -> list[PersonRow]:
    """Everyone who has signed in and not deleted their account, by name."""
    rows = session.exec(select(User).where(col(User.deleted_at).is_(None)).order_by(col(User.username)))
    return [PersonRow(row.username, row.role, row.credits, row.credits_held, row.is_github_connected) for row in rows]


def grant(session: Session, login: str, amount: int, reason: str, actor: audit.Actor = audit.OPERATOR) -> int:
    """Gives credits, with the reason in the ledger, and returns the new balance. Raises NotFound or InvalidInput."""
    user = _by_login(session, login)
    give(session, user, amount, reason, actor, key=f"grant:{uuid4()}")
    return user.credits


def give(session: Session, user: User, amount: int, reason: str, actor: audit.Actor, *, key: str) -> None:
    """Gives credits to a person whose row is locked, once per key.

    Raises InvalidInput, or Conflict for the same key with another amount or person.
    """
    if amount < 1:
        raise InvalidInput("A grant is at least one credit.", field="credits")
    earlier = session.exec(select(CreditTransaction).where(CreditTransaction.idempotency_key == key)).first()
    if earlier is not None:
        if (earlier.user_id, earlier.amount) != (user.id, amount):
            raise Conflict("This was already done with another amount.")
        return
    if user.credits + amount > MOST_CREDITS:
        raise InvalidInput(f"Nobody can have more than {MOST_CREDITS:,} credits.", field="credits")
    user.credits += amount
    session.add(user)
    session.add(
        CreditTransaction(
            user_id=user.id,
            type="credit",
            amount=amount,
            held_delta=0,
            idempotency_key=key,
            description=reason,
        )
    )
    session.flush()
    notices.tell(session, user.id, notices.CREDITS, {})
    audit.record(session, Act.CREDITS_GRANTED, actor, audit.person(user), credits=amount, reason=reason)


def make_admin(session: Session, login: str, settings: Settings) -> None:
    """Gives the role at once to someone the settings name. Raises Misconfigured for anyone else: the next sign-in
    would take it away again."""
    if login.lower() not in settings.admin_logins:
        raise Misconfigured(f"{login} is not in ASYNCCODER_ADMINS.", fix=f"Add {login} to ASYNCCODER_ADMINS first.")
    user = _by_login(session, login)
    auth.give_role(session, user, "admin", audit.OPERATOR)
    session.add(user)


def _by_login(session: Session, login: str) -> User:
    user = session.exec(
        for_update(select(User).where(User.username == jsonb.clean_text(login), col(User.deleted_at).is_(None)))
    ).first()
    if user is None:
        raise NotFound(f"Nobody called {login} has signed in.")
    return user

"""What the operator does by hand: credits given, admins named, sealed secrets moved to a new key."""

from dataclasses import dataclass
from uuid import uuid4

from sqlmodel import Session, col, func, select

from backend import crypto
from backend.errors import InvalidInput, Misconfigured, NotFound
from backend.models import CreditTransaction, User
from backend.services import notices
from backend.settings import Settings


@dataclass(frozen=True)
class Person:
    """One row of the operator's list. Credits are whole credits."""

    username: str
    role: str
    credits: int
    held: int
    is_connected: bool


def people(session: Session) -> list[Person]:
    """Everyone who has ever signed in, by name."""
    rows = session.exec(select(User).order_by(func.lower(User.username)))
    return [Person(row.username, row.role, row.credits, row.credits_held, row.is_github_connected) for row in rows]


def grant(session: Session, username: str, amount: int, reason: str) -> int:
    """Gives credits, as a `credit` row of the ledger. Returns the new balance. Raises NotFound, InvalidInput."""
    if amount <= 0:
        raise InvalidInput("The ledger only grows: grant a number above 0.", field="amount")
    user = _locked(session, username)
    user.credits += amount
    session.add(user)
    session.add(
        CreditTransaction(
            user_id=user.id,
            type="credit",
            amount=amount,
            held_delta=0,
            idempotency_key=f"grant:{uuid4()}",
            description=reason,
        )
    )
    session.flush()
    notices.tell(session, user.id, notices.CREDITS, {})
    return user.credits


def make_admin(session: Session, username: str, settings: Settings) -> None:
    """Makes someone an admin at once. Raises Misconfigured unless ASYNCCODER_ADMINS names them: each sign-in goes by it."""
    if username.lower() not in settings.admin_logins:
        raise Misconfigured(
            f"ASYNCCODER_ADMINS does not name {username}, and decides at each sign-in.",
            fix=f"Add {username} to ASYNCCODER_ADMINS, then run this again or let them sign in.",
        )
    user = _locked(session, username)
    user.role = "admin"
    session.add(user)


def seal_again(session: Session, settings: Settings) -> int:
    """Seals every stored secret with the first key. Returns how many. Raises Misconfigured for one that no key opens."""
    count = 0
    for user in session.exec(select(User).with_for_update().order_by(col(User.id))):
        if user.github_access_token:
            user.github_access_token = crypto.seal_again(settings, user.id, user.github_access_token)
            count += 1
        if user.github_refresh_token:
            user.github_refresh_token = crypto.seal_again(settings, user.id, user.github_refresh_token)
            count += 1
        session.add(user)
    return count


def _locked(session: Session, username: str) -> User:
    found = session.exec(select(User).where(func.lower(User.username) == username.lower()).with_for_update()).first()
    if found is None:
        raise NotFound(f"Nobody called {username} has signed in yet.")
    return found

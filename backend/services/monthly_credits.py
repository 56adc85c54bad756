"""What tiers give their people each month: once a month and tier, whenever the chore comes to it."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import and_, func, or_
from sqlmodel import Session, col, select

from backend import clock
from backend.db import lock, transaction
from backend.models import CreditTransaction, User
from backend.services import notices
from backend.services.admin import MOST_CREDITS
from backend.settings import get_settings
from backend.words import Tier

CHORE = "jobs.tasks.give_monthly_credits"
_BATCH = 200
_KEY = "month:"  # opens the keys of these entries


def due(session: Session, *, limit: int = _BATCH) -> list[UUID]:
    """Who has not been given all of this month's credits of their tier yet."""
    settings = get_settings()
    given = (
        select(func.coalesce(func.sum(CreditTransaction.amount), 0))
        .where(
            col(CreditTransaction.user_id) == User.id,
            col(CreditTransaction.created_at) >= _month(clock.now()),
            col(CreditTransaction.idempotency_key).startswith(_KEY),
        )
        .correlate(User)
        .scalar_subquery()
    )
    gifts = [(tier, settings.monthly_credits(tier)) for tier in Tier if settings.monthly_credits(tier)]
    if not gifts:
        return []
    statement = select(User.id).where(
        or_(
            *[
                and_(col(User.subscription_tier) == tier.value, given < gift, col(User.credits) <= MOST_CREDITS - gift)
                for tier, gift in gifts
            ]
        ),
        col(User.deleted_at).is_(None),
        col(User.disabled_at).is_(None),
    )
    return list(session.exec(statement.limit(limit)))


def give(session: Session, user_id: UUID) -> int:
    """Gives a person what their tier gives in this month and they have not had yet; returns how much.

    Who moves up within a month gets the difference, who moves down keeps what they have. Twice is once.
    """
    user = lock(session, User, user_id)
    month, tier = _month(clock.now()), Tier(user.subscription_tier)
    mine = f"{_KEY}{user.id}:{month:%Y-%m}:"
    earlier = session.exec(
        select(CreditTransaction.amount).where(
            CreditTransaction.user_id == user.id, col(CreditTransaction.idempotency_key).startswith(mine)
        )
    ).all()
    amount = get_settings().monthly_credits(tier) - sum(earlier)
    if user.is_shut_out or amount <= 0 or user.credits + amount > MOST_CREDITS:
        return 0
    key = f"{mine}{tier.value}"
    user.credits += amount
    words = f"Credits of {month:%B %Y}, tier {tier.value}"
    session.add(user)
    session.add(
        CreditTransaction(
            user_id=user.id, type="credit", amount=amount, held_delta=0, idempotency_key=key, description=words
        )
    )
    session.flush()
    notices.tell(session, user.id, notices.CREDITS, {})
    return amount


def give_all() -> int:
    """Gives everybody theirs, each in a transaction of their own; returns how many got something."""
    given = 0
    while waiting := _due():
        for user_id in waiting:
            with transaction() as session:
                given += give(session, user_id) > 0
    return given


def _due() -> list[UUID]:
    with transaction() as session:
        return due(session)


def _month(moment: datetime) -> datetime:
    """When the month began, in UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

"""What tiers give their people each month: once a month and tier, whenever the chore comes to it."""

from datetime import UTC, datetime, timedelta
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
_LONGEST_MONTH = timedelta(days=32)


def due(session: Session, *, limit: int = _BATCH) -> list[UUID]:
    """Who has not been given all of this month's credits of their tier yet."""
    settings = get_settings()
    mine = func.concat(_KEY, User.id, f":{_month(clock.now())}:%")
    given = (
        select(func.coalesce(func.sum(CreditTransaction.amount), 0))
        .where(
            col(CreditTransaction.user_id) == User.id,
            col(CreditTransaction.created_at) >= clock.now() - _LONGEST_MONTH,
            col(CreditTransaction.idempotency_key).like(mine),
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
    user, now = lock(session, User, user_id), clock.now()
    tier = Tier(user.subscription_tier)
    mine = f"{_KEY}{user.id}:{_month(now)}:"
    earlier = session.exec(
        select(CreditTransaction.amount).where(
            CreditTransaction.user_id == user.id, col(CreditTransaction.idempotency_key).startswith(mine)
        )
    ).all()
    total = get_settings().monthly_credits(tier)
    amount = total - sum(earlier)
    if user.is_shut_out or amount <= 0 or user.credits + amount > MOST_CREDITS:
        return 0
    key = f"{mine}{tier.value}:{total}"  # the operator may make the share larger within the month
    user.credits += amount
    words = f"Credits of {now.astimezone(UTC):%B %Y}, tier {tier.value}"
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
        before = given
        for user_id in waiting:
            with transaction() as session:
                given += give(session, user_id) > 0
        if given == before:
            break
    return given


def _due() -> list[UUID]:
    with transaction() as session:
        return due(session)


def _month(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m")

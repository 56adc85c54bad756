"""The ledger: hold before, settle after, release the rest. Whole credits; append-only; each key once.

One credit is one US cent of model cost with the model's margin on it, rounded up once per settlement. After
TigerBeetle's two-phase transfers.
"""

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend import clock
from backend.db import lock
from backend.errors import Conflict, DailyLimit, NotEnoughCredits, NotFound
from backend.models import AiModel, CreditTransaction, TaskRun, User
from backend.providers.base import Prices
from backend.services import notices
from backend.settings import get_settings
from backend.words import Tier

MICRO_PER_CREDIT = 10_000
PER_WHOLE = 10_000  # a margin is in hundredths of a percent of the provider's price
WELCOME = 100
WARN_AT = 0.8  # of what a run may cost


@dataclass(frozen=True)
class Balance:
    """Whole credits: what is there, what runs hold of it, what may be spent."""

    credits: int
    held: int

    @property
    def available(self) -> int:
        """The balance without what is held."""
        return self.credits - self.held


@dataclass(frozen=True)
class Today:
    """What a person has used or holds since midnight UTC, and what their tier allows; whole credits.

    `limit` is None where there is none.
    """

    used: int
    limit: int | None
    seconds_left: int

    @property
    def left(self) -> int | None:
        """What may still be held today."""
        return None if self.limit is None else max(0, self.limit - self.used)


def today(session: Session, user: User) -> Today:
    """What the person used today: charged and not given back, or held just now, since whenever."""
    now = clock.now().astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    charged = session.exec(
        select(func.coalesce(-func.sum(CreditTransaction.amount), 0)).where(
            CreditTransaction.user_id == user.id,
            col(CreditTransaction.created_at) >= midnight,
            col(CreditTransaction.type).in_(("debit", "refund")),
        )
    ).one()
    held = session.exec(select(User.credits_held).where(User.id == user.id)).one()
    limit = get_settings().daily_credits(Tier(user.subscription_tier))
    seconds = int((midnight + timedelta(days=1) - now).total_seconds()) + 1
    return Today(max(0, int(charged)) + held, limit, seconds)


def to_credits(cost_micro: int, margin: int = 0) -> int:
    """Micro-dollars of the provider's price in whole credits with the margin on it, rounded up once."""
    return -(-cost_micro * (PER_WHOLE + margin) // (MICRO_PER_CREDIT * PER_WHOLE))


def buys(amount: int, margin: int) -> int:
    """What so many credits pay for, in micro-dollars of the provider's price: `to_credits` of it is never more."""
    return amount * MICRO_PER_CREDIT * PER_WHOLE // (PER_WHOLE + margin)


def in_dollars(amount: int) -> str:
    """Whole credits as the US cents they are: `$0.12`."""
    return f"${amount / 100:.2f}"


def balance(session: Session, user: User) -> Balance:
    """The person's balance as it is now."""
    row = session.exec(select(User.credits, User.credits_held).where(User.id == user.id)).one()
    return Balance(*row)


def prices(model: AiModel) -> Prices | None:
    """What the provider asks, None while nobody knows: such a model cannot be used. What an admin gave is flat."""
    if model.input_price is None or model.output_price is None:
        return None
    listed = None if model.is_price_given else listed_price(model)
    return Prices(
        input=model.input_price,
        output=model.output_price,
        cache_read=model.input_price if model.cache_read_price is None else model.cache_read_price,
        cache_write=model.input_price if model.cache_write_price is None else model.cache_write_price,
        dearer=listed.dearer if listed else (),
    )


def listed_price(model: AiModel) -> Prices | None:
    """What the price list said when it was last read, None where it does not know the model."""
    return _read(model.list_price) if model.list_price else None


def hold(session: Session, user_id: UUID, run: TaskRun, amount: int, *, key: str) -> None:
    """Holds `amount` for a run, once per key.

    Raises NotEnoughCredits, DailyLimit, or Conflict for the same key with another amount.
    """
    user = _spender(session, user_id)
    if _already(session, key, held_delta=amount):
        return
    if user.credits - user.credits_held < amount:
        raise NotEnoughCredits(amount, user.credits - user.credits_held)
    daily = today(session, user)
    if daily.limit is not None and daily.used + amount > daily.limit:
        raise DailyLimit(amount, daily.left or 0, daily.limit, retry_after=daily.seconds_left)
    user.credits_held += amount
    run.held += amount
    _write(session, user_id, run, "hold", 0, amount, key, "Held for the run")


def allow(session: Session, user_id: UUID, run: TaskRun, amount: int) -> None:
    """Lets a run on the person's own key cost `amount` more: nothing is held. Raises NotFound for a deleted account."""
    _spender(session, user_id)
    run.budget += amount


def settle(session: Session, user_id: UUID, run: TaskRun, actual: int, *, refund: bool = False) -> int:
    """Charges min(actual, held), releases the rest, and gives the charge back for a fault of ours. Returns the charge.

    A hold resolves at most once: again, it returns what was charged then. On the person's own key nothing was held and
    nothing is charged: the ledger has no row of such a run.
    """
    user = lock(session, User, user_id)
    if run.charged is not None:
        return run.charged
    if run.own_key:
        run.charged = 0
        return 0
    charge = min(actual, run.held)
    rest = run.held - charge
    user.credits -= charge
    user.credits_held -= run.held
    user.total_credits_used += charge
    run.charged = charge
    if charge:
        _write(session, user_id, run, "debit", -charge, -charge, f"run:{run.id}:debit", "Task execution")
    if rest:
        _write(session, user_id, run, "release", 0, -rest, f"run:{run.id}:release", "Rest of the hold given back")
    if refund and charge:
        user.credits += charge
        user.total_credits_used -= charge
        _write(session, user_id, run, "refund", charge, 0, f"run:{run.id}:refund", "Given back: a fault on our side")
    session.flush()
    notices.tell(session, user_id, notices.CREDITS, {"task_id": str(run.task_id)})
    return charge


def welcome(session: Session, user: User) -> None:
    """Writes the first balance as a bonus row, once per person."""
    key = f"user:{user.id}:welcome"
    if _already(session, key, held_delta=0):
        return
    session.add(
        CreditTransaction(
            user_id=user.id, type="bonus", amount=WELCOME, held_delta=0, idempotency_key=key, description="Free credits"
        )
    )
    session.flush()


def unbalanced(session: Session) -> list[str]:
    """The usernames whose row and ledger disagree; empty is right. `doctor` shows it on live data."""
    sums = (
        select(
            CreditTransaction.user_id,
            func.sum(CreditTransaction.amount).label("amount"),
            func.sum(CreditTransaction.held_delta).label("held"),
        )
        .group_by(col(CreditTransaction.user_id))
        .subquery()
    )
    rows = session.exec(
        select(User.username)
        .outerjoin(sums, col(User.id) == sums.c.user_id)
        .where((func.coalesce(sums.c.amount, 0) != User.credits) | (func.coalesce(sums.c.held, 0) != User.credits_held))
    )
    return list(rows)


def _read(price: dict[str, Any]) -> Prices:
    return Prices(**{**price, "dearer": tuple(_read(dear) for dear in price["dearer"])})


def _spender(session: Session, user_id: UUID) -> User:
    """Whose money begins to move. A submit may have waited behind the deletion of the account, or its disabling."""
    user = lock(session, User, user_id)
    if user.is_shut_out:
        raise NotFound("The person no longer exists.")
    return user


def _already(session: Session, key: str, *, held_delta: int) -> bool:
    earlier = session.exec(select(CreditTransaction).where(CreditTransaction.idempotency_key == key)).first()
    if earlier is None:
        return False
    if earlier.held_delta != held_delta:
        raise Conflict("This was already done with another amount.")
    return True


def _write(
    session: Session, user_id: UUID, run: TaskRun, kind: str, amount: int, held_delta: int, key: str, words: str
) -> None:
    session.add(
        CreditTransaction(
            user_id=user_id,
            task_id=run.task_id,
            run_id=run.id,
            type=kind,
            amount=amount,
            held_delta=held_delta,
            idempotency_key=key,
            description=words,
        )
    )
    session.flush()

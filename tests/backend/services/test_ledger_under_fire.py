"""The ledger against a model of it, and under threads that crash between its steps."""

from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import select

from backend import db
from backend.db import lock
from backend.errors import Conflict, NotEnoughCredits
from backend.github.types import Profile, Token
from backend.models import CreditTransaction, TaskRun, User
from backend.services import admin, audit, auth, credits
from tests import hammer
from tests.conftest import People

AMOUNTS = some.integers(1, 150)


class Ledger(RuleBasedStateMachine):
    """One person's money, beside three numbers and a set of keys."""

    people: People
    runs = Bundle("runs")
    settled = Bundle("settled")

    def __init__(self) -> None:
        super().__init__()
        number = uuid4().int >> 66
        with db.transaction() as session:
            profile = Profile(number, f"p{number}", None, None, None)
            self.user_id = auth.sign_in(session, profile, Token("t", None, None, ()), "test")[0].id
        self.credits, self.used = credits.WELCOME, 0
        self.held: dict[UUID, int] = {}  # of runs that are open
        self.keys: dict[str, int] = {}

    @rule(target=runs, amount=AMOUNTS, dies=some.booleans())
    def hold(self, amount: int, dies: bool):
        """A run begins, if it can be afforded and nobody dies before the commit."""
        try:
            with db.transaction() as session:
                run_id = hammer.begin(session, self.user_id, self.people.sample, self.people.model)
                credits.hold(session, self.user_id, lock(session, TaskRun, run_id), amount, key=f"run:{run_id}:hold")
                if dies:
                    raise hammer.Crashed
        except NotEnoughCredits as error:
            assert error.available == self.available < amount
            return multiple()
        except hammer.Crashed:
            return multiple()
        self.held[run_id], self.keys[f"run:{run_id}:hold"] = amount, amount
        return run_id

    @rule(run_id=runs, amount=AMOUNTS, number=some.integers(0, 2))
    def hold_more(self, run_id: UUID, amount: int, number: int) -> None:
        """More is held, once per key; the same key with another amount is refused."""
        key = f"{run_id}:more:{number}"
        try:
            with db.transaction() as session:
                credits.hold(session, self.user_id, lock(session, TaskRun, run_id), amount, key=key)
        except Conflict:
            assert self.keys.get(key, amount) != amount
        except NotEnoughCredits:
            assert key not in self.keys and self.available < amount
        else:
            if key not in self.keys:
                self.held[run_id] += amount
            assert self.keys.setdefault(key, amount) == amount

    @rule(target=settled, run_id=consumes(runs), actual=some.integers(0, 300), refund=some.booleans())
    def settle(self, run_id: UUID, actual: int, refund: bool) -> tuple[UUID, int]:
        """A run ends: what was used is charged, at most what was held, and a fault of ours given back."""
        with db.transaction() as session:
            charged = credits.settle(session, self.user_id, lock(session, TaskRun, run_id), actual, refund=refund)
        assert charged == min(actual, self.held.pop(run_id))
        if not refund:
            self.credits, self.used = self.credits - charged, self.used + charged
        return run_id, charged

    @rule(ended=settled, actual=some.integers(0, 300), refund=some.booleans())
    def settle_again(self, ended: tuple[UUID, int], actual: int, refund: bool) -> None:
        """Twice is once."""
        with db.transaction() as session:
            run = lock(session, TaskRun, ended[0])
            assert credits.settle(session, self.user_id, run, actual, refund=refund) == ended[1]

    @rule(amount=AMOUNTS, number=some.integers(0, 3))
    def give(self, amount: int, number: int) -> None:
        """An admin gives credits, once per key."""
        key = f"{self.user_id}:gift:{number}"
        try:
            with db.transaction() as session:
                admin.give(session, lock(session, User, self.user_id), amount, "A gift", audit.OPERATOR, key=key)
        except Conflict:
            assert self.keys.get(key, amount) != amount
        else:
            self.credits += amount if key not in self.keys else 0
            assert self.keys.setdefault(key, amount) == amount

    @property
    def available(self) -> int:
        return self.credits - sum(self.held.values())

    @invariant()
    def the_tables_say_the_same(self) -> None:
        """Balance, held and used; the sums of the rows; each key once."""
        with db.transaction() as session:
            user = session.get_one(User, self.user_id)
            rows = session.exec(select(CreditTransaction).where(CreditTransaction.user_id == self.user_id)).all()
        assert (user.credits, user.credits_held) == (self.credits, sum(self.held.values()))
        assert sum(row.amount for row in rows) == user.credits
        assert sum(row.held_delta for row in rows) == user.credits_held
        assert user.total_credits_used == self.used and 0 <= user.credits_held <= user.credits
        assert len({row.idempotency_key for row in rows}) == len(rows)


def test_whatever_happens_in_whatever_order_the_ledger_is_what_a_few_numbers_say(people: People) -> None:
    Ledger.people = people
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    bounds = settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=slow, database=None)
    run_state_machine_as_test(Ledger, settings=bounds)
    with db.transaction() as session:
        assert credits.unbalanced(session) == []


@pytest.mark.timeout(120)
def test_sixty_four_threads_that_crash_between_the_steps_leave_exact_sums(people: People) -> None:
    ground = hammer.prepare()
    book = hammer.hammer(ground, 64, 12, seed=5)
    assert hammer.faults(ground, book) == []
    assert {"given", "held", "held more", "settled", "Crashed", "Unavailable"} <= set(book.done)

"""The ledger: sums exact, never negative, each key once."""

import threading
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from backend import db
from backend.errors import Conflict, NotEnoughCredits, Unavailable
from backend.models import CreditTransaction, TaskRun, User
from backend.services import credits, ledger, runs, tasks
from backend.services.runs import End
from backend.words import Failure, Priority, Status, TaskType
from tests.conftest import People


def draft(people: People, prompt: str = "Fix the rounding") -> tasks.Draft:
    return tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, prompt)


def submit(people: People, prompt: str = "Fix the rounding") -> TaskRun:
    with db.transaction() as session:
        task = tasks.submit(session, people.alice, draft(people, prompt))
        return session.exec(select(TaskRun).where(TaskRun.task_id == task.id)).one()


def finish(run: TaskRun, cost_micro: int, failure: Failure | None = None) -> None:
    with db.transaction() as session:
        status = Status.FAILED if failure else Status.COMPLETED
        session.execute(
            text("UPDATE task_runs SET cost_micro = :cost WHERE id = :id"), {"cost": cost_micro, "id": run.id}
        )
        runs.end(session, run.id, run.fence, End(status, "", failure=failure))


def balance(people: People) -> credits.Balance:
    with db.transaction() as session:
        return credits.balance(session, people.alice)


def kinds(session: Session, run: TaskRun) -> list[tuple[str, int, int]]:
    rows = session.exec(select(CreditTransaction).where(CreditTransaction.run_id == run.id))
    return sorted((row.type, row.amount, row.held_delta) for row in rows)


def test_everyone_starts_with_a_hundred_credits_as_a_bonus_row_once(people: People) -> None:
    with db.transaction() as session:
        alice = session.get(User, people.alice.id)
        assert alice is not None
        credits.welcome(session, alice)
        assert credits.unbalanced(session) == []
        assert [row.amount for row in ledger.entries(session, alice).rows] == [100]


def test_a_settlement_charges_what_was_used_and_gives_the_rest_back(people: People) -> None:
    run = submit(people)
    assert balance(people) == credits.Balance(100, run.held)
    finish(run, cost_micro=31_000)
    assert balance(people) == credits.Balance(96, 0)
    with db.transaction() as session:
        assert kinds(session, run) == [("debit", -4, -4), ("hold", 0, run.held), ("release", 0, -(run.held - 4))]


def test_the_ledger_tells_a_settlement_in_the_order_in_which_it_happened(people: People) -> None:
    run = submit(people)
    finish(run, cost_micro=31_000, failure=Failure.INTERNAL_ERROR)
    with db.transaction() as session:
        told = [row.kind for row in ledger.entries(session, people.alice).rows]
    assert told == ["refund", "release", "debit", "hold", "bonus"], "newest first"


def test_a_settlement_never_charges_more_than_was_held(people: People) -> None:
    run = submit(people)
    finish(run, cost_micro=10_000_000)
    assert balance(people) == credits.Balance(100 - run.held, 0)


def test_a_fault_of_ours_is_a_debit_and_a_refund_both_visible(people: People) -> None:
    run = submit(people)
    finish(run, cost_micro=31_000, failure=Failure.INTERNAL_ERROR)
    assert balance(people) == credits.Balance(100, 0)
    with db.transaction() as session:
        assert ("refund", 4, 0) in kinds(session, run)
        assert credits.unbalanced(session) == []


def test_ending_twice_settles_once(people: People) -> None:
    run = submit(people)
    finish(run, cost_micro=31_000)
    finish(run, cost_micro=99_000)
    assert balance(people) == credits.Balance(96, 0)


def test_what_cannot_be_afforded_is_refused_before_anything_is_written(people: People) -> None:
    held = submit(people).held
    while balance(people).available >= held:
        submit(people)
    with pytest.raises(NotEnoughCredits) as refused, db.transaction() as session:
        tasks.submit(session, people.alice, draft(people))
    assert refused.value.status == 402
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        count = session.execute(text("SELECT count(*) FROM tasks")).scalar_one()
        assert count == 100 // held


def test_of_parallel_submits_with_credit_for_one_exactly_one_is_accepted(people: People) -> None:
    held = submit(people).held
    while balance(people).available >= 2 * held:
        submit(people)
    outcomes: list[str] = []

    def attempt() -> None:
        while True:
            try:
                submit(people)
                outcomes.append("accepted")
            except NotEnoughCredits:
                outcomes.append("refused")
            except Unavailable:  # so many wait for a connection that one gives up: it asks again, as a browser does
                continue
            return

    threads = [threading.Thread(target=attempt) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted"] + ["refused"] * 199
    with db.transaction() as session:
        assert credits.unbalanced(session) == []


def test_the_same_key_with_another_amount_is_an_error(people: People) -> None:
    run = submit(people)
    key = str(uuid4())
    with db.transaction() as session:
        credits.hold(session, people.alice.id, run, 3, key=key)
        credits.hold(session, people.alice.id, run, 3, key=key)
        assert credits.balance(session, people.alice).held == run.held
    with pytest.raises(Conflict), db.transaction() as session:
        credits.hold(session, people.alice.id, run, 4, key=key)


@pytest.mark.parametrize("statement", ["UPDATE credit_transactions SET amount = 1", "DELETE FROM credit_transactions"])
def test_the_ledger_refuses_to_be_changed(people: People, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), db.transaction() as session:
        session.execute(text(statement))


def test_the_table_itself_refuses_a_negative_balance(people: People) -> None:
    with pytest.raises(IntegrityError, match="held_within_credits"), db.transaction() as session:
        session.execute(text("UPDATE users SET credits_held = credits + 1"))

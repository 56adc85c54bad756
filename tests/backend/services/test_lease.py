"""A worker hears its person within a second and writes its lease every five."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import StaleFence, Unavailable
from backend.services import credits, tasks
from backend.services.lease import BEAT_SECONDS, LISTEN_SECONDS, Lease
from tests.backend.services.worker import claim, expire_lease, run_of, submit, take_over
from tests.conftest import People

NEVER = 1_000.0


def until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_worker_listens_more_often_than_it_writes(people: People, statements: list[str]) -> None:
    assert (LISTEN_SECONDS, BEAT_SECONDS) == (1.0, 5.0)
    submit(people)
    mine = claim()
    statements.clear()
    with Lease(mine, listen=0.01, beat=NEVER):
        until(lambda: len(statements) >= 20)
    written = [one for one in statements if one.startswith("UPDATE")]
    assert len(written) == 1, "when it began"
    assert all(" FROM task_runs WHERE" in one for one in statements if one.startswith("SELECT"))


def test_every_beat_puts_the_leases_end_off(people: People) -> None:
    task_id = submit(people)
    mine = claim()

    def has_long() -> bool:
        with db.transaction() as session:
            asked = text("SELECT lease_expires_at > now() + interval '15 s' FROM task_runs WHERE task_id = :id")
            return bool(session.execute(asked, {"id": task_id}).scalar_one())

    with Lease(mine, listen=0.01, beat=0.02):
        expire_lease()
        until(has_long)


def test_a_stop_and_more_credits_are_heard_without_asking(people: People) -> None:
    task_id = submit(people)
    with Lease(claim(), listen=0.01, beat=NEVER) as lease:
        with db.transaction() as session:
            tasks.add_credits(session, people.alice, task_id, key="click")
            limit = run_of(task_id, session).held * credits.MICRO_PER_CREDIT
            tasks.follow_up(session, people.alice, task_id, "and the tests")
        orders = lease.poll()
        assert (orders.hold_micro, [one.text for one in orders.messages]) == (limit, ["and the tests"])
        with db.transaction() as session:
            tasks.cancel(session, people.alice, task_id)
        until(lease.cancelled)


def test_the_run_of_somebody_who_is_disabled_is_stopped(people: People) -> None:
    submit(people)
    with Lease(claim(), listen=0.01, beat=NEVER) as lease:
        assert not lease.poll().cancelled
        with db.transaction() as session:
            session.execute(text("UPDATE users SET disabled_at = now() WHERE username = 'alice'"))
        until(lease.cancelled)


def test_whoever_lost_the_run_hears_that_and_keeps_no_lease(people: People) -> None:
    submit(people)
    stale = claim()
    with Lease(stale, listen=0.01, beat=NEVER) as lease:
        expire_lease()
        take_over()
        claim()
        until(lease.cancelled)
        with pytest.raises(StaleFence):
            lease.poll()
    with pytest.raises(StaleFence), Lease(stale):
        pass


def test_while_the_database_is_away_the_last_orders_stand_and_no_message_is_read_twice(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise Unavailable("away")

    task_id = submit(people)
    with db.transaction() as session:
        limit = run_of(task_id, session).held * credits.MICRO_PER_CREDIT
    with Lease(claim(), listen=NEVER) as lease:
        with db.transaction() as session:
            tasks.follow_up(session, people.alice, task_id, "and the tests")
        assert len(lease.poll().messages) == 1
        with environment.context() as patched:
            patched.setattr(lease, "_hear", lambda **_: away())
            orders = lease.poll()
        assert (orders.hold_micro, list(orders.messages)) == (limit, [])

"""Webhook deliveries: a burst is one job, a broken one holds nobody up, and none is given up or tried too soon."""

from typing import Any
from uuid import uuid4

from sqlalchemy import text

from backend import clock, db, redis
from backend.queue import CHORES, queue, ring_chore, waiting
from backend.services import deliveries
from backend.settings import get_settings
from jobs import tasks as chores
from jobs.schedule import SWEEP_SECONDS
from tests.conftest import People

# What GitHub never sends, and what no transaction survives: a pull request's id that does not fit its column.
POISON = 2**70


def body(github_id: int = 1) -> dict[str, Any]:
    return {
        "action": "closed",
        "repository": {"id": 11},
        "pull_request": {
            "id": github_id,
            "number": 7,
            "title": "Round once",
            "state": "open",
            "html_url": "http://127.0.0.1:3001/alice/sample-shop/pull/7",
            "head": {"ref": "fix", "sha": "a" * 40},
            "base": {"ref": "main", "sha": "b" * 40},
            "updated_at": clock.now().isoformat(),
        },
    }


def store(*github_ids: int) -> list[str]:
    """Deliveries as the door stores them, each in a transaction of its own."""
    names = [str(uuid4()) for _ in github_ids]
    for name, github_id in zip(names, github_ids, strict=True):
        with db.transaction() as session:
            deliveries.store(session, name, "pull_request", body(github_id))
    return names


def rows() -> dict[str, tuple[bool, int, str | None]]:
    """Whether each delivery is applied, how often it was tried, and what became of it; in the order of application."""
    with db.transaction() as session:
        found = session.execute(
            text(
                "SELECT delivery_id, processed_at IS NOT NULL, attempts, error FROM webhook_deliveries"
                " ORDER BY processed_at"
            )
        )
        return {row[0]: (row[1], row[2], row[3]) for row in found}


def age(seconds: float) -> None:
    with db.transaction() as session:
        session.execute(
            text("UPDATE webhook_deliveries SET received_at = received_at - make_interval(secs => :age)"),
            {"age": seconds},
        )


def forget_bell() -> None:
    redis.client(get_settings().resolved_redis_url).flushdb()


def test_a_burst_rings_once_and_one_job_applies_all_in_the_order_they_came(people: People) -> None:
    names = store(*range(300))
    assert waiting(CHORES) == 1
    chores.apply_deliveries()
    assert list(rows().items()) == [(name, (True, 1, None)) for name in names]


def test_what_comes_while_a_job_works_rings_anew(people: People) -> None:
    store(1)
    queue(CHORES).empty()
    chores.apply_deliveries()
    store(2)
    assert waiting(CHORES) == 1


def test_a_broken_delivery_holds_nobody_up_and_is_not_tried_twice_in_one_go(people: People) -> None:
    first, poison, *others = store(1, POISON, 2, 3)
    chores.apply_deliveries()
    told = rows()
    assert told.pop(poison) == (False, 1, "DataError")
    assert list(told) == [first, *others] and all(is_applied for is_applied, _, _ in told.values())


def test_a_broken_delivery_is_tried_later_and_five_times_at_most(people: People) -> None:
    (poison,) = store(POISON)
    for tries in (1, 1, 2, 3, 4, 5, 5):
        if tries > 1:
            age(deliveries.RETRY_SECONDS)
        deliveries.apply_all()
        assert rows()[poison][1] == tries


def test_githubs_redelivery_of_one_given_up_is_tried_afresh(people: People) -> None:
    (name,) = store(1)
    with db.transaction() as session:
        session.execute(text("UPDATE webhook_deliveries SET attempts = 5, error = 'DataError'"))
    assert deliveries.apply_all() == 0
    forget_bell()
    with db.transaction() as session:
        assert not deliveries.store(session, name, "pull_request", body())
    assert waiting(CHORES) == 1
    assert deliveries.apply_all() == 1
    assert rows()[name] == (True, 1, None)


def test_a_redelivery_of_an_applied_one_rings_nobody(people: People) -> None:
    (name,) = store(1)
    deliveries.apply_all()
    forget_bell()
    with db.transaction() as session:
        deliveries.store(session, name, "pull_request", body())
    assert waiting(CHORES) == 0


def test_the_sweep_leaves_young_deliveries_to_their_own_ring(people: People) -> None:
    store(1)
    age(60)
    store(2)
    with db.transaction() as session:
        assert len(deliveries.waiting(session, older_than_seconds=5)) == 1
        assert len(deliveries.waiting(session)) == 2


def test_deliveries_go_before_other_chores(people: People) -> None:
    ring_chore("poll_pull_requests")
    store(1)
    assert [job.func_name for job in queue(CHORES).jobs] == [
        "jobs.tasks.apply_deliveries",
        "jobs.tasks.poll_pull_requests",
    ]


def test_a_ring_that_nobody_hears_is_rung_again_by_the_next_sweeps(people: People) -> None:
    ring_chore("apply_deliveries")
    lasts: Any = redis.client(get_settings().resolved_redis_url).ttl("bell:apply_deliveries")
    assert 0 < lasts <= SWEEP_SECONDS

"""The sweep makes up for every lost ring, and one process sweeps at a time."""

import threading
import time
from uuid import uuid4

import pytest
from sqlalchemy import text

from backend import db, redis
from backend.models import Trigger
from backend.queue import CHORES, RUNS, waiting
from backend.services import claims, deliveries, tasks
from backend.settings import get_settings
from backend.words import Priority, TaskType
from jobs import schedule
from jobs import tasks as chores
from tests.conftest import People, forget_settings


def submit(people: People) -> None:
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        tasks.submit(session, people.alice, draft)


def flush() -> None:
    redis.client(get_settings().resolved_redis_url).flushdb()


def test_a_submit_rings_and_after_a_flush_the_sweep_rings_again_once(people: People) -> None:
    submit(people)
    assert waiting(RUNS) == 1
    flush()
    schedule.sweep()
    schedule.sweep()
    assert waiting(RUNS) == 1


def test_with_redis_away_a_submit_is_kept_and_the_sweep_rings_later(people: People) -> None:
    url = get_settings().resolved_redis_url
    redis.client(url).execute_command("CLIENT PAUSE 1")
    submit(people)
    flush()
    schedule.sweep()
    with db.transaction() as session:
        assert claims.claimable(session) == waiting(RUNS) == 1


def test_the_sweep_takes_over_a_run_whose_worker_is_gone(people: People) -> None:
    submit(people)
    with db.transaction() as session:
        claims.claim(session, "gone")
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET lease_expires_at = now() - interval '1 s'"))
    flush()
    schedule.sweep()
    with db.transaction() as session:
        assert claims.claimable(session) == 1
    assert waiting(RUNS) == 1


def test_the_sweep_rings_for_deliveries_that_nobody_applied(people: People) -> None:
    with db.transaction() as session:
        deliveries.store(session, str(uuid4()), "ping", {})
    flush()
    with db.transaction() as session:
        session.execute(text("UPDATE webhook_deliveries SET received_at = now() - interval '1 min'"))
    schedule.sweep()
    schedule.sweep()
    assert waiting(CHORES) == 1


def test_the_sweep_rings_for_what_github_is_to_be_told_and_no_more_once_it_is(people: People) -> None:
    row = Trigger(origin="comment:1", repository_id=people.sample, user_id=people.alice.id, number=1)
    with db.transaction() as session:
        session.add(row)
    for closed, expected in (("NULL", 1), ("now()", 0)):
        with db.transaction() as session:
            session.execute(text(f"UPDATE triggers SET closed_at = {closed}"))
        flush()
        schedule.sweep()
        assert waiting(CHORES) == expected


def test_of_two_schedulers_one_serves_and_the_other_follows_when_it_ends(database: str) -> None:
    served: list[str] = []
    stops = {name: threading.Event() for name in ("first", "second")}

    def serve(name: str) -> None:
        timer = schedule.Timer("count", 0.05, lambda: served.append(name))
        with db.engine().connect() as connection:
            schedule.serve(connection.execution_options(isolation_level="AUTOCOMMIT"), stops[name], [timer])

    threads = {name: threading.Thread(target=serve, args=(name,)) for name in stops}
    threads["first"].start()
    while not served:
        stops["second"].wait(0.01)
    threads["second"].start()
    stops["first"].wait(0.5)
    assert set(served) == {"first"}
    stops["first"].set()
    threads["first"].join()
    while "second" not in served:
        stops["second"].wait(0.01)
    stops["second"].set()
    threads["second"].join()


def test_after_an_outage_the_first_sweep_comes_only_after_the_grace(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    def holders() -> list[int]:
        with db.transaction() as session:
            return list(
                session.execute(text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")).scalars()
            )

    swept: list[float] = []
    stop = threading.Event()
    timer = schedule.Timer("count", 0.05, lambda: swept.append(time.monotonic()))
    with environment.context() as patched:
        patched.setitem(vars(schedule), "LOCK_SECONDS", 0.1)
        patched.setitem(vars(schedule), "GRACE_SECONDS", 1.5)
        thread = threading.Thread(target=schedule.keep_serving, args=(stop, [timer]))
        thread.start()
        while not swept:
            stop.wait(0.01)
        [before] = holders()
        gone = time.monotonic()
        with db.transaction() as session:
            session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
        while not [pid for pid in holders() if pid != before]:
            stop.wait(0.01)
        known = len(swept)
        while len(swept) == known:
            stop.wait(0.01)
        stop.set()
        thread.join()
    assert swept[known] - gone > 1.5, "workers had their moment after the lock was back"


def test_a_look_while_the_database_is_away_finds_nothing_and_breaks_nothing(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    forget_settings()
    chores.look()

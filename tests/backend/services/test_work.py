"""What admins see of the queue, and what pausing it does."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from backend import clock, db
from backend.errors import Conflict, Forbidden, NotFound
from backend.models import AuditEntry, Deployment, User
from backend.services import claims, credits, runs, tasks, work
from backend.words import Priority, Status
from tests.backend.services.worker import claim, run_of, submit
from tests.conftest import People


@pytest.fixture(autouse=True)
def deployment(people: People) -> None:
    with db.transaction() as session:
        session.add(Deployment(id=1, mode="demo"))


def seen(admin: User) -> work.Work:
    with db.transaction() as session:
        return work.read(session, admin)


def test_who_runs_what_and_why_the_rest_waits_is_told_in_the_order_of_turns(people: People) -> None:
    first, second, third = (submit(people, f"Task {number}", Priority.HIGH) for number in range(3))
    other = submit(people, "Bob's", who=people.bob)
    claim(), claim()
    parked = submit(people, "Parked", Priority.HIGH)
    with db.transaction() as session:
        run = run_of(parked, session)
        run.phase, run.reason, run.until = "parked", "model_rate_limited", clock.now() + timedelta(minutes=9)
    found = seen(people.alice)
    assert {row.task_id for row in found.at_work} == {first, second}
    assert all(row.worker == "worker" and row.beat_at and row.started_at for row in found.at_work)
    assert abs((clock.now() - found.at_work[0].beat_at).total_seconds()) < 5  # type: ignore[operator]  # it is there
    assert {row.task_id: row.why for row in found.waiting} == {
        third: "alice runs 2 of 2", parked: "model_rate_limited", other: "next"
    }  # fmt: skip
    assert {row.task_id: row.may_read for row in found.waiting}[other] is False, "of others' the title alone"
    assert found.waiting_count == 3


def test_while_it_is_paused_nothing_is_begun_and_what_is_at_work_goes_on(people: People) -> None:
    before, after = submit(people), submit(people)
    mine = claim()
    for _ in range(2):
        with db.transaction() as session:
            work.pause(session, people.alice)
    with db.transaction() as session:
        assert claims.claim(session, "another") is None and claims.claimable(session) == 0
        assert tasks.page(session, people.alice, after).row.reason == "an admin has paused the queue"
        end = runs.End(Status.COMPLETED, "Done.")
        runs.end(session, mine.run_id, mine.fence, end)
        assert run_of(before, session).status == Status.COMPLETED
    found = seen(people.alice)
    assert (found.paused_by, found.at_work, [row.why for row in found.waiting]) == (
        "alice",
        [],
        ["the queue is paused"],
    )
    for _ in range(2):
        with db.transaction() as session:
            work.resume(session, people.alice)
    assert seen(people.alice).paused_at is None and claim()
    with db.transaction() as session:
        acts = [(row.act, row.login) for row in session.exec(select(AuditEntry).order_by(col(AuditEntry.seq)))]
    assert acts == [("queue_paused", "alice"), ("queue_resumed", "alice")], "each once"


def test_an_admin_stops_anybodys_run_and_only_an_admin_does(people: People) -> None:
    waits, at_work = submit(people, who=people.bob), submit(people, who=people.bob)
    claim()
    for stranger in (people.bob, people.carol):
        for refused in (work.read, work.pause, work.resume):
            with pytest.raises(Forbidden), db.transaction() as session:
                refused(session, stranger)
        with pytest.raises(Forbidden), db.transaction() as session:
            tasks.stop_for_admin(session, stranger, waits)
    for task in (waits, at_work):
        with db.transaction() as session:
            tasks.stop_for_admin(session, people.alice, task)
    with db.transaction() as session:
        ends = {run_of(task, session).status for task in (waits, at_work)}
        assert ends == {Status.CANCELLED, Status.RUNNING} and credits.unbalanced(session) == []
        assert {run_of(task, session).cancelled_by for task in (waits, at_work)} == {people.alice.id}
        ended = next(task for task in (waits, at_work) if run_of(task, session).status == Status.CANCELLED)
    with pytest.raises(Conflict, match="already ended"), db.transaction() as session:
        tasks.stop_for_admin(session, people.alice, ended)
    with pytest.raises(NotFound), db.transaction() as session:
        tasks.stop_for_admin(session, people.alice, people.shop)


def test_a_database_that_was_never_prepared_is_not_paused(people: People) -> None:
    with pytest.raises(NotFound, match="prepared"), db.transaction() as session:
        session.execute(text("DELETE FROM deployment"))
        work.pause(session, people.alice)
    submit(people)
    assert claim()

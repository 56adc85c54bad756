"""What the person says to a run that is alive: stop, finish, more credits, a message."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session

from backend import clock, db, events, rate_limit
from backend.engine.assignment import Orders, Withdrawn
from backend.errors import Conflict, TooMany
from backend.models import TaskMessage, User
from backend.services import attempts, claims, credits, lease, runs, tasks
from backend.services.claims import Claim
from backend.services.recorder import Recorder
from backend.services.runs import End
from backend.words import EventKind, Failure, Phase, Status
from tests.backend.services.worker import claim, end, expire_lease, run_of, somebody_waits, submit, take_over
from tests.conftest import People


def hand_over(mine: Claim) -> bool:
    with db.transaction() as session:
        return runs.begin_hand_over(session, mine.run_id, mine.fence, {"verdict": "verified"}, "evidence:1")


def test_a_stop_after_the_evidence_and_before_the_push_is_heard(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        runs.enter(session, mine.run_id, mine.fence, Phase.VERIFYING)
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
    assert not hand_over(mine)
    with db.transaction() as session:
        assert run_of(task_id, session).status == Status.CANCELLED
        told = [(row.kind, row.payload.get("phase")) for row in events.since(session, task_id, 0)]
        assert ("phase", "finishing") not in told and ("evidence", None) not in told


def test_what_is_being_handed_over_is_not_stopped_by_any_later_attempt_either(people: People) -> None:
    task_id = submit(people)
    assert hand_over(claim())
    expire_lease()
    take_over()
    mine = claim()
    with pytest.raises(Conflict, match="too late"), db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
    assert hand_over(mine), "twice is once"
    with db.transaction() as session:
        assert attempts.retry_later(session, mine.run_id, mine.fence, Failure.PR_CREATE_FAILED, "later")
        assert [row.kind for row in events.since(session, task_id, 0)].count("evidence") == 1


def meanwhile(first: Callable[[Session], object], second: Callable[[], object]) -> list[BaseException]:
    """Does `second` on another connection while the transaction of `first` is open: it waits for its end."""
    failed: list[BaseException] = []

    def other() -> None:
        try:
            second()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=other)
    with db.transaction() as session:
        first(session)
        thread.start()
        while not somebody_waits():
            assert thread.is_alive(), "it did not wait"
    thread.join()
    return failed


def test_stop_and_hand_over_at_the_same_time_are_told_apart_by_who_came_first(people: People) -> None:
    def stop() -> None:
        with db.transaction() as session:
            tasks.cancel(session, people.alice, task_id)

    task_id = submit(people)
    mine = claim()
    begin = partial(runs.begin_hand_over, run_id=mine.run_id, fence=mine.fence, evidence={}, name="evidence:1")
    [refused] = meanwhile(begin, stop)
    assert isinstance(refused, Conflict)
    end(mine)

    task_id = submit(people)
    mine = claim()
    answers: list[bool] = []
    failed = meanwhile(
        lambda session: tasks.cancel(session, people.alice, task_id), lambda: answers.append(hand_over(mine))
    )
    assert (failed, answers) == ([], [False])


def test_parking_frees_the_worker_keeps_the_hold_and_wakes_at_its_time(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        until = clock.now() + timedelta(minutes=20)
        runs.park(session, mine.run_id, mine.fence, reason="rate limit", until=until)
        run = run_of(task_id, session)
        assert (run.status, run.phase, run.held > 0) == (Status.PENDING, Phase.PARKED, True)
        assert claims.claim(session, "worker") is None
        session.execute(text("UPDATE task_runs SET until = now() - interval '1 s'"))
    assert claim().run_id == mine.run_id


def test_a_run_parked_for_budget_wakes_when_credits_are_added_once_per_key(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        runs.park(session, mine.run_id, mine.fence, reason="waiting for budget", until=None)
        held = run_of(task_id, session).held
    with db.transaction() as session:
        assert tasks.page(session, people.alice, task_id).actions == ["add_credits", "finish_now", "cancel"]
        tasks.add_credits(session, people.alice, task_id, key="click-1")
        tasks.add_credits(session, people.alice, task_id, key="click-1")
        assert run_of(task_id, session).held == 2 * held
    assert claim().run_id == mine.run_id


@pytest.mark.parametrize("own_key", [False, True])
@pytest.mark.parametrize(
    ("order", "phase"),
    [
        (lambda *given: tasks.cancel(*given), Phase.ENDED),
        (lambda *given: tasks.finish_now(*given), Phase.QUEUED),
        (lambda *given: tasks.add_credits(*given, key="click"), Phase.QUEUED),
        (lambda *given: None, Phase.PARKED),
    ],
)
def test_what_the_person_ordered_just_before_the_run_parks_is_heard(
    people: People, order: Callable[[Session, User, UUID], None], phase: Phase, own_key: bool
) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        if own_key:
            session.execute(text("UPDATE task_runs SET own_key = true, budget = held"))
        heard = Orders(False, False, run_of(task_id, session).limit * credits.MICRO_PER_CREDIT)
        order(session, people.alice, task_id)
    with db.transaction() as session:
        runs.park(session, mine.run_id, mine.fence, reason="budget", until=None, heard=heard)
        assert run_of(task_id, session).phase == phase


def test_an_order_that_the_engine_acted_on_does_not_wake_a_run_that_waits_for_its_provider(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        tasks.finish_now(session, people.alice, task_id)
        heard = Orders(False, True, run_of(task_id, session).held * credits.MICRO_PER_CREDIT)
        until = clock.now() + timedelta(minutes=5)
        runs.park(session, mine.run_id, mine.fence, reason="model_rate_limited", until=until, heard=heard)
        assert run_of(task_id, session).phase == Phase.PARKED


def test_a_run_that_has_not_begun_takes_no_more_credits(people: People) -> None:
    task_id = submit(people)
    with db.transaction() as session, pytest.raises(Conflict, match="not begun"):
        tasks.add_credits(session, people.alice, task_id, key="click")
    claim()
    with db.transaction() as session:
        held = run_of(task_id, session).held
        tasks.add_credits(session, people.alice, task_id, key="click")
        assert run_of(task_id, session).held == 2 * held


def test_cancelling_a_waiting_run_ends_it_at_once_and_gives_the_hold_back(people: People) -> None:
    task_id = submit(people)
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
    with db.transaction() as session:
        assert run_of(task_id, session).status == Status.CANCELLED
        assert credits.balance(session, people.alice) == credits.Balance(100, 0)


def test_cancelling_a_running_run_is_an_order_that_its_worker_hears(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
        assert lease.listen(session, mine)[0].cancelled


def test_a_message_belongs_to_the_run_that_runs_and_can_be_withdrawn(people: People) -> None:
    task_id = submit(people)
    claim()
    with db.transaction() as session:
        message = tasks.follow_up(session, people.alice, task_id, "and the tests")
        assert isinstance(message, TaskMessage)
        tasks.withdraw(session, people.alice, message.id)
        assert tasks.page(session, people.alice, task_id).queued_messages == []


def test_a_message_withdrawn_just_before_it_is_read_leaves_no_trace(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        message = tasks.follow_up(session, people.alice, task_id, "and the tests")
    with db.transaction() as session:
        tasks.withdraw(session, people.alice, message.id)
    with pytest.raises(Withdrawn):
        Recorder(task_id, mine).emit(EventKind.USER_MESSAGE, {"text": "and the tests", "message_id": str(message.id)})
    with db.transaction() as session:
        assert "user_message" not in [row.kind for row in events.since(session, task_id, 0)]


def test_what_breaks_after_the_person_said_stop_was_stopped(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
    with db.transaction() as session:
        assert not attempts.retry_later(session, mine.run_id, mine.fence, Failure.CLONE_FAILED, "cut off")
        runs.end(session, mine.run_id, mine.fence, End(Status.FAILED, "", failure=Failure.CLONE_FAILED))
    with db.transaction() as session:
        assert run_of(task_id, session).status == Status.CANCELLED


def test_follow_ups_and_retries_are_counted_as_new_tasks_are_by_whichever_door(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    task_id = submit(people)
    with environment.context() as patched:
        patched.setattr(rate_limit, "CREATIONS", replace(rate_limit.CREATIONS, limit=2))
        with db.transaction() as session:
            tasks.cancel(session, people.alice, task_id)
        with db.transaction() as session:
            tasks.retry(session, people.alice, task_id)
            tasks.follow_up(session, people.alice, task_id, "And the tests")
        for refused in (partial(tasks.follow_up, text="And more"), tasks.retry):
            with pytest.raises(TooMany), db.transaction() as session:
                refused(session, people.alice, task_id)
    with db.transaction() as session:
        assert [one.text for one in tasks.page(session, people.alice, task_id).queued_messages] == ["And the tests"]

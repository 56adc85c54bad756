"""Claims, leases, fences, attempts: PostgreSQL decides, a stale worker is refused."""

import threading

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import RunFailed, StaleFence
from backend.github.types import RemoteRepository
from backend.services import attempts, brief, claims, credits, lease, runs, tasks
from backend.services.claims import Claim
from backend.services.recorder import Recorder
from backend.services.runs import End
from backend.words import EventKind, Failure, Phase, Priority, Status
from tests.backend.services.worker import claim, end, expire_lease, run_of, submit, take_over
from tests.conftest import People, keep, remote


def test_a_run_is_claimed_once_by_many_workers_at_once(people: People) -> None:
    submit(people)
    found: list[Claim | None] = []

    def look() -> None:
        with db.transaction() as session:
            found.append(claims.claim(session, "worker"))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in found if one]) == 1


def test_high_priority_goes_first_and_waiting_makes_up_for_it(people: People) -> None:
    low, high = submit(people, "low", Priority.LOW), submit(people, "high", Priority.HIGH)
    with db.transaction() as session:
        session.execute(
            text("UPDATE task_runs SET created_at = now() - interval '10 min' WHERE task_id = :id"), {"id": low}
        )
    first = claim()
    with db.transaction() as session:
        assert run_of(low, session).id == first.run_id
        assert run_of(high, session).status == Status.PENDING


def test_a_person_never_runs_more_than_their_tier_allows(people: People) -> None:
    for number in range(3):
        submit(people, f"task {number}")
    claim(), claim()
    with db.transaction() as session:
        assert claims.claim(session, "worker") is None


def test_only_runs_that_a_worker_would_get_keep_the_sweep_ringing(people: People) -> None:
    def waiting() -> tuple[int, bool]:
        with db.transaction() as session:
            counted = claims.claimable(session)
            found = claims.claim(session, "worker")
            session.rollback()
            return counted, found is not None

    for number in range(3):
        submit(people, f"task {number}")
    assert waiting() == (3, True)
    for refused in ("users SET disabled_at", "tasks SET deleted_at"):
        with db.transaction() as session:
            session.execute(text(f"UPDATE {refused} = now()"))
        assert waiting() == (0, False)
        with db.transaction() as session:
            session.execute(text(f"UPDATE {refused} = NULL"))
    claim(), claim()
    assert waiting() == (0, False), "the third is over the person's limit"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([remote(11, "alice/sample-shop", "read")], "not push"),
        ([remote(11, "alice/sample-shop", "admin", is_archived=True)], "archived"),
        ([], "no longer reach"),
    ],
)
def test_what_could_not_be_submitted_any_more_is_not_worked_on_either(
    people: People, found: list[RemoteRepository], words: str
) -> None:
    submit(people)
    mine = claim()
    with db.transaction() as session:
        keep(session, people.alice, *found)
    with db.transaction() as session, pytest.raises(RunFailed, match=words) as refused:
        brief.read(session, mine)
    assert refused.value.failure is Failure.ACCESS_LOST


def test_nothing_is_done_in_the_name_of_somebody_who_is_disabled(people: People) -> None:
    submit(people)
    mine = claim()
    with db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = now()"))
    with db.transaction() as session, pytest.raises(RunFailed, match="disabled") as refused:
        brief.read(session, mine)
    assert refused.value.failure is Failure.ACCESS_LOST


def test_a_model_that_takes_no_effort_is_told_none_whatever_the_one_before_it_took(people: People) -> None:
    task_id = submit(people)
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET effort = 'high'"))
        session.execute(text('UPDATE ai_models SET capabilities = \'{"efforts": ["low", "high"]}\''))
    mine = claim()
    with db.transaction() as session:
        assert brief.read(session, mine).effort == "high"
    end(mine, End(Status.FAILED, "", failure=Failure.STUCK))
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET capabilities = '{}'"))
        tasks.retry(session, people.alice, task_id, model_id=people.model)
    mine = claim()
    with db.transaction() as session:
        assert brief.read(session, mine).effort is None


def test_a_late_beat_revives_a_lease_while_the_fence_is_unchanged(people: People) -> None:
    submit(people)
    mine = claim()
    expire_lease()
    with db.transaction() as session:
        lease.listen(session, mine, beats=True)
    assert take_over() == []


def test_an_expired_lease_gives_the_run_to_another_worker_and_refuses_the_first(people: People) -> None:
    task_id = submit(people)
    stale = claim()
    expire_lease()
    assert take_over() == [stale.run_id]
    fresh = claim()
    assert fresh.run_id == stale.run_id and fresh.fence > stale.fence
    with pytest.raises(StaleFence):
        Recorder(task_id, stale).emit(EventKind.NOTE, {"text": "late"})
    for step in (
        lambda session: lease.listen(session, stale, beats=True),
        lambda session: runs.enter(session, stale.run_id, stale.fence, Phase.RUNNING),
        lambda session: runs.end(session, stale.run_id, stale.fence, End(Status.COMPLETED, "")),
    ):
        with pytest.raises(StaleFence), db.transaction() as session:
            step(session)


def test_after_three_attempts_a_run_ends_as_failed_and_costs_nothing(people: People) -> None:
    task_id = submit(people)
    for _ in range(attempts.MAX_ATTEMPTS):
        claim()
        expire_lease()
        take_over()
    with db.transaction() as session:
        run = run_of(task_id, session)
        assert (run.status, run.failure, run.attempt) == (Status.FAILED, Failure.INTERNAL_ERROR, 3)
        assert credits.balance(session, people.alice) == credits.Balance(100, 0)


def test_a_run_that_gets_on_outlives_any_number_of_workers_and_one_that_does_not_ends(people: People) -> None:
    task_id = submit(people)
    for _ in range(5):
        Recorder(task_id, claim()).emit(EventKind.MODEL_TURN, {"parts": [], "cost_micro": 10})
        expire_lease()
        take_over()
    with db.transaction() as session:
        run = run_of(task_id, session)
        assert (run.status, run.attempt) == (Status.PENDING, 6)
    for _ in range(2):
        claim()
        expire_lease()
        take_over()
    with db.transaction() as session:
        assert run_of(task_id, session).status == Status.FAILED


def test_faults_are_limited_to_three_attempts_whatever_lies_between(people: People) -> None:
    task_id = submit(people)
    answers = []
    for _ in range(attempts.MAX_ATTEMPTS):
        mine = claim()
        Recorder(task_id, mine).emit(EventKind.MODEL_TURN, {"parts": [], "cost_micro": 10})
        with db.transaction() as session:
            answers.append(attempts.retry_later(session, mine.run_id, mine.fence, Failure.SANDBOX_LOST, "lost"))
            session.execute(text("UPDATE task_runs SET until = NULL"))
    assert answers == [True, True, False]


def test_a_failure_that_may_pass_is_tried_again_later_and_one_that_does_not_is_not(people: People) -> None:
    submit(people)
    mine = claim()
    with db.transaction() as session:
        assert not attempts.retry_later(session, mine.run_id, mine.fence, Failure.MODEL_AUTH, "no")
        assert attempts.retry_later(session, mine.run_id, mine.fence, Failure.CLONE_FAILED, "network")
    with db.transaction() as session:
        assert claims.claim(session, "worker") is None, "it waits out its back-off"
        session.execute(text("UPDATE task_runs SET until = now() - interval '1 s'"))
    assert claim().fence > mine.fence

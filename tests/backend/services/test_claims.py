"""Claims, leases, fences, attempts: PostgreSQL decides, a stale worker is refused."""

import threading
from uuid import UUID

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import RunFailed, StaleFence
from backend.github.types import RemoteRepository
from backend.models import TaskRun
from backend.services import attempts, brief, claims, credits, lease, runs, tasks
from backend.services.claims import Claim
from backend.services.recorder import Recorder
from backend.services.runs import End
from backend.words import EventKind, Failure, Phase, Priority, Status, Tier
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


def served(people: People, count: int) -> list[str]:
    """The prompts of the next runs, each ended before the next is taken."""
    found = []
    for _ in range(count):
        mine = claim()
        with db.transaction() as session:
            found.append(session.get_one(TaskRun, mine.run_id).prompt)
        end(mine)
    return found


def test_nobody_waits_behind_anothers_hundred(people: People) -> None:
    for number in range(6):
        submit(people, f"alice {number}")
    assert served(people, 2) == ["alice 0", "alice 1"]
    for number in range(2):
        submit(people, f"bob {number}", who=people.bob)
    assert served(people, 6) == ["alice 2", "bob 0", "alice 3", "bob 1", "alice 4", "alice 5"]


def test_high_goes_before_low_whosever_it_is_and_low_is_never_starved(people: People) -> None:
    submit(people, "low", Priority.LOW, who=people.alice)
    submit(people, "bob's low", Priority.LOW, who=people.bob)
    for number in range(12):
        submit(people, f"high {number}", Priority.HIGH, who=people.alice)
    submit(people, "bob's high", Priority.HIGH, who=people.bob)
    found = served(people, 15)
    assert set(found[:2]) == {"high 0", "bob's high"}
    assert 10 <= found.index("low") <= 12 and 10 <= found.index("bob's low") <= 13, found


def test_who_was_away_saves_no_turns_up_and_what_was_stopped_holds_up_nothing(people: People) -> None:
    for number in range(4):
        submit(people, f"alice {number}")
    assert served(people, 3) == ["alice 0", "alice 1", "alice 2"]
    for number in range(3):
        submit(people, f"bob {number}", who=people.bob)
    stopped = [submit(people, f"stopped {number}", Priority.LOW) for number in range(5)]
    with db.transaction() as session:
        for one in stopped:
            tasks.cancel(session, people.alice, one)
    submit(people, "alice's low", Priority.LOW)
    assert served(people, 5) == ["alice 3", "bob 0", "bob 1", "bob 2", "alice's low"]


def test_what_is_tried_again_keeps_its_turn(people: People) -> None:
    submit(people, "first")
    submit(people, "second")
    claim()
    expire_lease()
    take_over()
    assert served(people, 2) == ["first", "second"]


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


def test_who_claims_waits_for_nobody_who_claims_another_persons_run(people: People) -> None:
    submit(people, "alice's")
    submit(people, "bob's", who=people.bob)
    with db.transaction() as one:
        first = claims.claim(one, "one")
        with db.transaction() as other:  # the first has not committed: this would wait for ever
            other.execute(text("SET LOCAL lock_timeout = '5s'"))
            second = claims.claim(other, "other")
    assert first is not None and second is not None and first.run_id != second.run_id


def test_many_who_claim_at_once_take_no_more_of_a_person_than_their_tier_allows(people: People) -> None:
    for number in range(6):
        submit(people, str(number))
    for number in range(2):
        submit(people, f"bob {number}", who=people.bob)
    found: list[Claim | None] = []

    def look() -> None:
        with db.transaction() as session:
            found.append(claims.claim(session, "worker"))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [run_of_id(one.run_id) for one in found if one]
    of_alice = [prompt for prompt in taken if not prompt.startswith("bob")]
    assert len(of_alice) == Tier.FREE.concurrency and len(taken) <= 2 * Tier.FREE.concurrency
    assert claim_all() <= 2 * Tier.FREE.concurrency - len(taken)


def run_of_id(run_id: UUID) -> str:
    with db.transaction() as session:
        return session.get_one(TaskRun, run_id).prompt


def claim_all() -> int:
    """How many more can be claimed, one after the other."""
    count = 0
    while True:
        with db.transaction() as session:
            if claims.claim(session, "worker") is None:
                return count
        count += 1

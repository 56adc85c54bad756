"""A task that is planned first: its run waits without a worker until its person has decided on the plan."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.engine.assignment import Orders
from backend.engine.tools import MAX_PLAN
from backend.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from backend.events import append
from backend.models import CreditTransaction, TaskEvent, User
from backend.services import claims, credits, news, next_action, runs, tasks, work
from backend.services.tasks import Said, plans
from backend.services.tasks.plans import MAX_WORDS
from backend.words import APPROVAL, Decision, EventKind, Outcome, Phase, Priority, Status, TaskType, Visibility
from jobs import schedule
from tests.backend.services import worker
from tests.backend.services.road import hand_to_the_next, kinds, run_of, submit
from tests.backend.services.road import work as let_work
from tests.conftest import People
from tests.hub import LocalHub

APPROVE, CHANGE, DISCARD = (Said(one, text="Add a test." if one == "change" else "") for one in Decision)
STEPS = "1. Mend it."


def submitted(people: People, task_type: TaskType = TaskType.DEBUG) -> UUID:
    usual = (people.shop, "main", None, people.model, task_type, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, tasks.Draft(*usual, plan_first=True)).id


def propose(number: int = 1) -> UUID:
    """A worker's part, without its engine: the plan, and the parking. Returns the run."""
    mine = worker.claim()
    with db.transaction() as session:
        run = runs.require(session, mine.run_id, mine.fence)
        run.cost_micro += 15_000
        session.add(run)
        plan = {"number": number, "title": "Mend it", "text": STEPS}
        append(session, task_id=run.task_id, run_id=run.id, kind=EventKind.PLAN, payload=plan, fence=mine.fence)
        heard = Orders(cancelled=False, finish_now=False, hold_micro=run.limit * credits.MICRO_PER_CREDIT)
        runs.park(session, mine.run_id, mine.fence, reason=APPROVAL, until=None, heard=heard)
    return mine.run_id


@pytest.fixture
def waiting(people: People) -> UUID:
    """Alice's task whose plan waits."""
    task_id = submitted(people)
    propose()
    return task_id


def decide(people: People, task_id: UUID, said: Said, who: str = "alice") -> None:
    with db.transaction() as session:
        tasks.decide(session, getattr(people, who), task_id, said)


def decisions(task_id: UUID) -> list[dict]:
    with db.transaction() as session:
        found = select(TaskEvent).where(TaskEvent.task_id == task_id, TaskEvent.kind == EventKind.PLAN_DECIDED)
        return [one.payload for one in session.exec(found)]


def page(people: People, task_id: UUID, who: str = "alice") -> tasks.TaskPage:
    with db.transaction() as session:
        return tasks.page(session, getattr(people, who), task_id)


def balanced() -> bool:
    with db.transaction() as session:
        return credits.unbalanced(session) == []


def test_what_waits_has_no_worker_keeps_its_hold_and_needs_attention(people: People, waiting: UUID) -> None:
    run = run_of(waiting)
    assert (run.status, run.phase, run.reason, run.until) == (Status.PENDING, Phase.PARKED, APPROVAL, None)
    assert run.lease_owner is None and run.charged is None and run.held > 0
    with db.transaction() as session:
        assert claims.claim(session, "a worker") is None
        assert tasks.sidebar(session, people.alice).groups[0].name == "Needs attention"
        told, _ = news.since(session, people.alice, 0)
        assert [(one.kind, one.sentence) for one in told] == [("needs_you", "Its plan waits for your approval.")]
    seen = page(people, waiting)
    assert seen.plan is not None and (seen.plan.number, seen.plan.text, seen.plan.decision) == (1, STEPS, None)
    assert seen.can_decide and seen.actions == ["cancel"]
    action = next_action.next_action(seen)
    assert action is not None and action.kind == next_action.PLAN


def test_an_approval_puts_the_same_run_back_into_the_queue_once(people: People, waiting: UUID) -> None:
    for _ in range(2):
        decide(people, waiting, Said(Decision.APPROVE, "Mind the tax.", "1. Mend it well."))
    (said,) = decisions(waiting)
    assert (said["plan"], said["text"], said["is_edited"], said["by"]) == (
        *("1. Mend it well.", "Mind the tax.", True),
        people.alice.name,
    )
    run = run_of(waiting)
    assert (run.number, run.phase) == (1, Phase.QUEUED)
    worker.claim()
    decide(people, waiting, Said(Decision.APPROVE, "Mind the tax.", "1. Mend it well.", 1))  # a lost answer comes late
    seen = page(people, waiting).plan
    assert seen is not None and (seen.text, seen.words) == ("1. Mend it well.", "Mind the tax.")


def test_a_plan_that_is_given_back_as_it_was_is_not_called_edited(people: People, waiting: UUID) -> None:
    decide(people, waiting, Said(Decision.APPROVE, plan=f"{STEPS}\n"))
    assert [one["is_edited"] for one in decisions(waiting)] == [False]


@pytest.mark.parametrize("first", [APPROVE, CHANGE, DISCARD])
def test_of_two_tabs_the_second_is_told_what_the_first_one_said(people: People, waiting: UUID, first: Said) -> None:
    decide(people, waiting, first)
    became = {"approve": "was approved", "change": "was sent back", "discard": "was discarded"}[first.decision]
    for other in (APPROVE, CHANGE, DISCARD):
        if other is not first:
            with pytest.raises(Conflict, match=became):
                decide(people, waiting, other)
    assert len(decisions(waiting)) == 1


def test_of_answers_at_the_same_moment_one_counts(people: People, waiting: UUID) -> None:
    def answered(said: Said) -> bool:
        with suppress(Conflict):
            decide(people, waiting, said)
            return True
        return False

    answers = [APPROVE, CHANGE, DISCARD] * 4
    with ThreadPoolExecutor(len(answers)) as threads:
        taken = {said.decision for said, was in zip(answers, threads.map(answered, answers), strict=True) if was}
    assert [one["decision"] for one in decisions(waiting)] == list(taken) and balanced()


def test_a_tab_that_shows_an_older_plan_decides_on_nothing(people: People, waiting: UUID) -> None:
    decide(people, waiting, CHANGE)
    propose(2)
    with pytest.raises(Conflict, match="number 2"):
        decide(people, waiting, Said(Decision.APPROVE, number=1))
    decide(people, waiting, Said(Decision.APPROVE, number=2))
    assert [one["decision"] for one in decisions(waiting)] == ["change", "approve"]


def test_a_discarded_plan_ends_the_run_and_only_what_it_used_is_charged(people: People, waiting: UUID) -> None:
    held = run_of(waiting).held
    for _ in range(2):
        decide(people, waiting, DISCARD)
    run = run_of(waiting)
    assert (run.status, run.charged, run.cancelled_by) == (Status.CANCELLED, 2, people.alice.id)
    with db.transaction() as session:
        rows = session.exec(select(CreditTransaction).where(CreditTransaction.run_id == run.id))
        assert sum(row.held_delta for row in rows) == 0 and held > 2
    assert balanced() and page(people, waiting).row.can_retry
    with db.transaction() as session:
        assert tasks.retry(session, people.alice, waiting).number == 2
    assert not page(people, waiting).can_decide


def test_a_stop_while_it_waits_ends_it_and_nothing_can_be_decided_after_that(people: People, waiting: UUID) -> None:
    with db.transaction() as session:
        tasks.cancel(session, people.alice, waiting)
    assert (run_of(waiting).status, run_of(waiting).charged) == (Status.CANCELLED, 2) and balanced()
    with pytest.raises(Conflict, match="has ended"):
        decide(people, waiting, APPROVE)


def test_nothing_is_decided_before_the_plan_is_there_nor_on_a_task_without_one(people: People) -> None:
    task_id = submitted(people)
    for _ in range(2):
        with pytest.raises(Conflict, match="no plan"):
            decide(people, task_id, APPROVE)
        worker.claim() if run_of(task_id).phase == Phase.QUEUED else None
    with pytest.raises(Conflict, match="no plan"):
        decide(people, worker.submit(people, who=people.alice), APPROVE)


def test_a_reader_sees_the_plan_and_decides_nothing_and_a_stranger_sees_no_task(people: People, waiting: UUID) -> None:
    with pytest.raises(NotFound):
        decide(people, waiting, APPROVE, "bob")
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, waiting, Visibility.REPOSITORY)
    seen = page(people, waiting, "bob")
    assert seen.plan is not None and not seen.can_decide and next_action.next_action(seen) is None
    with pytest.raises(Forbidden):
        decide(people, waiting, APPROVE, "bob")
    for refused in (APPROVE, DISCARD):
        with pytest.raises(NotFound):
            decide(people, waiting, refused, "carol")
    assert decisions(waiting) == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Said(Decision.CHANGE), InvalidInput),
        (Said(Decision.CHANGE, " \n"), InvalidInput),
        (Said(Decision.CHANGE, "nul \x00"), InvalidInput),
        (Said(Decision.CHANGE, "x" * (MAX_WORDS + 1)), TooLarge),
        (Said(Decision.CHANGE, "\x01" * MAX_WORDS), TooLarge),
        (Said(Decision.APPROVE, plan=" "), InvalidInput),
        (Said(Decision.APPROVE, plan="x\x00"), InvalidInput),
        (Said(Decision.APPROVE, plan="x" * (MAX_PLAN + 1)), TooLarge),
        (Said(Decision.APPROVE, plan="\x01" * MAX_PLAN), TooLarge),
    ],
)
def test_garbage_decides_nothing(people: People, waiting: UUID, said: Said, error: type[Exception]) -> None:
    with pytest.raises(error):
        decide(people, waiting, said)
    assert decisions(waiting) == [] and run_of(waiting).phase == Phase.PARKED


def test_the_longest_plan_with_the_longest_words_fits_the_log(people: People, waiting: UUID) -> None:
    decide(people, waiting, Said(Decision.APPROVE, "“" * 6_000, "“" * 13_000))
    assert len(decisions(waiting)) == 1


def test_more_credits_are_no_answer_and_a_message_waits_for_one(people: People, waiting: UUID) -> None:
    with db.transaction() as session:
        tasks.add_credits(session, people.alice, waiting, key="k")
        tasks.follow_up(session, people.alice, waiting, "And the tax.")
    assert run_of(waiting).phase == Phase.PARKED
    assert len(page(people, waiting).queued_messages) == 1
    with db.transaction() as session:
        tasks.finish_now(session, people.alice, waiting)
    assert run_of(waiting).phase == Phase.QUEUED, "who says so wants it to come to an end"


def test_only_what_may_change_files_is_planned_first(people: People) -> None:
    for task_type in (TaskType.ASK, TaskType.ARCHITECT, TaskType.PR_REVIEW):
        with pytest.raises(InvalidInput, match="planned first"):
            submitted(people, task_type)


def test_the_same_key_with_a_plan_first_is_another_content(people: People) -> None:
    usual = (people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        tasks.submit(session, people.alice, tasks.Draft(*usual), key="k")
    with pytest.raises(Conflict), db.transaction() as session:
        tasks.submit(session, people.alice, tasks.Draft(*usual, plan_first=True), key="k")


def test_a_plan_that_nobody_answers_for_a_fortnight_gives_its_hold_back(people: People, waiting: UUID) -> None:
    def age(days: str) -> None:
        with db.transaction() as session:
            older = "UPDATE task_events SET created_at = now() - CAST(:age AS interval) WHERE kind = 'plan'"
            session.execute(text(older), {"age": days})

    age("13 days 23 hours")
    schedule.tidy()
    assert run_of(waiting).phase == Phase.PARKED
    age("14 days 1 minute")
    schedule.tidy()
    run = run_of(waiting)
    assert (run.status, run.charged) == (Status.CANCELLED, 2) and balanced()
    with db.transaction() as session:
        assert not plans.give_up(session, run.id), "twice is once"


def test_an_answer_that_comes_first_keeps_the_run(people: People, waiting: UUID) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE task_events SET created_at = now() - interval '20 days' WHERE kind = 'plan'"))
        due = plans.expired(session)
    decide(people, waiting, APPROVE)
    with db.transaction() as session:
        assert [plans.give_up(session, run_id) for run_id in due] == [False]
    assert run_of(waiting).phase == Phase.QUEUED


def test_whoever_is_disabled_has_no_plan_that_waits(people: People, waiting: UUID) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = now() WHERE id = :id"), {"id": people.alice.id})
    schedule.sweep()
    assert run_of(waiting).status == Status.CANCELLED and balanced()


def test_admins_see_in_the_queue_what_it_waits_for(people: People, waiting: UUID) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET role = 'admin' WHERE id = :id"), {"id": people.alice.id})
        assert "waits for its plan's approval" in str(work.read(session, session.get_one(User, people.alice.id)))


class TestTheRoad:
    """On real git and in a real jail, with the demo's script."""

    def test_from_the_plan_to_the_pull_request(self, hub: LocalHub, alice: UUID) -> None:
        task_id = submit(alice, plan_first=True)
        assert let_work() == 0
        run = run_of(task_id)
        assert (run.status, run.phase, run.reason) == (Status.PENDING, Phase.PARKED, APPROVAL)
        assert hub.pulls("alice", "alice/sample-shop") == []
        answer(alice, task_id, Said(Decision.CHANGE, "Shorter, please."))
        assert let_work() == 0
        answer(alice, task_id, APPROVE)
        assert let_work() == 0
        run = run_of(task_id)
        assert (run.status, run.outcome, run.attempt, run.number) == (Status.COMPLETED, Outcome.PR_OPENED, 1, 1)
        assert run.evidence is not None and run.evidence["verdict"] == "verified"
        assert kinds(task_id).count(EventKind.PLAN) == 2 and kinds(task_id).count("model_turn") == run.steps
        assert balanced()

    @pytest.mark.parametrize("point", ["after_the_plan_is_proposed", "after_the_plan"])
    def test_a_worker_that_dies_around_the_plan_leaves_one_plan(self, hub: LocalHub, alice: UUID, point: str) -> None:
        task_id = submit(alice, plan_first=True)
        assert let_work(point) == -9
        turns = kinds(task_id).count("model_turn")
        hand_to_the_next(task_id)
        assert let_work() == 0
        assert kinds(task_id).count(EventKind.PLAN) == 1 and kinds(task_id).count("model_turn") == turns
        assert run_of(task_id).reason == APPROVAL
        answer(alice, task_id, APPROVE)
        assert let_work("in_a_command") == -9
        hand_to_the_next(task_id)
        assert let_work() == 0
        assert run_of(task_id).outcome == Outcome.PR_OPENED and balanced()

    def test_while_it_plans_it_says_so(self, hub: LocalHub, alice: UUID) -> None:
        task_id = submit(alice, plan_first=True)
        assert let_work() == 0
        with db.transaction() as session:
            phases = session.exec(
                select(TaskEvent).where(TaskEvent.task_id == task_id, TaskEvent.kind == EventKind.PHASE)
            )
            assert ("running", "planning") in [(one.payload["phase"], one.payload["reason"]) for one in phases]


def answer(user_id: UUID, task_id: UUID, said: Said) -> None:
    with db.transaction() as session:
        tasks.decide(session, session.get_one(User, user_id), task_id, said)

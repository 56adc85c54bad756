"""Claims, leases, fences, sweeps: PostgreSQL decides, a stale worker is refused."""

import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from backend import clock, db, events
from backend.engine.assignment import Orders, Withdrawn
from backend.errors import Conflict, NotFound, RunFailed, StaleFence, TooLarge
from backend.github.types import RemoteRepository
from backend.models import Task, TaskEvent, TaskMessage, TaskResult, TaskRun, User
from backend.services import attempts, brief, claims, credits, runs, tasks
from backend.services.claims import Claim
from backend.services.recorder import Recorder
from backend.services.runs import End
from backend.words import EventKind, Failure, Outcome, Phase, Priority, Status, TaskType
from tests.conftest import People, keep, remote


def submit(people: People, prompt: str = "Fix it", priority: Priority = Priority.MEDIUM) -> UUID:
    with db.transaction() as session:
        draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, priority, prompt)
        return tasks.submit(session, people.alice, draft).id


def claim() -> Claim:
    with db.transaction() as session:
        found = claims.claim(session, "worker")
    assert found is not None
    return found


def run_of(task_id: UUID, session: Session) -> TaskRun:
    return session.exec(select(TaskRun).where(TaskRun.task_id == task_id).order_by(text("number DESC"))).first()  # type: ignore[return-value]  # there is one


def expire_lease() -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET lease_expires_at = now() - interval '1 s' WHERE status = 'running'"))


def take_over() -> list[UUID]:
    with db.transaction() as session:
        expired = attempts.expired(session)
    taken = []
    for run_id in expired:
        with db.transaction() as session:
            if attempts.take_over(session, run_id):
                taken.append(run_id)
    return taken


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


def test_a_late_beat_revives_a_lease_while_the_fence_is_unchanged(people: People) -> None:
    submit(people)
    mine = claim()
    expire_lease()
    with db.transaction() as session:
        runs.beat(session, mine.run_id, mine.fence)
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
        lambda session: runs.beat(session, stale.run_id, stale.fence),
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


def test_what_a_failed_run_got_to_is_offered_as_a_patch(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    recorder = Recorder(task_id, mine, lambda: ("a" * 40, zlib.compress(b"diff --git a/x b/x\n")))
    recorder.emit(EventKind.TOOL_RESULT, {"call_id": "1", "name": "edit_file", "text": ""})
    with db.transaction() as session, pytest.raises(NotFound):
        tasks.patch(session, people.alice, task_id)
    end(mine, End(Status.FAILED, "", failure=Failure.STUCK))
    with db.transaction() as session:
        assert tasks.patch(session, people.alice, task_id) == b"diff --git a/x b/x\n"


def test_what_is_being_handed_over_is_not_stopped_any_more(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:  # the stop that came between the last look and the first push
        run_of(task_id, session).cancel_requested_at = clock.now()
        runs.enter(session, mine.run_id, mine.fence, Phase.FINISHING)
    expire_lease()
    take_over()
    with db.transaction() as session:
        run = run_of(task_id, session)
        assert (run.status, run.phase, run.cancel_requested_at) == (Status.PENDING, Phase.QUEUED, None)
    with pytest.raises(Conflict, match="too late"), db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
    mine = claim()
    with db.transaction() as session:
        assert attempts.retry_later(session, mine.run_id, mine.fence, Failure.PR_CREATE_FAILED, "later")


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
    people: People, order: Callable[[Session, User, UUID], None], phase: Phase
) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        heard = Orders(False, False, run_of(task_id, session).held * credits.MICRO_PER_CREDIT)
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


def test_cancelling_a_running_run_is_an_order_that_its_beat_reads(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
        assert runs.beat(session, mine.run_id, mine.fence).cancel_requested_at is not None


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


def test_a_message_that_came_too_late_starts_the_next_run(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, "one more thing")
    with db.transaction() as session:
        runs.end(session, mine.run_id, mine.fence, End(Status.COMPLETED, "done", outcome=Outcome.NO_CHANGES))
    with db.transaction() as session:
        run = run_of(task_id, session)
        assert (run.number, run.prompt, run.status) == (2, "one more thing", Status.PENDING)
        assert credits.unbalanced(session) == []


def test_a_follow_up_after_the_end_is_a_second_run_with_its_own_hold(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        runs.end(session, mine.run_id, mine.fence, End(Status.COMPLETED, "done", outcome=Outcome.NO_CHANGES))
    with db.transaction() as session:
        message = tasks.follow_up(session, people.alice, task_id, "again")
        second = run_of(task_id, session)
        assert (second.number, second.prompt, message.run_id) == (2, "again", second.id) and second.held > 0


def test_what_a_stopped_run_did_not_read_comes_first_in_the_next_prompt(people: People) -> None:
    task_id = submit(people)
    claim()
    with db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, "older message")
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
    expire_lease()
    take_over()
    with db.transaction() as session:
        assert [row.text for row in tasks.page(session, people.alice, task_id).queued_messages] == ["older message"]
    with db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, "newer prompt")
    with db.transaction() as session:
        assert run_of(task_id, session).prompt == "older message\n\nnewer prompt"
        assert runs.untaken(session, task_id) == []


def test_a_late_message_starts_no_run_where_its_person_may_no_longer_push(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, "one more thing")
        session.execute(text("UPDATE user_repository_access SET access_level = 'read'"))
    end(mine)
    with db.transaction() as session:
        assert run_of(task_id, session).number == 1
        assert events.since(session, task_id, 0)[-1].payload["code"] == "forbidden"


def test_a_follow_up_by_the_same_key_is_one_message_and_one_run(people: People) -> None:
    task_id = submit(people)
    end(claim())
    for _ in range(2):
        with db.transaction() as session:
            tasks.follow_up(session, people.alice, task_id, "again", key="click")
    with db.transaction() as session:
        assert run_of(task_id, session).number == 2 and runs.untaken(session, task_id) == []
        with pytest.raises(Conflict):
            tasks.follow_up(session, people.alice, task_id, "something else", key="click")


def test_a_task_sent_by_the_same_key_in_parallel_is_one_task_with_one_hold(people: People) -> None:
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    found: list[UUID] = []

    def send() -> None:
        with db.transaction() as session:
            found.append(tasks.submit(session, people.alice, draft, key="click").id)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    with db.transaction() as session:
        assert credits.balance(session, people.alice).held == run_of(found[0], session).held
        with pytest.raises(Conflict):
            tasks.submit(session, people.alice, replace(draft, prompt="Something else"), key="click")
        assert tasks.submit(session, people.bob, replace(draft, repository_id=people.shop), key="click").id != found[0]


def test_the_log_has_no_gap_and_the_same_event_is_there_once(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    event_id = uuid4()
    for _ in range(2):
        with db.transaction() as session:
            events.append(
                session,
                task_id=task_id,
                run_id=mine.run_id,
                kind=EventKind.NOTE,
                payload={"text": "nul \x00 and half a pair \ud800"},
                fence=mine.fence,
                event_id=event_id,
            )
    with db.transaction() as session:
        seqs = list(session.exec(select(TaskEvent.seq).where(TaskEvent.task_id == task_id).order_by(TaskEvent.seq)))  # type: ignore[arg-type]  # a column
        assert seqs == list(range(1, len(seqs) + 1))
        task = session.get(Task, task_id)
        assert task is not None and task.event_seq == seqs[-1]
        assert [row.kind for row in events.since(session, task_id, 0)].count("note") == 1


def end(mine: Claim, how: End | None = None) -> None:
    with db.transaction() as session:
        done = how or End(Status.COMPLETED, "done", outcome=Outcome.NO_CHANGES)
        runs.end(session, mine.run_id, mine.fence, done)


def test_a_late_message_that_cannot_be_afforded_starts_no_run_and_says_so(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, "one more thing")
        session.execute(text("UPDATE users SET credits = credits_held"))
        session.execute(text("UPDATE task_runs SET cost_micro = 50000"))
    end(mine)
    with db.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM task_runs")).scalar_one() == 1
        last = events.since(session, task_id, 0)[-1]
        assert (last.kind, last.payload["code"]) == ("note", "not_enough_credits")
        assert claims.claimable(session) == 0


def test_messages_too_long_for_one_prompt_are_read_by_the_next_run_one_after_the_other(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        for _ in range(3):
            tasks.follow_up(session, people.alice, task_id, "x" * 25_000)
    end(mine)
    with db.transaction() as session:
        assert len(run_of(task_id, session).prompt) == 25_000
        assert len(runs.untaken(session, task_id)) == 2


@pytest.mark.parametrize("words", ["\x01" * 12_000, '"\x02' * 9_000])
def test_what_the_log_could_not_keep_is_refused_at_the_door(people: People, words: str) -> None:
    with pytest.raises(TooLarge, match="in the log"):
        submit(people, words)
    task_id = submit(people)
    claim()
    with pytest.raises(TooLarge, match="in the log"), db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, words)


def test_messages_are_joined_by_what_they_take_in_the_log(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        for _ in range(2):
            tasks.follow_up(session, people.alice, task_id, '{"a"}' * 4_000)
    end(mine)
    with db.transaction() as session:
        run = run_of(task_id, session)
        assert (run.number, len(run.prompt), len(runs.untaken(session, task_id))) == (2, 20_000, 1)


def test_a_run_ends_though_the_next_one_cannot_begin(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    with db.transaction() as session:
        session.add(TaskMessage(task_id=task_id, user_id=people.alice.id, run_id=mine.run_id, text="\x01" * 12_000))
    end(mine)
    with db.transaction() as session:
        run = run_of(task_id, session)
        assert (run.number, run.status) == (1, Status.COMPLETED)
        last = events.since(session, task_id, 0)[-1]
        assert (last.kind, last.payload["code"]) == ("note", "not_started")
        assert credits.unbalanced(session) == []


def test_a_run_whose_last_words_cannot_be_kept_ends_without_them(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    end(mine, End(Status.COMPLETED, "done", outcome=Outcome.ANSWERED, details={"more": "x" * 70_000}))
    with db.transaction() as session:
        run = run_of(task_id, session)
        assert (run.status, run.outcome, run.charged) == (Status.COMPLETED, Outcome.ANSWERED, 0)
        assert [row.kind for row in events.since(session, task_id, 0)].count("ended") == 1


@pytest.mark.parametrize("words", ["\U0001f600" * 100_000 + "\x00", "\x01" * 30_000, '"' * 60_000])
def test_an_answer_of_any_length_ends_a_run(people: People, words: str) -> None:
    task_id = submit(people)
    mine = claim()
    end(mine, End(Status.COMPLETED, words, outcome=Outcome.ANSWERED))
    with db.transaction() as session:
        told = next(row for row in events.since(session, task_id, 0) if row.kind == "ended").payload["text"]
        assert told.startswith(words[:100]) and "cut here" in told
    with db.transaction() as session:
        assert session.get_one(TaskRun, mine.run_id).status == Status.COMPLETED


def test_what_a_run_produced_is_kept_whatever_characters_are_in_it(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    dirty = "a\0b\ud800"
    with db.transaction() as session:
        run = run_of(task_id, session)
        run.evidence = {"command": dirty}
        session.add(run)
        result = TaskResult(task_id=task_id, run_id=run.id, result_type="analysis", meta={dirty: [dirty]})
        result.content = result.file_path = result.summary = dirty
        session.add(result)
    Recorder(task_id, mine).once(EventKind.EVIDENCE, {"command": dirty, "reason": "\x01" * 90_000}, "evidence")
    with db.transaction() as session:
        result = session.exec(select(TaskResult)).one()
        assert {result.content, result.file_path, result.summary} == {"a\ufffdb?"}
        assert run_of(task_id, session).evidence == {"command": "a\ufffdb?"}


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


def test_every_ended_run_is_counted_in_the_tasks_figures(people: People) -> None:
    submit(people)
    mine = claim()
    end(mine)
    with db.transaction() as session:
        assert session.execute(text("SELECT error_count, files_modified FROM task_analytics")).one() == (0, 0)

"""Runs of a task one after the other, and how each of them ends."""

import threading
import zlib
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db, events
from backend.errors import Conflict, NotFound, TooLarge
from backend.models import AiModel, Task, TaskEvent, TaskMessage, TaskResult, TaskRun
from backend.services import claims, credits, runs, tasks
from backend.services.recorder import Recorder
from backend.services.runs import End
from backend.services.waiting_messages import untaken
from backend.words import Effort, EventKind, Failure, Outcome, Priority, Status, TaskType, Visibility
from tests.backend.services.worker import claim, end, expire_lease, run_of, submit, take_over
from tests.conftest import People


def test_what_a_failed_run_got_to_is_offered_as_a_patch(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    recorder = Recorder(task_id, mine, lambda: ("a" * 40, zlib.compress(b"diff --git a/x b/x\n")))
    recorder.emit(EventKind.TOOL_RESULT, {"call_id": "1", "name": "edit_file", "text": ""})
    with db.transaction() as session, pytest.raises(NotFound):
        tasks.patch(session, people.alice, task_id)
    end(mine, End(Status.FAILED, "", failure=Failure.STUCK))
    with db.transaction() as session:
        assert b"".join(tasks.patch(session, people.alice, task_id)) == b"diff --git a/x b/x\n"


def test_a_run_that_took_its_changes_back_has_no_patch_to_offer(people: People) -> None:
    task_id = submit(people)
    mine = claim()
    recorder = Recorder(task_id, mine, lambda: ("a" * 40, zlib.compress(b"")))
    recorder.emit(EventKind.TOOL_RESULT, {"call_id": "1", "name": "edit_file", "text": ""})
    end(mine, End(Status.FAILED, "", failure=Failure.STUCK))
    with db.transaction() as session:
        assert not tasks.has_patch(session, people.alice, task_id)
        with pytest.raises(NotFound):
            tasks.patch(session, people.alice, task_id)


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
        assert untaken(session, task_id) == []


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
        assert run_of(task_id, session).number == 2 and untaken(session, task_id) == []
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


def test_a_lost_answer_finds_its_task_with_effort_and_visibility_and_after_they_have_changed(people: People) -> None:
    draft = tasks.Draft(
        people.shop,
        "main",
        None,
        people.model,
        TaskType.DEBUG,
        Priority.MEDIUM,
        "Fix it",
        Effort.HIGH,
        Visibility.REPOSITORY,
    )
    with db.transaction() as session:
        first = tasks.submit(session, people.alice, draft, key="click").id
    with db.transaction() as session:
        assert tasks.submit(session, people.alice, draft, key="click").id == first
        tasks.set_visibility(session, people.alice, first, Visibility.PRIVATE)
    with db.transaction() as session:
        session.get_one(Task, first).ai_model_id = session.exec(
            select(AiModel.id).where(AiModel.id != people.model).limit(1)
        ).one()
    with db.transaction() as session:
        assert tasks.submit(session, people.alice, draft, key="click").id == first


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
        assert len(untaken(session, task_id)) == 2


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
        assert (run.number, len(run.prompt), len(untaken(session, task_id))) == (2, 20_000, 1)


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


def test_every_ended_run_is_counted_in_the_tasks_figures(people: People) -> None:
    submit(people)
    mine = claim()
    end(mine)
    with db.transaction() as session:
        assert session.execute(text("SELECT error_count, files_modified FROM task_analytics")).one() == (0, 0)

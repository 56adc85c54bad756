"""The one thing that is best done next with a task."""

from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from backend import db
from backend.errors import Conflict, Forbidden, NotFound
from backend.models import Task, TaskRun
from backend.services import next_action, tasks
from backend.words import Outcome, Priority, Status, TaskType, Visibility
from tests.conftest import People
from tests.rows import pull_request
from tests.settled import settle

FAILED = {
    "verdict": "failed",
    "command": "make test",
    "exit_code": 2,
    "duration_ms": 900,
    "sha": "8c1d9e2f" * 5,
    "log_sha256": "ab",
    "reason": "",
    "weakened": [],
    "log_end": "~~~\nE  assert 41 == 42\n",
}


@pytest.fixture
def task(people: People) -> UUID:
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


def see(task_id: UUID, evidence: dict[str, Any]) -> None:
    with db.transaction() as session:
        session.exec(select(TaskRun).where(TaskRun.task_id == task_id)).one().evidence = evidence


def offered(people: People, task_id: UUID, who: str = "alice") -> next_action.Action | None:
    with db.transaction() as session:
        return next_action.next_action(tasks.page(session, getattr(people, who), task_id))


def pulled(task_id: UUID, status: str) -> None:
    with db.transaction() as session:
        session.add(pull_request(session.get_one(Task, task_id), 7, status=status, url="https://github.com/a/b/pull/7"))


def test_while_a_run_is_alive_nothing_is_better_than_waiting(people: People, task: UUID) -> None:
    see(task, FAILED)
    assert offered(people, task) is None


def test_tests_that_fail_are_mended_by_a_follow_up_from_the_evidence(people: People, task: UUID) -> None:
    see(task, FAILED)
    settle(task, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    action = offered(people, task)
    assert action is not None
    assert (action.kind, action.sentence) == (next_action.FIX, "The tests fail on 8c1d9e2 (exit 2).")
    assert "`make test` ended with exit code 2" in action.text
    assert "~~~~\n~~~\nE  assert 41 == 42\n~~~~" in action.text  # the log cannot end its own fence
    with db.transaction() as session:
        next_action.take(session, people.alice, task)
    assert offered(people, task) is None
    with pytest.raises(Conflict), db.transaction() as session:
        next_action.take(session, people.alice, task)
    with db.transaction() as session:
        prompts = session.exec(select(TaskRun.prompt).where(TaskRun.task_id == task).order_by(col(TaskRun.number)))
        assert prompts.all() == ["Mend the totals", action.text]


def test_who_may_not_steer_is_offered_nothing_and_refused(people: People, task: UUID) -> None:
    see(task, FAILED)
    settle(task, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    with pytest.raises(NotFound), db.transaction() as session:
        next_action.take(session, people.carol, task)
    with db.transaction() as session:
        session.get_one(Task, task).visibility = Visibility.REPOSITORY
    assert offered(people, task, "bob") is None
    with pytest.raises(Forbidden), db.transaction() as session:
        next_action.take(session, people.bob, task)


@pytest.mark.parametrize(
    ("outcome", "pull", "kind"),
    [
        (Outcome.NO_CHANGES, None, next_action.REPLY),
        (Outcome.PR_OPENED, "closed", next_action.REPLY),
        (Outcome.PR_OPENED, "merged", next_action.NEW_TASK),
        (Outcome.PR_OPENED, "open", None),
        (Outcome.ANSWERED, None, None),
    ],
)
def test_each_end_has_its_next_step(
    people: People, task: UUID, outcome: Outcome, pull: str | None, kind: str | None
) -> None:
    settle(task, Status.COMPLETED, outcome=outcome)
    if pull:
        pulled(task, pull)
    action = offered(people, task)
    assert (action.kind if action else None) == kind
    if kind != next_action.FIX:
        with pytest.raises(Conflict), db.transaction() as session:
            next_action.take(session, people.alice, task)

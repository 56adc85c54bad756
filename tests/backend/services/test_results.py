"""What a finished task has to show."""

from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from backend import db
from backend.errors import NotFound
from backend.models import TaskResult, TaskRun
from backend.services import results, tasks
from backend.words import Outcome, Priority, Status, TaskType
from tests.conftest import People
from tests.settled import settle


@pytest.fixture
def task(people: People) -> UUID:
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.PR_REVIEW, Priority.MEDIUM, "Review it")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


def produce(task_id: UUID, **fields: Any) -> None:
    with db.transaction() as session:
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task_id)).one()
        session.add(TaskResult(task_id=task_id, run_id=run.id, **fields))


def read(people: People, task_id: UUID, who: str = "alice") -> results.Result:
    with db.transaction() as session:
        return results.read(session, getattr(people, who), task_id)


def test_a_review_shows_its_findings_the_worst_first(people: People, task: UUID) -> None:
    told = [
        {"path": "a.py", "line": 3, "severity": "minor", "text": "Name it."},
        {"path": "b.py", "line": -1, "severity": "terrible", "text": "Odd."},
        {"path": "c.py", "line": 9, "severity": "critical", "text": "It loses money."},
        "no finding",
        {"path": "d.py"},
    ]
    produce(task, result_type="analysis", content="Two things.", summary="A review", meta={"findings": told})
    settle(task, Status.COMPLETED, outcome=Outcome.REVIEWED)
    seen = read(people, task)
    assert (seen.title, seen.text, seen.files, seen.has_patch) == ("A review", "Two things.", [], False)
    assert [(one.path, one.line, one.severity) for one in seen.findings] == [
        ("c.py", 9, "critical"), ("a.py", 3, "minor"), ("b.py", 0, "info"),
    ]  # fmt: skip


def test_the_words_of_a_run_without_changes_are_shown_as_well(people: People, task: UUID) -> None:
    assert read(people, task).text == ""
    settle(task, Status.COMPLETED, outcome=Outcome.NO_CHANGES)
    assert read(people, task).text == "The end."


def test_a_file_in_which_a_test_was_removed_is_named(people: People, task: UUID) -> None:
    meta = {"status": "modified", "added": 1, "removed": 2}
    said = {"weakened": ["tests/test_a.py: test_it was removed"]}
    produce(task, result_type="code_changes", content="", file_path="tests/test_a.py", meta=meta | said)
    produce(task, result_type="code_changes", content="", file_path="shop/a.py", meta=meta)
    assert read(people, task).weakened == {"tests/test_a.py": ["test_it was removed"]}


def test_carol_sees_no_result_of_alices(people: People, task: UUID) -> None:
    with pytest.raises(NotFound):
        read(people, task, "carol")

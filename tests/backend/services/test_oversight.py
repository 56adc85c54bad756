"""Everyone's tasks as admins see them, and a retry in somebody else's name."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.errors import Conflict, Forbidden, NotEnoughCredits, NotFound
from backend.models import CreditTransaction, TaskEvent, TaskRun, User
from backend.services import oversight, tasks
from backend.services.oversight import OverseenTask, State, Wanted
from backend.services.runs import End
from backend.words import EventKind, Failure, Outcome, Status, TaskType
from tests import auditing
from tests.backend.services.worker import claim, end, submit
from tests.conftest import People


@pytest.fixture(autouse=True)
def alice_is_admin(people: People) -> None:
    people.alice.role = "admin"


def listed(people: People, wanted: Wanted | None = None) -> list[OverseenTask]:
    with db.transaction() as session:
        return oversight.window(session, people.alice, wanted or Wanted()).rows


def failed(people: People, words: str = "Bob's") -> UUID:
    task = submit(people, words, who=people.bob)
    end(claim(), End(Status.FAILED, "No.", failure=Failure.TIMEOUT))
    return task


def retry(people: People, task: UUID, who: User | None = None) -> int:
    with db.transaction() as session:
        return tasks.retry_for_admin(session, who or people.alice, task, address="192.0.2.1").number


def test_everyones_tasks_are_listed_without_their_words_and_told_apart(people: People) -> None:
    waits, mine = submit(people, "Secret plans\nfor Monday", who=people.bob), submit(people, "Mine")
    found = {row.id: row for row in listed(people)}
    assert list(found) == [mine, waits]
    assert (found[waits].title, found[waits].owner, found[waits].may_read) == ("Secret plans", "bob", False)
    assert (found[mine].may_read, found[mine].can_stop, found[mine].can_retry) == (True, True, False)
    assert listed(people, Wanted(words="monday")) == []  # a prompt is not searched
    assert "Monday" not in repr(found[waits])


def test_filters_narrow_it(people: People) -> None:
    task = failed(people)
    mine = submit(people, "Round 100% of it")
    ids = {
        "state": Wanted(state=State.FAILED),
        "failure": Wanted(failure=Failure.TIMEOUT),
        "person": Wanted(person="bob"),
        "type": Wanted(task_type=TaskType.ASK),
        "place": Wanted(repository_id=people.shop),
    }
    assert {name: [row.id for row in listed(people, one)] for name, one in ids.items()} == {key: [task] for key in ids}
    assert [row.id for row in listed(people, Wanted(words="100%", model_id=people.model, days=7))] == [mine]
    for nothing in (
        Wanted(outcome=Outcome.MERGED),
        Wanted(person="\x00"),
        Wanted(words="_%"),
        Wanted(model_id=uuid4()),
    ):
        assert listed(people, nothing) == []
    assert {state: len(listed(people, Wanted(state=state))) for state in State} == {
        **dict.fromkeys(State, 0), State.FAILED: 1, State.QUEUED: 1,
    }  # fmt: skip


def test_a_failed_task_begins_again_in_its_persons_name_and_on_their_credits(people: People) -> None:
    task = failed(people)
    before = balance(people.bob), balance(people.alice)
    assert retry(people, task) == 2
    with pytest.raises(Conflict):
        retry(people, task)
    with db.transaction() as session:
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task, TaskRun.number == 2)).one()
        holds = select(CreditTransaction.user_id).where(CreditTransaction.run_id == run.id)
        assert set(session.exec(holds)) == {people.bob.id} and run.prompt == "Bob's"
        notes = select(TaskEvent.payload).where(TaskEvent.run_id == run.id, TaskEvent.kind == EventKind.NOTE)
        assert "Alice (@alice), an admin" in session.exec(notes).one()["text"]
        held = run.held
    assert held > 0 and (balance(people.bob), balance(people.alice)) == ((before[0][0], before[0][1] + held), before[1])
    [row] = auditing.rows()
    assert (row.act, row.login, row.details) == ("run_retried", "alice", {"person": "bob", "held": held})


def balance(user: User) -> tuple[int, int]:
    with db.transaction() as session:
        found = session.get_one(User, user.id)
        return found.credits, found.credits_held


def test_what_its_person_would_be_refused_is_refused_and_nothing_is_written(people: People) -> None:
    task = failed(people)
    refusals: list[tuple[str, type[Exception]]] = [
        ("UPDATE users SET credits = 0, credits_held = 0 WHERE username = 'bob'", NotEnoughCredits),
        ("UPDATE users SET credits = 100, disabled_at = now() WHERE username = 'bob'", Conflict),
        ("UPDATE users SET disabled_at = NULL WHERE username = 'bob'; DELETE FROM user_repository_access", NotFound),
        ("UPDATE tasks SET deleted_at = now()", NotFound),
    ]
    for change, error in refusals:
        with db.transaction() as session:
            for statement in change.split("; "):
                session.execute(text(statement))
        with pytest.raises(error):
            retry(people, task)
    with pytest.raises(NotFound):
        retry(people, uuid4())
    assert auditing.rows() == []


def test_what_came_to_an_end_by_itself_is_left_to_its_person(people: People) -> None:
    task = submit(people, who=people.bob)
    end(claim())
    with pytest.raises(Conflict, match="Only its person"):
        retry(people, task)


def test_it_is_for_admins(people: People) -> None:
    task = failed(people)
    asks: list[Any] = [
        lambda s, u: oversight.window(s, u, Wanted()),
        oversight.models,
        lambda s, u: oversight.repositories(s, u, ""),
        lambda s, u: oversight.repository_name(s, u, people.shop),
        lambda s, u: tasks.retry_for_admin(s, u, task),
        lambda s, u: tasks.stop_for_admin(s, u, task),
    ]
    for ask in asks:
        with pytest.raises(Forbidden), db.transaction() as session:
            ask(session, people.bob)

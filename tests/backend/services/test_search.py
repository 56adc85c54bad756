from uuid import UUID

import pytest

from backend import db
from backend.models import User
from backend.services import search, tasks
from backend.services.tasks import Draft
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.rows import pull_request


@pytest.fixture
def task(people: People) -> UUID:
    draft = Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the coupon totals")
    with db.transaction() as session:
        made = tasks.submit(session, people.alice, draft)
        session.add(pull_request(made, 319, title="Round once", url="https://github.test/pull/319"))
        return made.id


def found(who: User, query: str) -> list[tuple[str, str]]:
    with db.transaction() as session:
        return [(one.kind, one.title) for one in search.everything(session, who, query)]


def test_without_letters_the_newest_tasks_are_found(people: People, task: UUID):
    assert found(people.alice, " ") == [("task", "Mend the coupon totals")]


def test_a_few_letters_find_tasks_pull_requests_and_repositories(people: People, task: UUID):
    assert found(people.alice, "coup") == [("task", "Mend the coupon totals")]
    assert found(people.alice, "#319") == [("pull_request", "#319 Round once")]
    assert ("repository", "alice/sample-shop") in found(people.alice, "sample")


@pytest.mark.parametrize(
    "query", ["coup", "#319", "319", "sample", "%", "' OR 1=1 --", "999999999999999999999", "\\", "\x00", "\ud800"]
)
def test_carol_finds_nothing_of_alices(people: People, task: UUID, query: str):
    assert found(people.carol, query) == []

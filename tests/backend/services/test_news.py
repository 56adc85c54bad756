import pytest

from backend import db
from backend.models import User
from backend.services import claims, news, runs, tasks
from backend.services.claims import Claim
from backend.services.runs import End
from backend.services.tasks import Draft
from backend.words import Failure, Outcome, Priority, Status, TaskType
from tests.conftest import People


@pytest.fixture
def claim(people: People) -> Claim:
    draft = Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        tasks.submit(session, people.alice, draft)
    with db.transaction() as session:
        claimed = claims.claim(session, "a worker")
    assert claimed is not None
    return claimed


def told(who: User, after: int = 0) -> list[tuple[str, str]]:
    with db.transaction() as session:
        return [(one.kind, one.sentence) for one in news.since(session, who, after)[0]]


def end(claim: Claim, how: End) -> None:
    with db.transaction() as session:
        runs.end(session, claim.run_id, claim.fence, how)


def test_a_run_at_work_is_no_news(people: People, claim: Claim):
    assert told(people.alice) == []


def test_a_task_that_ended_is_told_once_and_to_its_owner_alone(people: People, claim: Claim):
    end(claim, End(Status.COMPLETED, "Done.", outcome=Outcome.NO_CHANGES))
    assert told(people.alice) == [("done", "It ended without a change.")]
    assert told(people.carol) == []
    with db.transaction() as session:
        _, newest = news.since(session, people.alice, 0)
        assert newest == news.latest(session, people.alice)
    assert told(people.alice, newest) == []


def test_a_failure_is_told_with_its_reason(people: People, claim: Claim):
    end(claim, End(Status.FAILED, "Gone.", failure=Failure.REPOSITORY_GONE))
    assert told(people.alice) == [("failed", Failure.REPOSITORY_GONE.sentence)]


def test_what_the_person_stopped_is_no_news(people: People, claim: Claim):
    end(claim, End(Status.CANCELLED, "Stopped."))
    assert told(people.alice) == []


def test_a_run_without_budget_is_told_until_it_goes_on(people: People, claim: Claim):
    with db.transaction() as session:
        runs.park(session, claim.run_id, claim.fence, reason="budget", until=None)
    assert [kind for kind, _ in told(people.alice)] == ["budget"]
    with db.transaction() as session:
        task, run = runs.locked(session, claim.run_id)
        runs.wake(session, run, task)
    assert told(people.alice) == []


def test_a_task_that_was_deleted_is_no_news(people: People, claim: Claim):
    end(claim, End(Status.FAILED, "Gone.", failure=Failure.REPOSITORY_GONE))
    with db.transaction() as session:
        task, _ = runs.locked(session, claim.run_id)
        task.deleted_at = task.updated_at
        session.add(task)
    assert told(people.alice) == []

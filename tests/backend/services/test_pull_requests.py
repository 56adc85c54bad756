"""Pull requests as GitHub tells them: newer wins, twice is once, strangers' ones are nobody's."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.errors import Conflict
from backend.github.types import RemotePull
from backend.models import Notice, PullRequest, Task, TaskEvent
from backend.services import claims, deliveries, pull_requests, runs, tasks
from backend.services.runs import End
from backend.words import EventKind, Failure, Outcome, Priority, PullRequestStatus, Status, TaskType
from tests.conftest import People

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPENED = RemotePull(
    github_id=5_000_000_000,
    number=7,
    title="Round once",
    body=None,
    source_branch="asynccoder/1-x",
    target_branch="main",
    status=PullRequestStatus.OPEN,
    url="http://127.0.0.1:3001/alice/sample-shop/pull/7",
    head_sha="a" * 40,
    merged_at=None,
    closed_at=None,
    updated_at=NOON,
)
MERGED = replace(
    OPENED, status=PullRequestStatus.MERGED, merged_at=NOON, closed_at=NOON, updated_at=NOON + timedelta(minutes=1)
)


@pytest.fixture
def task_id(people: People) -> UUID:
    """A finished task of Alice's whose run opened the pull request."""
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        task_id = tasks.submit(session, people.alice, draft).id
    with db.transaction() as session:
        claim = claims.claim(session, "worker")
        assert claim is not None
    with db.transaction() as session:
        pull_requests.observe(session, people.sample, OPENED, task_id=task_id)
        runs.end(session, claim.run_id, claim.fence, End(Status.COMPLETED, "", outcome=Outcome.PR_OPENED))
    return task_id


def test_a_merge_is_counted_in_the_tasks_figures(people: People, task_id: UUID) -> None:
    def rate() -> object:
        with db.transaction() as session:
            return session.execute(text("SELECT success_rate FROM task_analytics")).scalar_one()

    assert rate() == 0
    with db.transaction() as session:
        pull_requests.observe(session, people.sample, MERGED)
    assert rate() == 100


def payload(pull: RemotePull, repository_github_id: int = 11) -> dict[str, Any]:
    def iso(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    return {
        "action": "closed",
        "repository": {"id": repository_github_id},
        "pull_request": {
            "id": pull.github_id,
            "number": pull.number,
            "title": pull.title,
            "state": "closed" if pull.closed_at else "open",
            "html_url": pull.url,
            "head": {"ref": pull.source_branch, "sha": pull.head_sha},
            "base": {"ref": pull.target_branch, "sha": "b" * 40},
            "merged_at": iso(pull.merged_at),
            "closed_at": iso(pull.closed_at),
            "updated_at": iso(pull.updated_at),
        },
    }


def deliver(delivery_id: str, body: dict[str, Any]) -> None:
    with db.transaction() as session:
        deliveries.store(session, delivery_id, "pull_request", body)
    with db.transaction() as session:
        deliveries.apply(session, delivery_id)


def told(task_id: UUID) -> list[str]:
    with db.transaction() as session:
        rows = session.exec(
            select(TaskEvent)
            .where(TaskEvent.task_id == task_id, TaskEvent.kind == EventKind.PULL_REQUEST)
            .order_by(text("seq"))
        )
        return [row.payload["status"] for row in rows]


def outcome(task_id: UUID) -> str | None:
    with db.transaction() as session:
        task = session.get(Task, task_id)
        return task.outcome if task else None


def test_a_merge_is_the_tasks_outcome_and_the_person_is_told(people: People, task_id: UUID) -> None:
    deliver("d1", payload(MERGED))
    assert told(task_id) == ["open", "merged"]
    assert outcome(task_id) == Outcome.MERGED
    with db.transaction() as session:
        kinds = list(session.exec(select(Notice.kind).where(Notice.user_id == people.alice.id)))
    assert kinds.count("pr:status_updated") == 2


def test_what_is_older_never_moves_a_status_back(task_id: UUID) -> None:
    deliver("d1", payload(MERGED))
    deliver("d2", payload(OPENED))
    assert told(task_id) == ["open", "merged"]


def test_of_two_changes_in_one_second_the_end_wins_and_a_merge_is_final(people: People, task_id: UUID) -> None:
    closed = replace(OPENED, status=PullRequestStatus.CLOSED, closed_at=NOON)
    merged = replace(MERGED, updated_at=NOON)
    for pull in (closed, OPENED, merged, closed, OPENED, replace(OPENED, updated_at=NOON + timedelta(hours=1))):
        with db.transaction() as session:
            pull_requests.observe(session, people.sample, pull)
    assert told(task_id) == ["open", "closed", "merged"]
    assert outcome(task_id) == Outcome.MERGED


def test_an_etag_is_kept_only_with_the_state_it_stands_for(people: People, task_id: UUID) -> None:
    def etag_after(pull: RemotePull) -> str | None:
        with db.transaction() as session:
            pull_requests.observe(session, people.sample, pull)
        with db.transaction() as session:
            return session.exec(select(PullRequest.etag)).one()

    assert etag_after(replace(OPENED, etag="open")) == "open"
    closed = replace(MERGED, status=PullRequestStatus.CLOSED, merged_at=None)
    assert etag_after(closed) is None, "a webhook tells none"
    assert etag_after(replace(OPENED, etag="open")) is None, "an answer from before the webhook"
    assert etag_after(replace(closed, etag="closed")) == "closed"


def test_a_reopened_pull_request_is_open_again(task_id: UUID) -> None:
    closed = replace(MERGED, status=PullRequestStatus.CLOSED, merged_at=None, updated_at=NOON + timedelta(minutes=1))
    deliver("d1", payload(closed))
    deliver("d2", payload(replace(OPENED, updated_at=NOON + timedelta(minutes=2))))
    assert told(task_id) == ["open", "closed", "open"]
    assert outcome(task_id) == Outcome.PR_OPENED


def test_one_delivery_many_times_at_once_has_one_effect(task_id: UUID) -> None:
    threads = [threading.Thread(target=deliver, args=("same", payload(MERGED))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(task_id) == ["open", "merged"]


def test_a_pull_request_that_is_nobodys_task_is_not_kept(task_id: UUID) -> None:
    deliver("d1", payload(replace(MERGED, github_id=99, number=99)))
    deliver("d2", payload(replace(MERGED, github_id=98, number=98), repository_github_id=4711))
    with db.transaction() as session:
        assert [row.pr_number for row in session.exec(select(PullRequest))] == [7]


def test_a_malformed_delivery_is_closed_with_its_reason(task_id: UUID) -> None:
    deliver("d1", {"action": "closed", "pull_request": {"id": "x"}})
    with db.transaction() as session:
        assert deliveries.waiting(session) == []
        error = session.execute(text("SELECT error FROM webhook_deliveries")).scalar_one()
    assert "shape" in error


def test_a_merge_during_a_follow_up_is_kept_and_ends_the_follow_ups(people: People, task_id: UUID) -> None:
    with db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, "more")
    with db.transaction() as session:
        claim = claims.claim(session, "worker")
        assert claim is not None
    deliver("d1", payload(MERGED))
    with db.transaction() as session:
        runs.end(session, claim.run_id, claim.fence, End(Status.FAILED, "", failure=Failure.CONFLICT))
    assert outcome(task_id) == Outcome.MERGED
    with pytest.raises(Conflict), db.transaction() as session:
        tasks.follow_up(session, people.alice, task_id, "and more")


def test_words_that_postgresql_refuses_do_not_keep_a_pull_request_out(people: People, task_id: UUID) -> None:
    dirty = replace(MERGED, title="a\0b" + "c" * 90_000, body="half a pair \ud800 \0")
    with db.transaction() as session:
        assert pull_requests.observe(session, people.sample, dirty)
    with db.transaction() as session:
        row = session.exec(select(PullRequest)).one()
        assert row.title.startswith("a\ufffdb") and row.description == "half a pair ? \ufffd"
    assert told(task_id) == ["open", "merged"]

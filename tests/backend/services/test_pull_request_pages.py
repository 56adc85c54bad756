"""Pull requests as their page shows them, and the person's own wish to hear from GitHub about theirs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from backend import clock, db, redis
from backend.errors import Conflict, GitHubError, GitHubUnauthorized
from backend.models import PullRequest, Task, TaskRun, User
from backend.services import progress, pull_request_pages, pull_requests
from backend.services.pull_request_pages import State, Wanted
from backend.settings import get_settings
from backend.words import Phase, PullRequestStatus, Status, TaskType, Visibility
from tests.conftest import People
from tests.github_server import PullServer, pull_server
from tests.rows import pull_request

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)  # before what the server says


@pytest.fixture
def github(people: People, environment: pytest.MonkeyPatch) -> Iterator[PullServer]:
    """A GitHub of this test's own, where the people's tokens are their names."""
    with pull_server() as server:
        environment.setenv("ASYNCCODER_PORT", str(server.server_port - 1))
        get_settings.cache_clear()
        yield server


def pull(
    people: People,
    number: int,
    *,
    user: User | None = None,
    status: str = PullRequestStatus.OPEN,
    visibility: str = Visibility.PRIVATE,
    verdicts: tuple[str | None, ...] = (),
    **changes: Any,
) -> UUID:
    """A pull request of Alice's, or of that person's, whose task has a run for each verdict."""
    with db.transaction() as session:
        task = Task(
            user_id=(user or people.alice).id,
            repository_id=people.shop,
            ai_model_id=people.model,
            title=f"Task {number}",
            prompt="Fix it",
            branch="main",
            status=Status.COMPLETED,
            phase=Phase.ENDED,
            type=TaskType.DEBUG,
            visibility=visibility,
        )
        session.add(task)
        session.flush()
        for place, verdict in enumerate(verdicts or (None,), start=1):
            evidence = {"verdict": verdict} if verdict else None
            run = TaskRun(task_id=task.id, number=place, prompt="Fix it", status="completed", phase="ended")
            run.evidence = evidence
            session.add(run)
        session.add(pull_request(task, number, **{"status": status, "observed_at": MOMENT, **changes}))
        return task.id


def numbers(user: User, **filters: Any) -> list[int]:
    with db.transaction() as session:
        return [row.number for row in pull_request_pages.entries(session, user, Wanted(**filters)).rows]


def test_ones_own_and_shared_ones_are_seen_and_no_others(people: People) -> None:
    pull(people, 1)
    pull(people, 2, visibility=Visibility.REPOSITORY, observed_at=MOMENT + timedelta(minutes=1))
    pull(people, 3, user=people.bob)
    assert numbers(people.alice) == [2, 1]
    assert sorted(numbers(people.bob)) == [2, 3]
    assert numbers(people.carol) == []
    with db.transaction() as session:
        assert pull_request_pages.offered(session, people.carol) == []
        assert pull_request_pages.offered(session, people.alice, "SHOP") == [(people.shop, "acme/shop")]
        rows = {row.number: row for row in pull_request_pages.entries(session, people.bob).rows}
    assert (rows[2].is_mine, rows[2].owner, rows[3].is_mine) == (False, "Alice", True)


def test_those_of_a_deleted_task_are_gone(people: People) -> None:
    task_id = pull(people, 1)
    with db.transaction() as session:
        task = session.get(Task, task_id)
        assert task is not None
        task.deleted_at = clock.now()
        session.add(task)
    assert numbers(people.alice) == []


def test_they_are_narrowed_by_state_repository_and_words(people: People) -> None:
    for number, status in enumerate(PullRequestStatus, start=1):
        pull(people, number, status=status)
    for status in PullRequestStatus:
        assert len(numbers(people.alice, state=State(status.value))) == 1
    assert len(numbers(people.alice, repository_id=people.shop)) == 4
    assert numbers(people.alice, repository_id=people.sample) == []
    assert numbers(people.alice, query="#3") == numbers(people.alice, query="CHANGE 3 ") == [3]
    assert numbers(people.alice, query="task 2") == numbers(people.alice, query="asynccoder/change-2") == [2]
    for nothing in ("%", "9" * 40, "#", "²", "\x00"):
        assert numbers(people.alice, query=nothing) == [], nothing


def test_those_of_one_moment_are_never_skipped(people: People) -> None:
    for number in range(1, 12):
        pull(people, number)
    with db.transaction() as session:
        pages = [pull_request_pages.entries(session, people.alice, number=number, size=4) for number in (1, 2, 3)]
    assert {(page.total, page.pages) for page in pages} == {(11, 3)}
    assert sorted(row.number for page in pages for row in page.rows) == list(range(1, 12))


def test_the_badge_is_the_newest_verdict_of_the_worker(people: People) -> None:
    pull(people, 1, verdicts=("failed", "verified", None))
    pull(people, 2)
    with db.transaction() as session:
        found = {row.number: row.verdict for row in pull_request_pages.entries(session, people.alice).rows}
    assert found == {1: "verified", 2: ""}


def test_a_sync_asks_about_ones_own_open_ones_alone_and_not_twice_in_ten_seconds(
    people: People, github: PullServer
) -> None:
    pull(people, 1, polled_at=clock.now())
    pull(people, 2, status=PullRequestStatus.DRAFT)
    pull(people, 3, status=PullRequestStatus.MERGED)
    pull(people, 4, user=people.bob, visibility=Visibility.REPOSITORY)
    polled = pull_requests.sync(people.alice.id)
    assert (polled.wanted, polled.left, polled.changed) == (2, 0, 1), "the draft is open by now"
    assert sorted(github.asked) == [("gho_alice", 1), ("gho_alice", 2)]
    with pytest.raises(Conflict):
        pull_requests.sync(people.alice.id)
    assert pull_requests.sync(people.bob.id).wanted == 1, "another person's ten seconds are another's"
    assert pull_requests.sync(people.carol.id).wanted == 0
    rests: Any = redis.client(get_settings().resolved_redis_url).pttl(f"lock:{pull_requests.SYNC}:{people.alice.id}")
    assert 0 < rests <= 10_000


def test_a_sync_names_its_trouble_after_it_has_asked_about_the_others(people: People, github: PullServer) -> None:
    github.broken = {1}
    for number in (1, 2, 3):
        pull(people, number)
    with pytest.raises(GitHubError):
        pull_requests.sync(people.alice.id)
    assert sorted(number for _, number in github.asked) == [1, 2, 3]
    with db.transaction() as session:
        titles = session.exec(select(PullRequest.title).where(PullRequest.pr_number == 3)).one()
    assert titles == "Pull request 3, as GitHub has it"


def test_a_sync_with_a_dead_token_asks_to_reconnect(people: People, github: PullServer) -> None:
    github.dead = {"gho_alice"}
    pull(people, 1)
    with pytest.raises(GitHubUnauthorized):
        pull_requests.sync(people.alice.id)
    failed = progress.of(people.alice.id, pull_requests.SYNC)
    assert failed is not None and failed.needs_reconnect

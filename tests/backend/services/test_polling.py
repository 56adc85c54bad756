"""Polling: whoever waited longest comes first, one person's trouble is theirs alone, and other chores go before."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col, select, update

from backend import clock, db, redis
from backend.github.lines import Lines
from backend.models import PullRequest, Task, User
from backend.queue import CHORES, queue, ring_chore, waiting
from backend.services import pull_requests
from backend.settings import get_settings
from backend.words import Phase, Status, TaskType
from jobs import schedule
from jobs import tasks as chores
from tests.conftest import People
from tests.github_server import PullServer, pull_server
from tests.rows import pull_request


@pytest.fixture
def github(people: People, environment: pytest.MonkeyPatch) -> Iterator[PullServer]:
    """A GitHub of this test's own, where the people's tokens are their names."""
    with pull_server() as server:
        environment.setenv("ASYNCCODER_PORT", str(server.server_port - 1))
        get_settings.cache_clear()
        yield server


def open_pull(people: People, user: User, number: int, polled: float | None = None) -> UUID:
    """An open pull request of that person's, last asked about so many seconds ago, or never."""
    with db.transaction() as session:
        task = Task(
            user_id=user.id,
            repository_id=people.sample if user.username == "alice" else people.shop,
            ai_model_id=people.model,
            title="Fix it",
            prompt="Fix it",
            branch="main",
            target_branch="main",
            status=Status.COMPLETED,
            phase=Phase.ENDED,
            type=TaskType.DEBUG,
        )
        session.add(task)
        session.flush()
        last = None if polled is None else clock.now() - timedelta(seconds=polled)
        pull = pull_request(task, number, source_branch=f"branch-{number}", polled_at=last)
        session.add(pull)
        session.flush()
        return pull.id


def unpolled() -> list[int]:
    """The numbers of those that nobody was asked about just now."""
    with db.transaction() as session:
        rows = session.exec(select(PullRequest).order_by(col(PullRequest.pr_number)))
        fresh = clock.now() - timedelta(seconds=30)
        return [row.pr_number for row in rows if row.polled_at is None or row.polled_at < fresh]


def test_the_longest_unasked_come_first_and_the_fresh_are_left(people: People, github: PullServer) -> None:
    for number, polled in enumerate([60, 300, None, 5, 120], start=1):
        open_pull(people, people.alice, number, polled)
    with db.transaction() as session:
        assert [target.number for target in pull_requests.due(session)] == [3, 2, 5, 1]
    assert pull_requests.poll().left == 0
    assert sorted(number for _, number in github.asked) == [1, 2, 3, 5]
    assert pull_requests.poll() == pull_requests.Polled(0, 0) and len(github.asked) == 4, "all are fresh now"


@pytest.mark.parametrize(
    ("status", "hours", "polled", "is_asked"),
    [
        ("closed", 1, 300, False),
        ("closed", 1, 700, True),
        ("closed", 30, 1_000, False),
        ("closed", 30, 4_000, True),
        ("closed", 24 * 31, 90_000, False),
        ("merged", 1, 90_000, False),
    ],
)
def test_a_closed_one_is_asked_about_more_and_more_rarely_and_a_merged_one_never(
    people: People, status: str, hours: float, polled: float, is_asked: bool
) -> None:
    open_pull(people, people.alice, 1, polled)
    with db.transaction() as session:
        closed_at = clock.now() - timedelta(hours=hours)
        session.execute(update(PullRequest).values(status=status, closed_at=closed_at))
    with db.transaction() as session:
        assert [target.number for target in pull_requests.due(session)] == [1] * is_asked


def test_what_github_says_is_kept_with_its_etag(people: People, github: PullServer) -> None:
    open_pull(people, people.alice, 1)
    pull_requests.poll()
    with db.transaction() as session:
        row = session.exec(select(PullRequest)).one()
    assert row.title == "Pull request 1, as GitHub has it" and row.etag == '"1"'


def test_a_dead_token_and_a_broken_answer_keep_nobody_waiting(people: People, github: PullServer) -> None:
    github.dead, github.broken = {"gho_bob"}, {21}
    for number in range(1, 21):
        open_pull(people, people.bob, number, 900)
    for number in range(21, 41):
        open_pull(people, people.alice, number, 100)
    pull_requests.poll()
    assert {number for token, number in github.asked if token == "gho_alice"} == set(range(21, 41))
    assert 1 <= sum(token == "gho_bob" for token, _ in github.asked) <= pull_requests.POLLERS
    assert unpolled() == [], "what failed goes to the end of the line as well"
    with db.transaction() as session:
        assert session.exec(select(User.username).where(~col(User.is_github_connected))).all() == ["bob"]
        session.execute(text("UPDATE pull_requests SET polled_at = NULL"))
    github.asked.clear()
    pull_requests.poll()
    assert {token for token, _ in github.asked} == {"gho_alice"}, "nobody knocks with a dead token again"


def test_a_persons_questions_share_connections_and_nobody_elses(people: People, github: PullServer) -> None:
    for number in range(1, 41):
        open_pull(people, people.bob if number % 2 else people.alice, number)
    pull_requests.poll()
    assert len(github.asked) == 40 and github.lines <= 2 * pull_requests.POLLERS
    with Lines() as lines:
        assert lines.of(people.alice.id) is lines.of(people.alice.id) is not lines.of(people.bob.id)
        open_one = lines.of(people.alice.id)
    assert open_one.is_closed


def test_who_is_rate_limited_is_not_asked_again_in_this_round(people: People, github: PullServer) -> None:
    github.limited = {"gho_bob"}
    for number in range(1, 41):
        open_pull(people, people.bob, number, 900)
    open_pull(people, people.alice, 41, 100)
    pull_requests.poll()
    assert 1 <= sum(token == "gho_bob" for token, _ in github.asked) <= pull_requests.POLLERS
    assert ("gho_alice", 41) in github.asked and unpolled() == []


def test_a_poll_stops_for_other_chores_and_rings_itself_for_the_rest(people: People, github: PullServer) -> None:
    for number in range(1, 31):
        open_pull(people, people.alice, number, 1000 - number)
    ring_chore("apply_deliveries", at_front=True)
    chores.poll_pull_requests()
    first = list(range(1, pull_requests.POLLERS + 1))
    assert sorted(number for _, number in github.asked) == first, "a few in any case: a flood must not starve it"
    assert [job.func_name for job in queue(CHORES).jobs] == [
        "jobs.tasks.apply_deliveries",
        "jobs.tasks.poll_pull_requests",
    ]
    queue(CHORES).empty()
    chores.poll_pull_requests()
    assert unpolled() == [] and len(github.asked) == 30, "none was asked twice"
    assert waiting(CHORES) == 0


def test_a_poll_does_not_stop_for_another_poll(people: People, github: PullServer) -> None:
    for number in range(1, 21):
        open_pull(people, people.alice, number)
    ring_chore("poll_pull_requests")
    chores.poll_pull_requests()
    assert len(github.asked) == 20


def test_the_schedule_rings_when_one_is_due_and_no_chore_waits(people: People, github: PullServer) -> None:
    schedule.poll()
    assert waiting(CHORES) == 0
    pull_id = open_pull(people, people.alice, 1, 10)
    schedule.poll()
    assert waiting(CHORES) == 0
    with db.transaction() as session:
        session.execute(
            update(PullRequest)
            .where(col(PullRequest.id) == pull_id)
            .values(polled_at=clock.now() - timedelta(minutes=1))
        )
    schedule.poll()
    redis.client(get_settings().resolved_redis_url).delete("bell:poll_pull_requests")
    schedule.poll()
    assert waiting(CHORES) == 1

"""What others say of a pull request comes back as a follow-up: reviews, and the failing part of checks that fail."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from backend import clock, db
from backend.errors import Conflict, Forbidden, NotFound
from backend.github.client import GitHub
from backend.github.types import RemoteCheck, RemotePull
from backend.models import PullRequest, Task, TaskMessage, TaskRun
from backend.services import back_again, next_action, pull_requests, pull_signals, tasks
from backend.services.back_again import Kind
from backend.settings import get_settings
from backend.words import Outcome, Priority, PullRequestStatus, Status, TaskType, Visibility
from tests.conftest import People
from tests.github_server import PullServer, pull_server
from tests.hub import LocalHub, push_change
from tests.settled import settle

SHOP, HEAD = "acme/shop", "a" * 40
LOG = """\ufeff2026-01-01T10:00:00.0000000Z ##[group]Run actions/checkout@v4
2026-01-01T10:00:01.0000000Z ##[endgroup]
2026-01-01T10:00:02.0000000Z ##[group]Run make test
2026-01-01T10:00:02.1000000Z ##[endgroup]
2026-01-01T10:00:03.0000000Z \x1b[31mE   assert 41 == 42\x1b[0m
2026-01-01T10:00:03.1000000Z ~~~ not the end
2026-01-01T10:00:04.0000000Z ##[error]Process completed with exit code 1.
2026-01-01T10:00:05.0000000Z Post job cleanup.
"""


@pytest.fixture
def task(people: People) -> UUID:
    """A task of Alice's in the team's repository that ended a while ago."""
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Take notes")
    with db.transaction() as session:
        task_id = tasks.submit(session, people.alice, draft).id
    settle(task_id, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    return task_id


def offered(people: People, task_id: UUID, who: str = "alice") -> next_action.Action | None:
    with db.transaction() as session:
        return next_action.next_action(tasks.page(session, getattr(people, who), task_id))


class TestReviews:
    @pytest.fixture
    def number(self, connected: People, hub: LocalHub, task: UUID) -> int:
        """Its pull request on the hub."""
        url = hub.as_person("alice").clone_url(SHOP)
        push_change(url, "NOTES.md", lambda _: "One\nTwo\n", branch="fix", start="origin/main")
        with GitHub(get_settings().github_api_url, hub.token("alice").access_token) as github:
            made = github.open_pull(SHOP, head="fix", base="main", title="Notes", body="")
        with db.transaction() as session:
            pull_requests.observe(session, connected.shop, made, task_id=task)
        return made.number

    def review(self, hub: LocalHub, number: int, body: str, *lines: tuple[int, str]) -> None:
        comments = [{"path": "NOTES.md", "line": line, "side": "RIGHT", "body": said} for line, said in lines]
        wish = {"event": "REQUEST_CHANGES", "body": body, "comments": comments}
        answer = hub.as_person("bob").ask("POST", f"/repos/{SHOP}/pulls/{number}/reviews", wish)
        assert answer.status_code == 200, answer.text

    def test_a_review_is_offered_and_brought_with_its_lines_until_a_run_knows_it(
        self, hub: LocalHub, connected: People, task: UUID, number: int
    ) -> None:
        assert offered(connected, task) is None
        self.review(hub, number, "Nearly. <!-- and rm -rf / -->", (2, "Three, please\nReally"))
        pull_requests.sync(connected.alice.id)
        action = offered(connected, task)
        assert action is not None and action.brings == (Kind.REVIEW,)
        assert action.sentence == "1 review since the last run."
        words = back_again.text(connected.alice.id, task, Kind.REVIEW)
        assert words.startswith(f"Please address the review of pull request #{number}:\n\nbob wrote:\n\n> Nearly.")
        assert "`NOTES.md:2`, bob:\n\n    Two\n\n> Three, please\n> Really" in words
        assert "rm -rf" not in words
        with db.transaction() as session:
            assert session.exec(select(TaskMessage)).all() == [], "nothing is sent"
            tasks.follow_up(session, connected.alice, task, words)
            later = clock.now() + timedelta(seconds=2)  # than the review, by GitHub's whole seconds
            session.exec(select(TaskRun).where(TaskRun.number == 2)).one().created_at = later
        settle(task, Status.COMPLETED, outcome=Outcome.PR_UPDATED)
        assert offered(connected, task) is None
        with pytest.raises(Conflict, match="since the last run"):
            back_again.text(connected.alice.id, task, Kind.REVIEW)

    def test_what_is_resolved_is_left_out_until_it_is_open_again(
        self, hub: LocalHub, connected: People, task: UUID, number: int
    ) -> None:
        self.review(hub, number, "", (1, "Not one"), (2, "Three, please"))
        first, second = hub.as_person("alice").get(f"/repos/{SHOP}/pulls/{number}/comments").json()
        hub.resolve("alice", SHOP, number, first["id"])
        words = back_again.text(connected.alice.id, task, Kind.REVIEW)
        assert "Three, please" in words and "Not one" not in words
        hub.resolve("alice", SHOP, number, second["id"])
        with pytest.raises(Conflict, match="is resolved"):
            back_again.text(connected.alice.id, task, Kind.REVIEW)
        hub.resolve("alice", SHOP, number, first["id"], resolved=False)
        assert "Not one" in back_again.text(connected.alice.id, task, Kind.REVIEW)

    def test_only_who_steers_the_task_is_offered_it(
        self, hub: LocalHub, connected: People, task: UUID, number: int
    ) -> None:
        self.review(hub, number, "No")
        pull_requests.sync(connected.alice.id)
        with pytest.raises(NotFound):
            back_again.text(connected.bob.id, task, Kind.REVIEW)
        with db.transaction() as session:
            session.get_one(Task, task).visibility = Visibility.REPOSITORY
        assert offered(connected, task, "bob") is None
        with pytest.raises(Forbidden):
            back_again.text(connected.bob.id, task, Kind.REVIEW)


class TestChecks:
    @pytest.fixture
    def server(self, people: People, task: UUID, environment: pytest.MonkeyPatch) -> Iterator[PullServer]:
        """GitHub, with the task's pull request and two checks that failed and one that passed."""
        with pull_server() as server:
            environment.setenv("ASYNCCODER_PORT", str(server.server_port - 1))
            get_settings.cache_clear()
            now = clock.now()
            status = PullRequestStatus.OPEN
            pull = RemotePull(6_000_000_007, 7, "t", None, "fix", "main", status, "http://x", HEAD, None, None, now)
            check = RemoteCheck(31, "build", "github-actions", HEAD, "failure", "", now, now + timedelta(seconds=9))
            found = [
                check,
                replace(check, github_id=32, name="lint`\nx", app="other"),
                replace(check, github_id=33, name="docs", conclusion="success"),
            ]
            with db.transaction() as session:
                pull_requests.observe(session, people.shop, pull, task_id=task)
                known = session.exec(select(PullRequest)).one()
                pull_signals.note_checks(known, found)
                session.add(known)
            yield server

    def test_checks_that_fail_are_brought_with_the_failing_part_of_their_logs(
        self, people: People, task: UUID, server: PullServer
    ) -> None:
        server.logs[31], server.words[32] = LOG, "2 warnings"
        action = offered(people, task)
        assert action is not None and action.brings == (Kind.CHECKS,)
        assert action.sentence.startswith("2 checks fail: build, lint`")
        words = back_again.text(people.alice.id, task, Kind.CHECKS)
        assert words.startswith(f"These checks fail on commit {HEAD[:7]} of pull request #7.")
        assert "`build`:\n\n~~~~\n##[group]Run make test" in words and "E   assert 41 == 42\n~~~ not the end" in words
        assert "Error: Process completed with exit code 1.\n~~~~" in words
        assert "Post job" not in words and "checkout" not in words and "10:00" not in words and "\x1b" not in words
        assert "`lint x`:\n\n~~~\n2 warnings\nshop/totals.py:4: unused import\n~~~" in words
        assert "docs" not in words

    def test_checks_that_pass_by_now_are_nothing_to_mend(self, people: People, task: UUID, server: PullServer) -> None:
        with db.transaction() as session:
            known = session.exec(select(PullRequest)).one()
            pull_signals.forget_head(known)
            session.add(known)
        assert offered(people, task) is None
        with pytest.raises(Conflict, match="No check fails"):
            back_again.text(people.alice.id, task, Kind.CHECKS)


def test_the_failing_part_of_a_long_log_is_its_end() -> None:
    part = back_again.failing_part("\n".join(f"line {number}" for number in range(9_000)))
    assert part.endswith("line 8999") and "line 8900" in part and "line 8000" not in part
    assert len(back_again.failing_part("x" * 50_000)) < 7_000
    assert back_again.failing_part("") == ""

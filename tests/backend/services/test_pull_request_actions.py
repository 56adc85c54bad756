"""Merging, closing, opening again and calling ready from here, on the local hub: GitHub decides, twice is once."""

from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from sqlmodel import select

from backend import db
from backend.errors import (
    Conflict,
    Forbidden,
    GitHubError,
    GitHubNotFound,
    GitHubUnauthorized,
    GitHubUnprocessable,
    NotFound,
)
from backend.github.client import GitHub
from backend.github.types import RemotePull
from backend.models import PullRequest, Repository, Task, User
from backend.services import pull_request_actions as actions
from backend.services import pull_requests, repositories, tasks
from backend.services.pull_request_actions import Deed
from backend.settings import get_settings
from backend.words import Outcome, Priority, PullRequestStatus, Status, TaskType, Visibility
from tests.conftest import People, keep, remote
from tests.git_server import git
from tests.hub import LocalHub, push_change
from tests.settled import settle

SHOP = "acme/shop"


def asked(hub: LocalHub, number: int, login: str = "alice") -> RemotePull:
    with GitHub(get_settings().github_api_url, hub.token(login).access_token) as github:
        found = github.pull(SHOP, number)
    assert isinstance(found, RemotePull)
    return found


def push(hub: LocalHub, words: str, start: str = "") -> str:
    url = hub.as_person("alice").clone_url(SHOP)
    return push_change(url, "NOTES.md", lambda _: words, branch="fix", start=start)


@pytest.fixture
def task(connected: People, hub: LocalHub) -> UUID:
    """A task of Alice's in the team's repository that ended with a pull request of its own on the hub."""
    draft = tasks.Draft(connected.shop, "main", None, connected.model, TaskType.DEBUG, Priority.MEDIUM, "Take notes")
    with db.transaction() as session:
        task_id = tasks.submit(session, connected.alice, draft).id
    settle(task_id, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    push(hub, "Notes\n", start="origin/main")
    return task_id


def opened(hub: LocalHub, people: People, task_id: UUID, *, draft: bool = False) -> RemotePull:
    with GitHub(get_settings().github_api_url, hub.token("alice").access_token) as github:
        made = github.open_pull(SHOP, head="fix", base="main", title="Notes", body="", draft=draft)
    with db.transaction() as session:
        pull_requests.observe(session, people.shop, made, task_id=task_id)
    return made


def kept(task_id: UUID) -> PullRequest:
    with db.transaction() as session:
        return session.exec(select(PullRequest).where(PullRequest.task_id == task_id)).one()


def test_a_merge_is_in_the_persons_name_and_is_known_here_at_once(hub: LocalHub, connected: People, task: UUID) -> None:
    made = opened(hub, connected, task)
    assert actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha) is PullRequestStatus.MERGED
    assert kept(task).status == PullRequestStatus.MERGED
    merged = hub.as_person("alice").get(f"/repos/{SHOP}/pulls/{made.number}").json()
    assert merged["merged_by"]["login"] == "alice"
    with db.transaction() as session:
        assert session.get_one(Task, task).outcome == Outcome.MERGED
    assert actions.do(connected.alice.id, task, Deed.SQUASH, made.head_sha) is PullRequestStatus.MERGED, "twice is once"


def test_what_was_merged_elsewhere_a_moment_ago_is_no_refusal(hub: LocalHub, connected: People, task: UUID) -> None:
    made = opened(hub, connected, task)
    hub.set_webhooks(False)
    hub.merge("bob", SHOP, made.number)
    assert actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha) is PullRequestStatus.MERGED
    assert kept(task).status == PullRequestStatus.MERGED


def test_a_head_that_moved_is_refused_by_name_and_known_from_then_on(
    hub: LocalHub, connected: People, task: UUID
) -> None:
    made = opened(hub, connected, task)
    moved = push(hub, "Other notes\n")
    with pytest.raises(Conflict, match=f"its head is {moved[:7]} now"):
        actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha)
    assert (kept(task).head_sha, kept(task).status) == (moved, PullRequestStatus.OPEN)
    assert actions.do(connected.alice.id, task, Deed.SQUASH, moved) is PullRequestStatus.MERGED


def test_what_conflicts_is_refused_in_githubs_words(hub: LocalHub, connected: People, task: UUID) -> None:
    made = opened(hub, connected, task)
    hub.commit("alice", SHOP, "NOTES.md", lambda _: "What the others wrote\n")
    with pytest.raises(GitHubUnprocessable, match="not mergeable"):
        actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha)
    assert kept(task).status == PullRequestStatus.OPEN


def test_a_draft_is_made_ready_before_it_is_merged(hub: LocalHub, connected: People, task: UUID) -> None:
    made = opened(hub, connected, task, draft=True)
    with pytest.raises(Conflict, match="draft"):
        actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha)
    for _ in range(2):
        assert actions.do(connected.alice.id, task, Deed.READY) is PullRequestStatus.OPEN
    assert asked(hub, made.number).status is PullRequestStatus.OPEN
    with pytest.raises(Conflict, match="head is not known"):
        actions.do(connected.alice.id, task, Deed.MERGE)
    assert actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha) is PullRequestStatus.MERGED


def test_what_is_closed_can_be_opened_again_unless_its_branch_is_gone(
    hub: LocalHub, connected: People, task: UUID
) -> None:
    made = opened(hub, connected, task)
    for _ in range(2):
        assert actions.do(connected.alice.id, task, Deed.CLOSE) is PullRequestStatus.CLOSED
    with pytest.raises(Conflict, match="closed"):
        actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha)
    _remove_branch(hub)
    with pytest.raises(GitHubUnprocessable, match="branch was deleted"):
        actions.do(connected.alice.id, task, Deed.REOPEN)
    push(hub, "Notes again\n", start="origin/main")
    assert actions.do(connected.alice.id, task, Deed.REOPEN) is PullRequestStatus.OPEN
    assert asked(hub, made.number).status is PullRequestStatus.OPEN


def test_who_may_push_and_sees_the_task_may_merge_it_and_nobody_else(
    hub: LocalHub, connected: People, task: UUID
) -> None:
    made = opened(hub, connected, task)
    for stranger in (connected.bob, connected.carol):
        with pytest.raises(NotFound):
            actions.do(stranger.id, task, Deed.CLOSE)
    with db.transaction() as session:
        session.get_one(Task, task).visibility = Visibility.REPOSITORY
        keep(session, connected.bob, remote(12, SHOP, "read"))
    with pytest.raises(Forbidden, match="may push"):
        actions.do(connected.bob.id, task, Deed.CLOSE)
    with db.transaction() as session:
        keep(session, connected.bob, remote(12, SHOP, "write"))
    assert actions.do(connected.bob.id, task, Deed.MERGE, made.head_sha) is PullRequestStatus.MERGED


def test_nothing_is_done_in_an_archived_repository(hub: LocalHub, connected: People, task: UUID) -> None:
    opened(hub, connected, task)
    with db.transaction() as session:
        session.get_one(Repository, connected.shop).is_archived = True
    with pytest.raises(Forbidden):
        actions.do(connected.alice.id, task, Deed.CLOSE)


def test_a_task_without_a_pull_request_has_nothing_to_merge(connected: People, task: UUID) -> None:
    with pytest.raises(NotFound, match="no pull request"):
        actions.do(connected.alice.id, task, Deed.MERGE, "a" * 40)


def test_a_dead_token_asks_to_reconnect_and_changes_nothing(hub: LocalHub, connected: People, task: UUID) -> None:
    made = opened(hub, connected, task)
    hub.reset()
    with pytest.raises(GitHubUnauthorized):
        actions.do(connected.alice.id, task, Deed.MERGE, made.head_sha)
    with db.transaction() as session:
        assert not session.get_one(User, connected.alice.id).is_github_connected
    assert kept(task).status == PullRequestStatus.OPEN
    with pytest.raises(GitHubError):
        repositories.with_github(connected.alice.id, lambda github: github.me())


def _remove_branch(hub: LocalHub) -> None:
    with TemporaryDirectory() as folder:
        git(Path(folder), "clone", "--quiet", hub.as_person("alice").clone_url(SHOP), ".")
        git(Path(folder), "push", "--quiet", "origin", ":refs/heads/fix")


@pytest.mark.parametrize("deed", [Deed.CLOSE, Deed.MERGE])
def test_another_repositorys_pull_request_of_that_number_is_left_alone(
    hub: LocalHub, connected: People, task: UUID, deed: Deed
) -> None:
    made = opened(hub, connected, task)
    hub.control("repository", repository=SHOP, what="renamed", name="till")
    assert asked(hub, made.number).github_id == made.github_id, "the old name leads on"
    hub.control("repository", repository="alice/notes", what="transferred", owner="acme")
    hub.control("repository", repository="acme/notes", what="renamed", name="shop")
    alice = hub.as_person("alice")
    hub.control("repository", repository=SHOP, what="member_added", login="alice", level="admin")
    push_change(alice.clone_url(SHOP), "NEW.md", lambda _: "Theirs\n", branch="theirs", start="origin/main")
    wish = {"head": "theirs", "base": "main", "title": "Theirs"}
    theirs = alice.ask("POST", f"/repos/{SHOP}/pulls", wish).json()
    with db.transaction() as session:
        session.get_one(PullRequest, kept(task).id).pr_number = theirs["number"]
    with pytest.raises(GitHubNotFound, match="Another repository is called acme/shop"):
        actions.do(connected.alice.id, task, deed, made.head_sha)
    assert alice.get(f"/repos/{SHOP}/pulls/{theirs['number']}").json()["state"] == "open"
    assert kept(task).status == PullRequestStatus.OPEN

"""Commit and push: once, never by force, and on top of what somebody else pushed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.errors import GitError, InvalidInput, RunFailed
from backend.words import Failure
from backend.workspace import push
from backend.workspace.checkout import Checkout
from backend.workspace.mirror import Mirror
from tests.backend.workspace.conftest import ME, PROTOCOLS, TOKEN, Hub
from tests.git_server import add_commit, git

BRANCH = "asynccoder/0a1b2c3d-round-once"
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def commit(checkout: Checkout, path: str, content: str, title: str = "Round once") -> str:
    (checkout.work_tree / path).write_text(content)
    sha = push.commit(checkout, title=title, body="Because.", author=ME, trailers=["Task: http://x/1"], when=NOON)
    assert sha is not None
    return sha


def send(hub: Hub, checkout: Checkout, sha: str, branch: str = BRANCH) -> str:
    return push.push(checkout, branch, sha, TOKEN, hub.url, PROTOCOLS)


def test_a_commit_is_the_persons_by_the_platforms_hand(checkout: Checkout) -> None:
    sha = commit(checkout, "new", "x", "Round\nonce")
    shown = git(checkout.git_dir, "log", "-1", "--format=%an <%ae>%n%cn%n%P%n%B", sha)
    assert shown.split("\n") == [
        *("Alice <alice@example.org>", "Async Coder", checkout.base_sha),
        *("Round once", "", "Because.", "", "Task: http://x/1"),
    ]


def test_no_change_is_no_commit(checkout: Checkout) -> None:
    assert push.commit(checkout, title="x", body="", author=ME) is None


def test_committing_twice_is_once_even_on_another_machine(checkout: Checkout, mirror: Mirror, tmp_path: Path) -> None:
    sha = commit(checkout, "new", "x")
    assert commit(checkout, "new", "x") == sha
    assert commit(Checkout.create(tmp_path / "other", mirror, checkout.base_sha, None), "new", "x") == sha


def test_a_name_cannot_break_out_of_the_commits_header(checkout: Checkout) -> None:
    (checkout.work_tree / "new").write_text("x")
    author = ("Eve <eve@x>\ncommitter Root", "a>b\n@c")
    sha = push.commit(checkout, title="\0", body="\0", author=author)
    assert git(checkout.git_dir, "log", "-1", "--format=%an|%ae|%cn|%s", str(sha)) == (
        "Eve eve@x committer Root|a b @c|Async Coder|Changes"
    )


def test_the_work_branch_is_made_of_id_and_title() -> None:
    assert push.work_branch("0a1b2c3d", "Fix the Total (again)!") == "asynccoder/0a1b2c3d-fix-the-total-again"
    assert push.work_branch("0a1b2c3d", "修正") == "asynccoder/0a1b2c3d"
    assert len(push.work_branch("0a1b2c3d", "word " * 100)) < 80
    assert push.work_branch("0a1b2c3d", "x..lock .lock") == "asynccoder/0a1b2c3d-x-lock-lock"


def test_pushing_twice_is_once(hub: Hub, checkout: Checkout) -> None:
    sha = commit(checkout, "new", "x")
    assert send(hub, checkout, sha) == sha
    assert send(hub, checkout, sha) == sha
    assert git(hub.shop, "rev-parse", BRANCH) == sha


@pytest.mark.parametrize("branch", ["--receive-pack=touch x", "../..", "a\0b", "-f", "main:main"])
def test_a_hostile_branch_is_refused(hub: Hub, checkout: Checkout, branch: str) -> None:
    with pytest.raises(InvalidInput):
        send(hub, checkout, checkout.base_sha, branch)


def test_a_branch_that_somebody_moved_gets_our_work_on_top(hub: Hub, checkout: Checkout) -> None:
    send(hub, checkout, commit(checkout, "one", "1"))
    theirs = add_commit(hub.shop, {"theirs": "x"}, branch=BRANCH)
    second = commit(checkout, "two", "2", "Second")
    pushed = send(hub, checkout, second)
    assert pushed != second
    assert git(hub.shop, "log", "--format=%s", BRANCH).split("\n") == ["Second", "A change", "Round once", "A change"]
    assert git(hub.shop, "rev-parse", f"{pushed}^") == theirs
    assert git(hub.shop, "log", "-1", "--format=%an %cn", pushed) == "Alice Async Coder"
    assert send(hub, checkout, second) == pushed  # an attempt that did not hear of it finds it there


def test_changes_to_the_same_file_are_merged_where_they_do_not_touch(hub: Hub, checkout: Checkout) -> None:
    long = "".join(f"line {number}\n" for number in range(30))
    send(hub, checkout, commit(checkout, "long", long))
    add_commit(hub.shop, {"long": "first\n" + long}, branch=BRANCH)
    send(hub, checkout, commit(checkout, "long", long + "last\n"))
    assert git(hub.shop, "show", f"{BRANCH}:long") == f"first\n{long}last"


def test_a_conflict_changes_nothing_and_is_said(hub: Hub, checkout: Checkout) -> None:
    send(hub, checkout, commit(checkout, "same", "ours\n"))
    theirs = add_commit(hub.shop, {"same": "theirs\n"}, branch=BRANCH)
    with pytest.raises(RunFailed) as failed:
        send(hub, checkout, commit(checkout, "same", "ours again\n"))
    assert failed.value.failure is Failure.CONFLICT
    assert git(hub.shop, "rev-parse", BRANCH) == theirs


def test_work_that_is_there_under_another_name_is_found(hub: Hub, checkout: Checkout) -> None:
    theirs = add_commit(hub.shop, {"new": "x"}, branch="main")
    git(hub.shop, "update-ref", f"refs/heads/{BRANCH}", theirs)
    assert send(hub, checkout, commit(checkout, "new", "x")) == theirs


def test_a_rule_of_the_server_is_a_rejected_push_with_its_words(hub: Hub, checkout: Checkout) -> None:
    hook = hub.shop / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'GH013: Repository rule violations found' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RunFailed) as failed:
        send(hub, checkout, commit(checkout, "new", "x"))
    assert failed.value.failure is Failure.PUSH_REJECTED
    assert "hook declined" in str(failed.value)


@pytest.mark.parametrize(
    ("status", "failure"), [(401, Failure.ACCESS_LOST), (403, Failure.ACCESS_LOST), (404, Failure.REPOSITORY_GONE)]
)
def test_access_that_was_lost_is_said(hub: Hub, checkout: Checkout, status: int, failure: Failure) -> None:
    sha = commit(checkout, "new", "x")
    hub.server.refusals["shop"] = status
    with pytest.raises(RunFailed) as failed:
        send(hub, checkout, sha)
    assert failed.value.failure is failure


def test_a_server_that_is_down_may_be_tried_again(hub: Hub, checkout: Checkout) -> None:
    sha = commit(checkout, "new", "x")
    hub.server.refusals["shop"] = 503
    with pytest.raises(GitError):
        send(hub, checkout, sha)
    hub.server.refusals.clear()
    assert send(hub, checkout, sha) == sha

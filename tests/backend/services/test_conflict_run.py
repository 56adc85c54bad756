"""A conflict with the target, from the button to the merge commit, and what is no end of it."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import Session, col, select

from backend import db
from backend.errors import Conflict, Forbidden, NotFound
from backend.models import PullRequest, TaskEvent, User
from backend.services import credits, next_action, pull_requests, tasks
from backend.words import EventKind, Failure, Outcome, Status
from tests.backend.services.road import hand_to_the_next, kinds, run_of, signed_in, submit, task_of, work
from tests.git_server import git
from tests.hub import LocalHub

SHOP, TOTALS = "alice/sample-shop", "shop/totals.py"
THEIRS = "# Kept in cents elsewhere.\n    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt\n"


def rewritten(old: str) -> str:
    """The file as somebody else changed it, where the scripted model changes it too."""
    return old.replace("    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt\n", THEIRS)


def look(alice: UUID) -> None:
    """Asks GitHub about the pull requests, as the poller does."""
    with db.transaction() as session:
        pull_requests.ask_soon(session, PullRequest.pr_number == 1)  # type: ignore[arg-type]  # a column's comparison
    pull_requests.poll()


def take(alice: UUID, task_id: UUID) -> None:
    """Presses the button."""
    with db.transaction() as session:
        next_action.take(session, session.get_one(User, alice), task_id)


def offered(session: Session, user_id: UUID, task_id: UUID) -> str:
    action = next_action.next_action(tasks.page(session, session.get_one(User, user_id), task_id))
    return action.kind if action else ""


@pytest.fixture
def conflicting(hub: LocalHub, alice: UUID) -> UUID:
    """A task whose pull request conflicts with main, as GitHub has told it."""
    task_id = submit(alice)
    assert work() == 0
    hub.commit("alice", SHOP, TOTALS, rewritten)
    hub.commit("alice", SHOP, "NEWS.md", lambda old: "News.\n")
    look(alice)
    with db.transaction() as session:
        assert offered(session, alice, task_id) == next_action.RESOLVE
    return task_id


def is_mergeable() -> bool | None:
    with db.transaction() as session:
        return session.exec(select(PullRequest.is_mergeable)).one()


def last_words(task_id: UUID) -> str:
    """What the log says of the newest run's end."""
    with db.transaction() as session:
        ended = select(TaskEvent).where(TaskEvent.task_id == task_id, TaskEvent.kind == EventKind.ENDED)
        return str(session.exec(ended.order_by(col(TaskEvent.seq).desc())).first().payload["text"])  # type: ignore[union-attr]


def test_a_conflict_is_resolved_by_a_merge_commit_in_the_same_pull_request(
    hub: LocalHub, alice: UUID, conflicting: UUID, tmp_path: Path
) -> None:
    before = run_of(conflicting).head_sha
    take(alice, conflicting)
    assert work() == 0
    run = run_of(conflicting)
    assert (run.number, run.status, run.outcome) == (2, Status.COMPLETED, Outcome.PR_UPDATED)
    assert (run.base_sha, run.evidence and run.evidence["verdict"]) == (before, "verified")
    git(tmp_path, "clone", "--quiet", hub.as_person("alice").clone_url(SHOP), "copy")
    shown = git(tmp_path / "copy", "log", "-1", "--format=%P|%s", str(run.head_sha))
    assert shown == f"{before} {run.merged_sha}|Merge main into {task_of(conflicting).work_branch}"
    look(alice)
    assert is_mergeable()
    assert hub.pulls("alice", SHOP) == [(1, task_of(conflicting).work_branch, "open")]
    with db.transaction() as session:
        reader = session.get_one(User, alice)
        (file,) = tasks.diff(session, reader, conflicting)  # what main brought is not the task's own
        assert file.path == TOTALS
        assert offered(session, alice, conflicting) == ""
        note = next(one for one in session.exec(select(TaskEvent)) if one.payload.get("code") == "merge_begun")
        assert (note.payload["conflicts"], note.payload["theirs"]) == ([TOTALS], run.merged_sha)
        assert credits.unbalanced(session) == []
    hub.merge("alice", SHOP, 1)


@pytest.mark.parametrize("point", ["after_a_model_answer", "before_the_commit", "after_the_push"])
def test_a_worker_killed_while_it_resolves_leaves_one_merge(
    hub: LocalHub, alice: UUID, conflicting: UUID, point: str
) -> None:
    take(alice, conflicting)
    assert work(point) == -9
    hub.commit(
        "alice", SHOP, "LATER.md", lambda old: "Later.\n"
    )  # the next worker merges what the first one began with
    hand_to_the_next(conflicting)
    assert work() == 0
    run = run_of(conflicting)
    assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.PR_UPDATED, 2)
    log = kinds(conflicting)[kinds(conflicting).index(EventKind.ENDED) + 1 :]
    for once in (EventKind.COMMIT, EventKind.EVIDENCE, EventKind.PUSH, EventKind.SETTLED, EventKind.ENDED):
        assert log.count(once) == 1, f"{once} is there once"
    with db.transaction() as session:
        codes = [one.payload.get("code") for one in session.exec(select(TaskEvent))]
        assert codes.count("merge_begun") == 1
        assert credits.unbalanced(session) == []
    look(alice)
    assert is_mergeable()


def test_what_git_can_merge_alone_asks_no_model_and_costs_nothing(
    hub: LocalHub, alice: UUID, conflicting: UUID
) -> None:
    take(alice, conflicting)
    hub.commit("alice", SHOP, TOTALS, lambda old: old.replace(THEIRS, THEIRS.split("\n", 1)[1]))
    assert work() == 0
    run = run_of(conflicting)
    assert (run.status, run.outcome, run.steps, run.charged) == (Status.COMPLETED, Outcome.PR_UPDATED, 0, 0)
    look(alice)
    assert is_mergeable()


def test_markers_that_the_model_leaves_are_a_failure_that_pushes_nothing(
    hub: LocalHub, alice: UUID, conflicting: UUID
) -> None:
    odd = "a`b.md"  # the script reads it under another name
    hub.commit("alice", SHOP, odd, lambda old: "Theirs.\n", branch=str(task_of(conflicting).work_branch))
    hub.commit("alice", SHOP, odd, lambda old: "Also theirs.\n")
    look(alice)
    head = hub.as_person("alice").get(f"/repos/{SHOP}/pulls/1").json()["head"]["sha"]
    take(alice, conflicting)
    assert work() == 0
    run = run_of(conflicting)
    assert (run.status, run.failure) == (Status.FAILED, Failure.CONFLICT)
    assert "its markers are still in `a b.md`. Nothing was pushed." in last_words(conflicting)
    assert hub.as_person("alice").get(f"/repos/{SHOP}/pulls/1").json()["head"]["sha"] == head
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        retried = tasks.retry(session, session.get_one(User, alice), conflicting)
        assert retried.merges_target


def test_the_button_is_the_owners_and_asks_once(hub: LocalHub, alice: UUID, conflicting: UUID) -> None:
    take(alice, conflicting)
    with pytest.raises(Conflict), db.transaction() as session:
        next_action.take(session, session.get_one(User, alice), conflicting)
    with pytest.raises(Conflict, match="A run is at work"), db.transaction() as session:
        tasks.follow_up(session, session.get_one(User, alice), conflicting, "Again.", merges_target=True)
    with db.transaction() as session:
        carol = session.get_one(User, signed_in(hub, "carol"))
        with pytest.raises((NotFound, Forbidden)):
            next_action.take(session, carol, conflicting)


def test_a_target_that_is_gone_is_told_by_name(hub: LocalHub, alice: UUID, conflicting: UUID) -> None:
    take(alice, conflicting)
    with db.transaction() as session:
        found = session.exec(select(PullRequest)).one()
        found.target_branch = "gone"
        session.add(found)
    assert work() == 0
    run = run_of(conflicting)
    assert (run.status, run.failure) == (Status.FAILED, Failure.REPOSITORY_GONE)
    assert last_words(conflicting) == "The branch gone no longer exists."


def test_nothing_to_merge_is_an_outcome(hub: LocalHub, alice: UUID, conflicting: UUID) -> None:
    take(alice, conflicting)
    assert work() == 0
    with db.transaction() as session:
        found = session.exec(select(PullRequest)).one()
        found.is_mergeable = False  # as told before the merge
        session.add(found)
    take(alice, conflicting)
    assert work() == 0
    run = run_of(conflicting)
    assert (run.status, run.outcome, run.charged) == (Status.COMPLETED, Outcome.NO_CHANGES, 0)

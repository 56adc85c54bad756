"""The road of a run on real git, a real jail and the local hub, and the death of its worker at each point of it."""

import time
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

import jobs.tasks
from backend import db
from backend.errors import GitHubError, GitHubUnprocessable, RunFailed
from backend.github.client import GitHub
from backend.models import CreditTransaction, PullRequest, RepositorySettings, User
from backend.services import credits, repositories, tasks, workplace
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, Phase, Status
from tests.backend.services.road import hand_to_the_next, kinds, run_of, started, submit, task_of, work
from tests.dying_worker import POINTS
from tests.git_server import git
from tests.hub import LocalHub, push_change
from tests.processes import commands_with


def test_a_debug_task_on_the_sample_ends_in_a_verified_pull_request(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    assert work() == 0
    run, task = run_of(task_id), task_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.PR_OPENED)
    assert run.evidence is not None
    assert (run.evidence["verdict"], run.evidence["command"]) == ("verified", "python3 -m unittest")
    assert run.sandbox in ("bubblewrap", "sandlock")
    assert hub.pulls("alice", "alice/sample-shop") == [(1, task.work_branch, "open")]
    assert run.charged is not None and 0 < run.charged <= run.held
    assert kinds(task_id).count("model_turn") == run.steps
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        files = [row.path for row in tasks.diff(session, session.get_one(User, alice), task_id)]
    assert files == ["shop/totals.py"]


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_leaves_a_run_that_goes_on_by_itself(
    hub: LocalHub, alice: UUID, point: str
) -> None:
    task_id = submit(alice)
    assert work(point) == -9
    turns_before = kinds(task_id).count("model_turn")
    hand_to_the_next(task_id)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.PR_OPENED, 2)
    assert len(hub.pulls("alice", "alice/sample-shop")) == 1
    log = kinds(task_id)
    assert log.count("model_turn") == run.steps >= turns_before
    for once in (EventKind.COMMIT, EventKind.EVIDENCE, EventKind.PUSH, EventKind.SETTLED, EventKind.ENDED):
        assert log.count(once) == 1, f"{once} is there once"
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        charges = list(session.exec(select(CreditTransaction).where(CreditTransaction.type == "debit")))
        assert [row.amount for row in charges] == [-(run.charged or 0)]
        paid = session.execute(
            text("SELECT sum((payload->>'cost_micro')::bigint) FROM task_events WHERE kind = 'model_turn'")
        ).scalar_one()
        assert paid == run.cost_micro
    assert commands_with(run.id.hex) == []


def test_a_run_that_gets_on_between_the_deaths_of_its_workers_completes(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    for _ in range(3):
        assert work("after_a_model_answer") == -9
        hand_to_the_next(task_id)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.PR_OPENED, 4)
    assert len(hub.pulls("alice", "alice/sample-shop")) == 1
    log = kinds(task_id)
    assert log.count("model_turn") == run.steps and log.count(EventKind.SETTLED) == 1
    with db.transaction() as session:
        assert credits.unbalanced(session) == []


def test_a_follow_up_pushes_to_the_same_branch_and_pull_request(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    work()
    branch = task_of(task_id).work_branch
    with db.transaction() as session:
        tasks.follow_up(session, session.get_one(User, alice), task_id, "Add a test for refunds as well.")
    work()
    run = run_of(task_id)
    assert (run.number, run.status, run.outcome) == (2, Status.COMPLETED, Outcome.PR_UPDATED)
    assert hub.pulls("alice", "alice/sample-shop") == [(1, branch, "open")]
    with db.transaction() as session:
        assert session.exec(select(PullRequest.head_sha)).one() == run.head_sha
        assert credits.unbalanced(session) == []


def test_what_others_merged_meanwhile_is_not_the_tasks_own(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    assert work("after_a_model_answer") == -9
    with db.transaction() as session:
        tasks.cancel(session, session.get_one(User, alice), task_id)
    hand_to_the_next(task_id)
    hub.commit("alice", "alice/sample-shop", "README.md", lambda old: old + "\nSomebody else's line.\n")
    with db.transaction() as session:
        tasks.follow_up(session, session.get_one(User, alice), task_id, "Do it now.")
    assert work() == 0
    with db.transaction() as session:
        reader = session.get_one(User, alice)
        assert [row.path for row in tasks.diff(session, reader, task_id)] == ["shop/totals.py"]
        assert b"README" not in b"".join(tasks.patch(session, reader, task_id))


def test_a_follow_up_to_a_closed_pull_request_whose_branch_is_gone_opens_a_new_one(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    work()
    github, branch = hub.as_person("alice"), task_of(task_id).work_branch
    github.ask("PATCH", "/repos/alice/sample-shop/pulls/1", {"state": "closed"})
    github.ask("DELETE", f"/repos/alice/sample-shop/git/refs/heads/{branch}")
    with db.transaction() as session:
        tasks.follow_up(session, session.get_one(User, alice), task_id, "Once more, please.")

    def reopening_is_refused(self: GitHub, name: str, number: int, **change: object) -> None:
        assert number == 1
        raise GitHubUnprocessable("GitHub refused this: state cannot be changed.")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GitHub, "update_pull", reopening_is_refused)  # the local hub looks at the branch alone
        assert work() == 0
    run = run_of(task_id)
    assert (run.number, run.status, run.outcome) == (2, Status.COMPLETED, Outcome.PR_OPENED)
    with db.transaction() as session:
        assert session.exec(select(PullRequest.pr_number).where(PullRequest.task_id == task_id)).all() == [2]


def test_a_merge_that_only_the_hand_over_saw_is_kept(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    work()
    hub.set_webhooks(False)
    hub.merge("alice", "alice/sample-shop", 1)
    with db.transaction() as session:
        tasks.follow_up(session, session.get_one(User, alice), task_id, "Add a test for refunds as well.")
    work()
    assert (run_of(task_id).status, run_of(task_id).failure) == (Status.FAILED, Failure.CONFLICT)
    with db.transaction() as session:
        assert session.exec(select(PullRequest.status)).one() == "merged"
    assert task_of(task_id).outcome == Outcome.MERGED


def test_work_against_a_branch_that_was_deleted_meanwhile_fails_once_and_is_paid(
    hub: LocalHub, alice: UUID, tmp_path: Path
) -> None:
    url = hub.as_person("alice").clone_url("alice/sample-shop")
    push_change(url, "NEXT.md", lambda old: "next", "next", "origin/main")
    task_id = submit(alice, branch="next")
    assert work("before_the_commit") == -9
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "push", "--quiet", url, ":refs/heads/next")
    hand_to_the_next(task_id)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.failure, run.attempt) == (Status.FAILED, Failure.REPOSITORY_GONE, 2)
    assert run.charged
    with db.transaction() as session:
        assert b"shop/totals.py" in b"".join(tasks.patch(session, session.get_one(User, alice), task_id))
        assert session.exec(select(CreditTransaction).where(CreditTransaction.type == "refund")).all() == []


def test_mirrors_that_cannot_be_written_are_the_admins_to_mend(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    folder = get_settings().data_dir / "mirrors"
    folder.write_text("in the way of the folder")
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.attempt) == (Status.PENDING, 2) and "Ask your admin" in (run.reason or "")


def test_on_any_other_repository_the_script_says_so_and_changes_nothing(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice, "alice/notes", "Make it faster")
    work()
    run = run_of(task_id)
    assert (run.status, run.outcome, run.evidence) == (Status.COMPLETED, Outcome.NO_CHANGES, None)
    assert hub.pulls("alice", "alice/notes") == []


def test_with_the_bug_altered_the_evidence_says_failed_and_the_pull_request_is_a_draft(
    hub: LocalHub, alice: UUID
) -> None:
    hub.commit(
        "alice",
        "alice/sample-shop",
        "shop/totals.py",
        lambda old: old.replace("exempt = sum(", "exempt = 1 + sum("),
    )
    task_id = submit(alice)
    work()
    run = run_of(task_id)
    assert run.evidence is not None and run.evidence["verdict"] == "failed"
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.PR_OPENED)
    assert [state for _, _, state in hub.pulls("alice", "alice/sample-shop")] == ["draft"]


def test_a_branch_that_vanished_is_told_by_name(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET branch = 'gone'"))
    work()
    run = run_of(task_id)
    assert (run.status, run.failure, run.charged) == (Status.FAILED, Failure.REPOSITORY_GONE, 0)


def test_without_a_jail_the_run_fails_by_name_and_runs_nothing(
    hub: LocalHub, alice: UUID, environment: pytest.MonkeyPatch
) -> None:
    task_id = submit(alice)
    environment.setenv("ASYNCCODER_SANDBOX", "bubblewrap")
    environment.setenv("PATH", "/nonexistent")
    get_settings.cache_clear()
    jobs.tasks.look()
    run = run_of(task_id)
    assert (run.status, run.failure) == (Status.FAILED, Failure.SANDBOX_UNAVAILABLE)
    assert "tool_started" not in kinds(task_id)


def test_a_workspace_that_resists_removal_hides_no_ending_and_is_left_to_the_sweep(
    hub: LocalHub, alice: UUID, environment: pytest.MonkeyPatch
) -> None:
    def resist(folder: Path) -> None:
        raise RunFailed(Failure.INTERNAL_ERROR, f"rm failed: {folder}")

    with environment.context() as patched:  # root can remove everything, so the resistance is played
        patched.setitem(vars(workplace), "remove", resist)
        task_id = submit(alice, "alice/notes", "Make it faster")
        assert work() == 0
        run = run_of(task_id)
        assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.NO_CHANGES, 1)
        assert workplace.sweep_workspaces() == 0
    assert workplace.sweep_workspaces() == 1
    assert workplace.sweep_workspaces() == 0


def test_a_run_that_is_stopped_while_its_tests_run_pushes_nothing_and_keeps_the_patch(
    hub: LocalHub, alice: UUID
) -> None:
    task_id = submit(alice)
    with db.transaction() as session:
        session.add(RepositorySettings(repository_id=task_of(task_id).repository_id, test_command="sleep 60"))
    worker = started()
    try:
        while task_of(task_id).phase != Phase.VERIFYING:
            assert worker.is_alive()
            time.sleep(0.05)
        with db.transaction() as session:
            tasks.cancel(session, session.get_one(User, alice), task_id)
        worker.join(30)
        assert worker.exitcode == 0
    finally:
        worker.kill()
    assert run_of(task_id).status == Status.CANCELLED
    assert not {"push", "evidence"} & set(kinds(task_id))
    assert hub.pulls("alice", "alice/sample-shop") == []
    with db.transaction() as session:
        assert b"shop/totals.py" in b"".join(tasks.patch(session, session.get_one(User, alice), task_id))


def test_a_rate_limit_of_githubs_at_the_hand_over_is_waited_for(
    hub: LocalHub, alice: UUID, environment: pytest.MonkeyPatch
) -> None:
    def limited(user_id: UUID, ask: object) -> None:
        raise GitHubError("GitHub limits the rate of requests; it goes on in 60 s.", retry_after=60)

    task_id = submit(alice)
    with environment.context() as patched:
        patched.setitem(vars(repositories), "with_github", limited)
        assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.phase, run.reason) == (Status.PENDING, Phase.PARKED, "github_rate_limited")
    assert run.until is not None and hub.pulls("alice", "alice/sample-shop") == []
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET until = now()"))
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.PR_OPENED, 1)
    assert kinds(task_id).count(EventKind.EVIDENCE) == 1

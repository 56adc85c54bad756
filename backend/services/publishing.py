"""The way of a run's commit to GitHub: the push, the task's one pull request, and the run's end."""

from dataclasses import asdict, dataclass, replace

from sqlmodel import Session

from backend.db import patiently
from backend.engine.assignment import Ending
from backend.errors import GitError, GitHubError, GitHubNotFound, GitHubUnprocessable, RunFailed
from backend.github.client import GitHub
from backend.github.types import RemotePull
from backend.models import Task, TaskResult, TaskRun
from backend.services import git_tokens, pull_requests, repositories, runs, whereabouts
from backend.services.evidence import Evidence
from backend.services.report import pull_request_body
from backend.services.runs import End
from backend.services.second_opinion import Opinion
from backend.services.workplace import Workplace
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, PullRequestStatus, Status, TaskType, Verdict
from backend.workspace import diff, push
from backend.workspace.diff import FileChange


@dataclass(frozen=True)
class Commit:
    """The run's commit with what the task changes up to it."""

    sha: str
    title: str
    files: list[FileChange]


@dataclass(frozen=True)
class Work:
    """What is handed over: the commit, what the worker saw of it, what the model says of it, and what another does."""

    commit: Commit
    evidence: Evidence
    ending: Ending
    opinion: Opinion | None


def publish(place: Workplace, work: Work) -> None:
    """Pushes, finds or opens the pull request, and ends the run."""
    place = replace(place, facts=whereabouts.followed(place.facts, Failure.PR_CREATE_FAILED))
    facts, sha = place.facts, work.commit.sha
    branch = facts.work_branch or push.work_branch(facts.short_id, work.commit.title)
    patiently(lambda session: _remember_branch(session, place, branch))
    token = git_tokens.for_push(facts)
    try:
        pushed = push.push(place.checkout, branch, sha, token, facts.clone_url, get_settings().git_protocols)
    except GitError as error:
        raise RunFailed(Failure.PR_CREATE_FAILED, f"The branch could not be pushed. {error}") from error
    place.recorder.once(EventKind.PUSH, {"branch": branch, "sha": pushed}, f"push:{pushed}")
    try:
        pull, created = repositories.with_github(facts.user_id, lambda github: _pull(github, place, work, branch))
    except GitHubNotFound as error:
        raise RunFailed(Failure.ACCESS_LOST) from error
    except GitHubError as error:
        if error.retry_after is not None:
            raise  # the work is done and paid for: it waits
        raise RunFailed(Failure.PR_CREATE_FAILED, f"{Failure.PR_CREATE_FAILED.sentence} {error}") from error
    outcome = Outcome.PR_OPENED if created or facts.number == 1 else Outcome.PR_UPDATED
    patiently(lambda session: _settle(session, place, work, pushed, pull, outcome))


def _remember_branch(session: Session, place: Workplace, branch: str) -> None:
    runs.require(session, place.claim.run_id, place.claim.fence)
    task = session.get_one(Task, place.facts.task_id)
    task.work_branch = branch
    session.add(task)


def _pull(github: GitHub, place: Workplace, work: Work, branch: str) -> tuple[RemotePull, bool]:
    """The task's pull request with this work in it, and whether it was opened just now."""
    facts = place.facts
    name, target = facts.full_name, facts.target_branch
    body = pull_request_body(facts, work.ending, work.evidence.payload(), work.opinion)
    found = _known_pull(github, place) or github.find_pull(name, branch, target)
    if found is not None:
        try:
            return _continue(github, place, found, work.commit.sha, body), False
        except GitHubUnprocessable:
            if found.status is not PullRequestStatus.CLOSED:
                raise
            # One that was closed and whose branch was deleted is not opened again: the task gets a new one.
    is_draft = facts.draft_policy == "draft" or (
        facts.draft_policy == "unverified" and work.evidence.verdict is Verdict.FAILED
    )
    try:
        opened = github.open_pull(name, head=branch, base=target, title=work.commit.title, body=body, draft=is_draft)
    except GitHubUnprocessable as error:
        # Our own call of a moment ago may have been carried out though its answer was lost.
        found = github.find_pull(name, branch, target)
        if found is None:
            raise _final(error, target) or error from None
        return found, False
    return opened, True


def _final(error: GitHubUnprocessable, target: str) -> RunFailed | None:
    """What GitHub will not say otherwise the next time, and nobody here is to blame for; None for anything else."""
    words = " ".join(error.messages).lower()
    if "base invalid" in words:
        sentence = f"The branch {target} no longer exists, so no pull request can be opened."
        return RunFailed(Failure.REPOSITORY_GONE, f"{sentence} The changes are kept as a patch.")
    for sign, why in (("no history in common", "was made anew"), ("no commits between", "holds these changes already")):
        if sign in words:
            sentence = f"The branch {target} {why}, so no pull request can be opened."
            return RunFailed(Failure.CONFLICT, f"{sentence} The changes are kept as a patch.")
    return None


def _known_pull(github: GitHub, place: Workplace) -> RemotePull | None:
    """The task's own pull request by its number: it may have been given another base since."""
    if place.facts.pull_number is None:
        return None
    answer = github.pull(place.facts.full_name, place.facts.pull_number)
    return answer if isinstance(answer, RemotePull) else None


def _continue(github: GitHub, place: Workplace, found: RemotePull, sha: str, body: str) -> RemotePull:
    """The task's pull request with the new body, open again if it was closed; a task has at most one.

    Raises GitHubUnprocessable where GitHub does not let it be opened again.
    """
    if found.status is not PullRequestStatus.MERGED:
        return github.update_pull(place.facts.full_name, found.number, body=body, state="open")
    if found.head_sha == sha:
        return found  # merged between our push and an attempt that came back to it
    # Kept whatever becomes of this run: where webhooks do not reach us, it may be the first we hear of the merge.
    facts = place.facts
    patiently(lambda session: pull_requests.observe(session, facts.repository_id, found, task_id=facts.task_id))
    raise RunFailed(Failure.CONFLICT, "The pull request was merged while this ran. The changes are kept as a patch.")


def _settle(session: Session, place: Workplace, work: Work, pushed: str, pull: RemotePull, outcome: Outcome) -> None:
    """The one transaction that ends a run with a pull request: twice is once."""
    run = runs.require(session, place.claim.run_id, place.claim.fence)
    pull_requests.observe(session, place.facts.repository_id, pull, task_id=run.task_id)
    run.head_sha, run.evidence = pushed, work.evidence.payload()
    run.opinion = asdict(work.opinion) if work.opinion else None
    session.add(run)
    _store_results(session, run, work, pull, is_words=place.facts.task_type is TaskType.DOCUMENTATION)
    how = End(Status.COMPLETED, work.ending.text, outcome=outcome, details={"pull_request": pull.number})
    runs.end(session, run.id, place.claim.fence, how)


def _store_results(session: Session, run: TaskRun, work: Work, pull: RemotePull, *, is_words: bool) -> None:
    for change in work.commit.files:
        session.add(
            TaskResult(
                task_id=run.task_id,
                run_id=run.id,
                result_type="documentation" if is_words else "code_changes",
                content=change.patch,
                file_path=change.path,
                meta={
                    "old_path": change.old_path,
                    "status": change.status,
                    "added": change.added,
                    "removed": change.removed,
                    "is_binary": change.is_binary,
                    "weakened": diff.weakened_tests([change]),
                },
            )
        )
    session.add(
        TaskResult(
            task_id=run.task_id,
            run_id=run.id,
            result_type="pr_created",
            content=work.ending.text,
            summary=work.commit.title,
            meta={"number": pull.number, "url": pull.url, "sha": work.commit.sha},
        )
    )
    session.flush()

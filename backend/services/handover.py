"""How a finished run ends: with an answer, without a change, or with commit, evidence, push and pull request.

Each step is written so that an attempt after a crash finds what was done: the commit is made again with the same bytes,
the push finds its own commit, the pull request is looked for before it is opened.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from mmap import ACCESS_READ, mmap
from typing import IO

from sqlmodel import Session

from backend import jsonb
from backend.db import patiently
from backend.engine.assignment import Ending
from backend.errors import GitError, GitHubError, GitHubNotFound, GitHubUnprocessable, RunFailed
from backend.github.client import GitHub
from backend.github.types import RemotePull
from backend.models import Task, TaskResult, TaskRun
from backend.services import answers, git_tokens, pull_requests, repositories, runs, target_merge, whereabouts
from backend.services.evidence import Evidence, gather
from backend.services.recorder import keep_patch, pack_patch
from backend.services.report import pull_request_body, quiet
from backend.services.runs import End
from backend.services.workplace import Workplace
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, Phase, PullRequestStatus, Status, TaskType, Verdict
from backend.workspace import checkpoint, diff, docs_only, layer, merging, push
from backend.workspace.checkout import clean_copy
from backend.workspace.diff import FileChange
from backend.workspace.packing import Packed

# GitHub's documentation: "About large files on GitHub".
MAX_FILE = 100 * 1024 * 1024
_OWN_FOUND = "The changes contain a secret of the repository's set-up, so they were neither pushed nor kept as a patch."
_NAMED = 10  # files that are told by name
MAX_TITLE = 120  # characters of a commit and a pull request; GitHub takes 256


@dataclass(frozen=True)
class Commit:
    """The run's commit with what the task changes up to it."""

    sha: str
    title: str
    files: list[FileChange]


@dataclass(frozen=True)
class Work:
    """What is handed over: the commit, what the worker saw of it, what the model says of it."""

    commit: Commit
    evidence: Evidence
    ending: Ending


def finish(place: Workplace, ending: Ending) -> None:
    """Ends a run whose model is done with all that is derived from its work.

    Raises StaleFence, RunFailed for what keeps the work from being handed over, GitHubError with `retry_after` where it
    has to wait.
    """
    # The model's words go into tables and to GitHub, which refuse NUL and long titles.
    title = " ".join(jsonb.clean_text(ending.title).split())[:MAX_TITLE]
    ending = replace(ending, text=jsonb.clean_text(ending.text), title=title)
    if not place.facts.task_type.may_edit:
        answers.finish(place, ending)
        return
    # Commit, title and body alike: GitHub looks for keywords and names in all of them.
    ending = target_merge.titled(place.facts, ending, place.merge)
    ending = replace(ending, text=quiet(ending.text), title=quiet(ending.title)[:MAX_TITLE])
    ending, tree = _held_to_words(place, ending)
    commit = _commit(place, ending, tree)
    if commit is None:
        place.end(End(Status.COMPLETED, ending.text, outcome=Outcome.NO_CHANGES))
        return
    place.enter(Phase.VERIFYING)
    evidence = _verify(place, commit)
    if evidence is not None:
        _publish(place, Work(commit, evidence, ending))


def _held_to_words(place: Workplace, ending: Ending) -> tuple[Ending, str | None]:
    """What a documentation task may hand over: whatever else its commands changed is taken back, and said."""
    if place.facts.task_type is not TaskType.DOCUMENTATION:
        return ending, None
    tree, faults = docs_only.held_back(place.checkout, checkpoint.write(place.checkout), _words_since(place))
    if not faults:
        return ending, tree
    names = ", ".join(f"`{quiet(' '.join(path.split()))}`" for path in list(faults)[:_NAMED])
    more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
    said = f"A documentation task may not change code: the changes of {names}{more} were taken back."
    place.recorder.once(EventKind.NOTE, {"text": said, "code": "taken_back"}, f"taken-back:{tree}")
    return replace(ending, text=f"{ending.text}\n\n**{said}**"), tree


def _words_since(place: Workplace) -> str:
    """The commit since which a documentation task has changed words alone: with a merge, all of the target's."""
    return place.merge.theirs if place.merge else place.checkout.base_sha


def _commit(place: Workplace, ending: Ending, tree: str | None) -> Commit | None:
    """Commits the work tree and keeps its patch, whatever becomes of the push; None if nothing changed.

    Raises RunFailed(conflict, secret_found) before anything is pushed.
    """
    facts, checkout = place.facts, place.checkout
    is_words = tree is not None
    tree = tree or checkpoint.write(checkout)
    if place.merge is not None and (why := merging.unsettled(checkout, place.merge, tree)):
        raise RunFailed(Failure.CONFLICT, f"{why} Nothing was pushed.")
    title = ending.title or quiet(facts.title)  # which may be an issue's
    sha = push.commit(
        checkout,
        title=title,
        body=ending.text,
        author=facts.author,
        trailers=_trailers(place),
        when=facts.started_at,
        tree=tree,
        merged=place.merge.theirs if place.merge else None,
    )
    if sha is None:
        return None
    if is_words and docs_only.held_back(checkout, push.tree_of(checkout, sha), _words_since(place))[1]:
        raise RunFailed(Failure.NOT_ALLOWED)
    # As the pull request shows it: what the task changed, follow-ups included, without what others merged meanwhile.
    base = diff.merge_base(checkout, place.target_sha, sha)
    large = diff.larger_than(checkout, base, sha, MAX_FILE)
    own = list(place.setup.secrets.values())
    with diff.patch(checkout, base, sha, without=large) as file:
        if _holds(file, own):
            raise RunFailed(Failure.SECRET_FOUND, _OWN_FOUND)
        _keep_patch(place, pack_patch(file))
    if large:
        names = ", ".join(large[:5])
        raise RunFailed(Failure.PUSH_REJECTED, f"GitHub takes no file over 100 MB, so nothing was pushed: {names}.")
    files = diff.changed_files(checkout, base, sha)
    secrets = diff.scan_secrets(files, (place.token, *own))
    if secrets:
        where = ", ".join(f"{one.path}:{one.line} ({one.what})" for one in secrets[:5])
        raise RunFailed(Failure.SECRET_FOUND, f"{Failure.SECRET_FOUND.sentence} Found in {where}.")
    place.recorder.once(
        EventKind.COMMIT,
        {
            "sha": sha,
            "title": title,
            "files": len(files),
            "added": sum(one.added for one in files),
            "removed": sum(one.removed for one in files),
        },
        f"commit:{sha}",
    )
    return Commit(sha, title, files)


def _holds(file: IO[bytes], values: Sequence[str]) -> bool:
    """Whether one of the values is in the file, which is at its beginning again afterwards."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if not size or not values:
        return False
    with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return any(content.find(value.encode()) >= 0 for value in values)


def _trailers(place: Workplace) -> list[str]:
    name, email = push.PLATFORM
    link = f"{get_settings().origin}/tasks/{place.facts.task_id}"
    return [f"Co-authored-by: {name} <{email}>", f"Task: {link}"]


def _keep_patch(place: Workplace, patch: Packed) -> None:
    def store(session: Session) -> None:
        keep_patch(session, runs.require(session, place.claim.run_id, place.claim.fence), patch)

    patiently(store)


def _verify(place: Workplace, commit: Commit) -> Evidence | None:
    """Runs the tests on the commit in a clean checkout, in the jail; an earlier attempt's answer stands.

    None where the person said stop, and the run has ended: tests that were cut off say nothing of the commit.
    """
    name = f"evidence:{commit.sha}"
    known = place.recorder.found(name)
    evidence = Evidence(**{**known, "verdict": Verdict(known["verdict"])}) if known else _run_tests(place, commit)
    run_id, fence, told = place.claim.run_id, place.claim.fence, evidence.payload()
    return evidence if patiently(lambda session: runs.begin_hand_over(session, run_id, fence, told, name)) else None


def _run_tests(place: Workplace, commit: Commit) -> Evidence:
    clean = clean_copy(place.checkout, commit.sha, place.checkout.root / "evidence")  # goes with the workplace

    def furnish() -> None:
        if place.added is not None:
            layer.lay(place.added, place.sandbox, clean)

    return gather(
        place.sandbox,
        clean,
        sha=commit.sha,
        command=place.facts.test_command,
        weakened=diff.weakened_tests(commit.files),
        cancelled=place.lease.cancelled,
        environment=place.setup.environment,
        furnish=furnish,
    )


def _publish(place: Workplace, work: Work) -> None:
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
    body = pull_request_body(facts, work.ending, work.evidence.payload())
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

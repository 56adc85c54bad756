"""What the worker does after the model is done: commit, check, push, open the pull request, hand over.

Each step is written so that an attempt after a crash finds what was done: the commit is made again with the same bytes,
the push finds its own commit, the pull request is looked for before it is opened.
"""

from dataclasses import dataclass

from sqlmodel import Session, col, delete

from backend import events
from backend.db import patiently
from backend.engine.assignment import Ending
from backend.errors import GitError, GitHubError, GitHubNotFound, GitHubUnprocessable, RunFailed
from backend.github.client import GitHub
from backend.github.types import RemotePull
from backend.models import Task, TaskResult, TaskRun
from backend.sandbox.base import Sandbox
from backend.services import pull_requests, repositories, runs
from backend.services.brief import Brief
from backend.services.evidence import Evidence, gather
from backend.services.lease import Lease
from backend.services.recorder import Recorder, keep_patch
from backend.services.report import pull_request_body
from backend.services.runs import End
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, PullRequestStatus, Status, Verdict
from backend.workspace import diff, push
from backend.workspace.checkout import Checkout, clean_copy, remove
from backend.workspace.diff import FileChange


@dataclass(frozen=True)
class Commit:
    """The run's commit with what the task changes up to it."""

    sha: str
    title: str
    files: list[FileChange]


class Handover:
    """One run's hand-over; what its steps share is fixed at the start."""

    def __init__(
        self,
        facts: Brief,
        sandbox: Sandbox,
        checkout: Checkout,
        base_sha: str,
        token: str,
        recorder: Recorder,
        lease: Lease,
    ) -> None:
        self._facts = facts
        self._sandbox = sandbox
        self._checkout = checkout
        self._base_sha = base_sha
        # Pages show what the task changed, follow-ups included.
        self._task_base = facts.task_base_sha or base_sha
        self._token = token
        self._recorder = recorder
        self._lease = lease

    def commit(self, ending: Ending) -> Commit | None:
        """Commits the work tree; None if nothing changed. Raises RunFailed(secret_found) before anything is pushed."""
        title = ending.title or self._facts.title
        sha = push.commit(
            self._checkout,
            title=title,
            body=ending.text,
            author=self._facts.author,
            trailers=self._trailers(),
            when=self._facts.started_at,
        )
        if sha is None or sha == self._base_sha:
            return None
        files = diff.changed_files(self._checkout, self._task_base, sha)
        self.keep_patch(sha)
        secrets = diff.scan_secrets(files, (self._token,))
        if secrets:
            where = ", ".join(f"{one.path}:{one.line} ({one.what})" for one in secrets[:5])
            raise RunFailed(Failure.SECRET_FOUND, f"{Failure.SECRET_FOUND.sentence} Found in {where}.")
        self._recorder.once(
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

    def keep_patch(self, sha: str | None = None) -> None:
        """Keeps the changes as a patch that can be downloaded, whatever becomes of the push."""
        patch = diff.patch(self._checkout, self._task_base, sha or "HEAD")

        def store(session: Session) -> None:
            run = runs.require(session, self._facts.claim.run_id, self._facts.claim.fence)
            keep_patch(session, run, patch)

        patiently(store)

    def verify(self, commit: Commit) -> Evidence:
        """Runs the tests on the commit in a clean checkout, in the jail; an earlier attempt's answer stands."""
        name = f"evidence:{commit.sha}"
        known = self._recorder.found(name)
        if known is not None:
            return Evidence(**{**known, "verdict": Verdict(known["verdict"])})
        clean = clean_copy(self._checkout, commit.sha, self._checkout.root / "evidence", self._sandbox.owner)
        evidence = gather(
            self._sandbox,
            clean,
            sha=commit.sha,
            command=self._facts.test_command,
            weakened=diff.weakened_tests(commit.files),
            cancelled=self._lease.cancelled,
        )
        remove(clean)
        self._recorder.once(EventKind.EVIDENCE, evidence.payload(), name)
        return evidence

    def publish(self, commit: Commit, evidence: Evidence, ending: Ending) -> None:
        """Pushes, finds or opens the pull request, and ends the run with all that is derived from it."""
        branch = self._facts.work_branch or push.work_branch(self._facts.short_id, commit.title)
        patiently(lambda session: self._remember_branch(session, branch))
        try:
            pushed = push.push(
                self._checkout, branch, commit.sha, self._token, self._facts.clone_url, get_settings().git_protocols
            )
        except GitError as error:
            raise RunFailed(Failure.PR_CREATE_FAILED, f"The branch could not be pushed. {error}") from error
        self._recorder.once(EventKind.PUSH, {"branch": branch, "sha": pushed}, f"push:{pushed}")
        try:
            pull, created = repositories.with_github(
                self._facts.user_id, lambda github: self._pull(github, branch, commit, evidence, ending)
            )
        except GitHubNotFound as error:
            raise RunFailed(Failure.ACCESS_LOST) from error
        except GitHubError as error:
            raise RunFailed(Failure.PR_CREATE_FAILED, f"{Failure.PR_CREATE_FAILED.sentence} {error}") from error
        patiently(lambda session: self._end(session, pull, created, pushed, commit, evidence, ending))

    def _pull(
        self, github: GitHub, branch: str, commit: Commit, evidence: Evidence, ending: Ending
    ) -> tuple[RemotePull, bool]:
        name, target = self._facts.full_name, self._facts.target_branch
        body = pull_request_body(self._facts, ending, evidence.payload())
        found = self._known_pull(github) or github.find_pull(name, branch, target)
        if found is not None:
            return self._continue(github, found, commit, body), False
        is_draft = self._facts.draft_policy == "draft" or (
            self._facts.draft_policy == "unverified" and evidence.verdict is Verdict.FAILED
        )
        try:
            opened = github.open_pull(name, head=branch, base=target, title=commit.title, body=body, draft=is_draft)
        except GitHubUnprocessable:
            # Our own call of a moment ago may have been carried out though its answer was lost.
            found = github.find_pull(name, branch, target)
            if found is None:
                raise
            return found, False
        return opened, True

    def _known_pull(self, github: GitHub) -> RemotePull | None:
        """The task's own pull request by its number: it may have been given another base since."""
        if self._facts.pull_number is None:
            return None
        answer = github.pull(self._facts.full_name, self._facts.pull_number)
        return answer if isinstance(answer, RemotePull) else None

    def _continue(self, github: GitHub, found: RemotePull, commit: Commit, body: str) -> RemotePull:
        """The task's pull request with the new body, open again if it was closed; a task has at most one."""
        if found.status is not PullRequestStatus.MERGED:
            return github.update_pull(self._facts.full_name, found.number, body=body, state="open")
        if found.head_sha == commit.sha:
            return found  # merged between our push and an attempt that came back to it
        sentence = "The pull request was merged while this ran. The changes are kept as a patch."
        raise RunFailed(Failure.CONFLICT, sentence)

    def _trailers(self) -> list[str]:
        name, email = push.PLATFORM
        link = f"{get_settings().origin}/tasks/{self._facts.task_id}"
        return [f"Co-authored-by: {name} <{email}>", f"Task: {link}"]

    def _remember_branch(self, session: Session, branch: str) -> None:
        runs.require(session, self._facts.claim.run_id, self._facts.claim.fence)
        task = session.get_one(Task, self._facts.task_id)
        task.work_branch = branch
        session.add(task)

    def _end(
        self,
        session: Session,
        pull: RemotePull,
        created: bool,
        pushed: str,
        commit: Commit,
        evidence: Evidence,
        ending: Ending,
    ) -> None:
        claim = self._facts.claim
        run = runs.require(session, claim.run_id, claim.fence)
        pull_requests.observe(session, self._facts.repository_id, pull, task_id=self._facts.task_id)
        run.head_sha, run.evidence = pushed, evidence.payload()
        session.add(run)
        _store_results(session, run, commit, pull, ending)
        outcome = Outcome.PR_OPENED if created or self._facts.number == 1 else Outcome.PR_UPDATED
        how = End(Status.COMPLETED, ending.text, outcome=outcome, details={"pull_request": pull.number})
        runs.end(session, claim.run_id, claim.fence, how)


def answer(facts: Brief, ending: Ending) -> None:
    """Ends a run that hands over words: the text is kept as an analysis."""

    def store(session: Session) -> None:
        run = runs.require(session, facts.claim.run_id, facts.claim.fence)
        session.add(
            TaskResult(
                task_id=facts.task_id,
                run_id=run.id,
                result_type="analysis",
                content=ending.text,
                summary=ending.title or None,
                meta={"findings": events.storable_json(ending.findings)} if ending.findings else None,
            )
        )
        outcome = Outcome.REVIEWED if facts.task_type == "pr_review" else Outcome.ANSWERED
        runs.end(session, facts.claim.run_id, facts.claim.fence, End(Status.COMPLETED, ending.text, outcome=outcome))

    patiently(store)


def _store_results(session: Session, run: TaskRun, commit: Commit, pull: RemotePull, ending: Ending) -> None:
    # An attempt that got this far and died before the commit left nothing; one that is run again starts clean.
    session.exec(delete(TaskResult).where(col(TaskResult.run_id) == run.id))
    for change in commit.files:
        session.add(
            TaskResult(
                task_id=run.task_id,
                run_id=run.id,
                result_type="code_changes",
                content=change.patch,
                file_path=change.path,
                meta={
                    "old_path": change.old_path,
                    "status": change.status,
                    "added": change.added,
                    "removed": change.removed,
                    "is_binary": change.is_binary,
                },
            )
        )
    session.add(
        TaskResult(
            task_id=run.task_id,
            run_id=run.id,
            result_type="pr_created",
            content=ending.text,
            summary=commit.title,
            meta={"number": pull.number, "url": pull.url, "sha": commit.sha},
        )
    )
    session.flush()

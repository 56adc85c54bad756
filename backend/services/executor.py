"""The road of one run: workspace → engine → commit → evidence → push → pull request → settlement.

The one place beside the doors that opens transactions: many short ones, never one around the network. A process that
dies anywhere leaves a log from which the next attempt goes on; every step asks first whether it was done.
"""

import errno
import re
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import text

from backend import events, log
from backend.db import patiently, transaction
from backend.engine import agent, guidance
from backend.engine.assignment import Assignment, Ending
from backend.engine.limits import RunLimits
from backend.engine.tools import Toolbox
from backend.errors import AsyncCoderError, GitError, GitHubUnauthorized, RunFailed, SandboxUnavailable, StaleFence
from backend.providers import open_provider
from backend.sandbox.base import Sandbox
from backend.sandbox.choose import choose
from backend.services import attempts, auth, brief, credits, handover, runs
from backend.services.brief import Brief
from backend.services.lease import Lease
from backend.services.recorder import Recorder
from backend.services.runs import Claim, End
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, Phase, Status
from backend.workspace import checkpoint
from backend.workspace.checkout import Checkout, remove, workspaces_root
from backend.workspace.mirror import Mirror

_log = log.get(__name__)
_RUNS_FOLDER = re.compile(r"[0-9a-f]{32}-\d+")  # others lie beside them: those of `asynccoder run`
MAX_TITLE = 120  # characters of a commit and a pull request; GitHub takes 256


def run(claim: Claim) -> None:
    """Works on a claimed run until it ends, parks, or is taken over; whatever breaks becomes the run's failure."""
    structlog.contextvars.bind_contextvars(run_id=str(claim.run_id), fence=claim.fence)
    workspace: Path | None = None
    try:
        with Lease(claim) as lease:
            facts = patiently(lambda session: brief.read(session, claim))
            structlog.contextvars.bind_contextvars(task_id=str(facts.task_id))
            sandbox = _sandbox()
            workspace = _folder(sandbox, claim)
            _work(facts, sandbox, workspace, lease)
    except StaleFence:
        _log.info("the run went to another worker")
    except RunFailed as failed:
        _fail(claim, failed.failure, str(failed))
    except SandboxUnavailable as error:
        _fail(claim, Failure.SANDBOX_UNAVAILABLE, f"{error} {error.fix}")
    except Exception as error:
        _log.exception("a run broke")
        is_full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        failure = Failure.DISK_FULL if is_full else Failure.INTERNAL_ERROR
        _fail(claim, failure, failure.sentence)
    finally:
        if workspace is not None:
            remove(workspace)
        structlog.contextvars.clear_contextvars()


def sweep_workspaces() -> int:
    """Removes the workspaces that a killed worker left on this machine. Returns how many."""
    with suppress(SandboxUnavailable):
        root = workspaces_root(get_settings().data_dir.resolve(), _sandbox().owner)
        # Listed first: whoever claims a run after this has no folder in the list yet.
        found = [folder for folder in root.iterdir() if _RUNS_FOLDER.fullmatch(folder.name)] if root.exists() else []
        with transaction() as session:
            kept = {
                f"{row.id.hex}-{row.fence}"
                for row in session.execute(text("SELECT id, fence FROM task_runs WHERE status = 'running'"))
            }
        stale = [folder for folder in found if folder.name not in kept]
        for folder in stale:
            remove(folder)
        return len(stale)
    return 0


def _sandbox() -> Sandbox:
    settings = get_settings()
    return choose(settings.sandbox, settings.extra_sandbox_paths, beneath=settings.data_dir.resolve())


def _folder(sandbox: Sandbox, claim: Claim) -> Path:
    # The fence is in the name: a worker that was only slow never shares a folder with its successor.
    root = workspaces_root(get_settings().data_dir.resolve(), sandbox.owner)
    return root / f"{claim.run_id.hex}-{claim.fence}"


def _work(facts: Brief, sandbox: Sandbox, folder: Path, lease: Lease) -> None:
    recorder = Recorder(facts.task_id, facts.claim)
    token = _token(facts)
    checkout, base_sha, words = _prepare(facts, sandbox, folder, token, recorder, lease)
    _enter(facts.claim, Phase.RUNNING)
    if facts.task_type.may_edit:
        recorder.checkpoint = _Checkpoints(checkout, base_sha)
    ending = agent.run(
        _assignment(facts, words),
        open_provider(
            facts.provider,
            api_key=get_settings().provider_key(facts.provider),
            base_url=get_settings().provider_base_url(facts.provider),
        ),
        Toolbox(checkout.work_tree, sandbox, facts.task_type),
        facts.log,
        recorder,
        lease,
    )
    recorder.checkpoint = None
    # The model's words go into tables and to GitHub, which refuse NUL and long titles.
    text_, title = str(events.storable_json(ending.text)), " ".join(str(events.storable_json(ending.title)).split())
    ending = replace(ending, text=text_, title=title[:MAX_TITLE])
    match ending.kind:
        case "parked":
            patiently(
                lambda session: runs.park(
                    session, facts.claim.run_id, facts.claim.fence, reason=ending.reason or "", until=ending.until
                )
            )
        case "cancelled":
            _end(facts.claim, End(Status.CANCELLED, "Stopped."))
        case "finished":
            _finish(facts, sandbox, checkout, base_sha, token, recorder, lease, ending)


def _finish(
    facts: Brief,
    sandbox: Sandbox,
    checkout: Checkout,
    base_sha: str,
    token: str,
    recorder: Recorder,
    lease: Lease,
    ending: Ending,
) -> None:
    if not facts.task_type.may_edit:
        handover.answer(facts, ending)
        return
    work = handover.Handover(facts, sandbox, checkout, base_sha, token, recorder, lease)
    commit = work.commit(ending)
    if commit is None:
        _end(facts.claim, End(Status.COMPLETED, ending.text, outcome=Outcome.NO_CHANGES))
        return
    _enter(facts.claim, Phase.VERIFYING)
    evidence = work.verify(commit)
    if lease.poll().cancelled:
        work.keep_patch()
        _end(facts.claim, End(Status.CANCELLED, "Stopped before anything was pushed. The changes are kept as a patch."))
        return
    _enter(facts.claim, Phase.FINISHING)
    work.publish(commit, evidence, ending)


def _prepare(
    facts: Brief, sandbox: Sandbox, folder: Path, token: str, recorder: Recorder, lease: Lease
) -> tuple[Checkout, str, str]:
    began = time.monotonic()
    settings = get_settings()
    mirror = Mirror(settings.data_dir.resolve() / "mirrors", facts.repository_github_id)
    try:
        mirror.refresh(facts.clone_url, token, settings.git_protocols, lease.cancelled)
    except GitError as error:
        raise RunFailed(Failure.CLONE_FAILED, f"{Failure.CLONE_FAILED.sentence} {error}") from error
    start = facts.base_sha or (mirror.branch_sha(facts.work_branch) if facts.work_branch else None)
    start = start or mirror.branch_sha(facts.branch)
    if start is None:
        raise RunFailed(Failure.REPOSITORY_GONE, f"The branch {facts.branch} no longer exists.")
    checkout = Checkout.create(folder, mirror, start, sandbox.owner)
    # Before the model's own edits come back: a resumed run must open with the very words it began with.
    words = guidance.read(checkout.work_tree)
    if facts.checkpoint is not None:
        checkpoint.restore(checkout, facts.checkpoint)
    patiently(
        lambda session: session.execute(
            text("UPDATE task_runs SET base_sha = :sha, sandbox = :sandbox WHERE id = :id AND fence = :fence"),
            {"sha": start, "sandbox": sandbox.kind, "id": facts.claim.run_id, "fence": facts.claim.fence},
        )
    )
    recorder.emit(
        EventKind.WORKSPACE,
        {
            "base_sha": start,
            "branch": facts.work_branch or facts.branch,
            "duration_ms": int((time.monotonic() - began) * 1000),
            "sandbox": sandbox.kind,
            "restored": facts.checkpoint is not None,
        },
    )
    return checkout, start, words


def _assignment(facts: Brief, words: str) -> Assignment:
    return Assignment(
        task_type=facts.task_type,
        prompt=facts.prompt,
        provider_id=facts.provider,
        model=facts.model,
        prices=facts.prices,
        context_window=facts.context_window,
        max_output=facts.max_output,
        hold_micro=facts.held * credits.MICRO_PER_CREDIT,
        run_key=str(facts.claim.run_id),
        effort=None,
        guidance=words,
        limits=RunLimits(),
    )


class _Checkpoints:
    """Gives the tree and its diff when it differs from the last one it gave."""

    def __init__(self, checkout: Checkout, base_sha: str) -> None:
        self._checkout = checkout
        self._base_sha = base_sha
        self._tree = checkpoint.write(checkout)

    def __call__(self) -> tuple[str, bytes] | None:
        tree = checkpoint.write(self._checkout)
        if tree == self._tree:
            return None
        self._tree = tree
        return tree, checkpoint.export(self._checkout, self._base_sha)


def _token(facts: Brief) -> str:
    try:
        return auth.github_token(facts.user_id)
    except GitHubUnauthorized as error:
        raise RunFailed(Failure.ACCESS_LOST, str(error)) from error


def _enter(claim: Claim, phase: Phase) -> None:
    patiently(lambda session: runs.enter(session, claim.run_id, claim.fence, phase))


def _end(claim: Claim, how: End) -> None:
    patiently(lambda session: runs.end(session, claim.run_id, claim.fence, how))


def _fail(claim: Claim, failure: Failure, sentence: str) -> None:
    """Gives the run its next attempt where that can help, otherwise ends it as failed."""
    try:
        if patiently(lambda session: attempts.retry_later(session, claim.run_id, claim.fence, failure, sentence)):
            return
        _end(claim, End(Status.FAILED, sentence, failure=failure))
    except StaleFence:
        _log.info("the run went to another worker while failing", failure=failure)
    except AsyncCoderError as error:
        # The lease runs out and the sweep gives the run to another worker.
        _log.error("a failed run could not be ended", failure=failure, error=str(error))

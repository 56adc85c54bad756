"""Where a run is worked on: its folder on this machine, made ready before the model begins and removed behind it."""

import errno
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from backend import log
from backend.db import patiently, transaction
from backend.engine import guidance
from backend.engine.assignment import Ending
from backend.engine.transcript import LogEntry
from backend.errors import GitError, RunFailed, SandboxUnavailable
from backend.sandbox.base import Sandbox
from backend.sandbox.choose import choose
from backend.services import (
    earlier_reviews,
    git_tokens,
    repository_setup,
    review_subject,
    runs,
    target_merge,
    whereabouts,
)
from backend.services.brief import Brief
from backend.services.claims import Claim
from backend.services.lease import Lease
from backend.services.recorder import MAX_ARTIFACT, TOO_LARGE, Recorder
from backend.services.repository_setup import Setup
from backend.services.review_subject import ReviewSubject
from backend.services.runs import End
from backend.services.set_up import SetUpStep
from backend.settings import get_settings
from backend.words import EventKind, Failure, Phase
from backend.workspace import checkpoint
from backend.workspace.checkout import Checkout, remove, workspaces_root
from backend.workspace.merging import Merge
from backend.workspace.mirror import Mirror, mirrors_root
from backend.workspace.pull import PullChanges

_log = log.get(__name__)
_FILES_LOST = "files_lost"
_LOST = {
    "text": "Changes that were too large for a checkpoint went with the last worker: the files are as they were before"
    " them. Look before going on.",
    "code": _FILES_LOST,
}
_RUNS_FOLDER = re.compile(r"[0-9a-f]{32}-\d+")  # others lie beside them: those of `asynccoder run`


@dataclass(frozen=True)
class Workplace:
    """What the steps of a run share.

    `target_sha` is the target branch's tip, None where it is gone; `guidance` is what the repository says at its base;
    `token` is what git got for the clone. Of a review of a pull request, `subject` quotes it, and `changes` are what it
    changes. `added` is the archive of what the `setup` script added, None where it added nothing. `merge` is what the
    run began with where it answers a conflict.
    """

    facts: Brief
    sandbox: Sandbox
    checkout: Checkout
    target_sha: str | None
    guidance: str
    token: str
    recorder: Recorder
    lease: Lease
    setup: Setup
    added: Path | None = None
    subject: str = ""
    changes: PullChanges | None = None
    merge: Merge | None = None

    @property
    def claim(self) -> Claim:
        """The run, and the fence that every step names."""
        return self.facts.claim

    def enter(self, phase: Phase, reason: str | None = None) -> None:
        """Moves the run to a phase; `reason` says what it does there."""
        patiently(lambda session: runs.enter(session, self.claim.run_id, self.claim.fence, phase, reason))

    def park(self, ending: Ending) -> None:
        """Lets the run wait without a worker."""
        run_id, fence = self.claim.run_id, self.claim.fence
        reason, until, heard = ending.reason or "", ending.until, ending.heard
        patiently(lambda session: runs.park(session, run_id, fence, reason=reason, until=until, heard=heard))

    def end(self, how: End) -> None:
        """Ends the run."""
        patiently(lambda session: runs.end(session, self.claim.run_id, self.claim.fence, how))


@contextmanager
def ready(facts: Brief, lease: Lease) -> Iterator[Workplace]:
    """The run's workplace for as long as the block lasts.

    Raises SandboxUnavailable, RunFailed(clone_failed, repository_gone, access_lost, disk_full).
    """
    sandbox = jail()
    # The fence is in the name: a worker that was only slow never shares a folder with its successor.
    folder = _root(sandbox) / f"{facts.claim.run_id.hex}-{facts.claim.fence}"
    try:
        with ExitStack() as held:
            yield _prepare(facts, sandbox, folder, lease, held)
    finally:
        _clear(folder)


def jail() -> Sandbox:
    """What runs are worked on in, tested once a process. Raises SandboxUnavailable."""
    settings = get_settings()
    return choose(settings.sandbox, settings.extra_sandbox_paths, beneath=settings.data_dir.resolve())


def sweep_workspaces() -> int:
    """Removes the workspaces that a killed worker left on this machine. Returns how many."""
    try:
        root = _root(jail())
    except SandboxUnavailable:
        return 0
    # Listed first: whoever claims a run after this has no folder in the list yet.
    found = [folder for folder in root.iterdir() if _RUNS_FOLDER.fullmatch(folder.name)]
    with transaction() as session:
        kept = {
            f"{row.id.hex}-{row.fence}"
            for row in session.execute(text("SELECT id, fence FROM task_runs WHERE status = 'running'"))
        }
    return sum(_clear(folder) for folder in found if folder.name not in kept)


def _prepare(facts: Brief, sandbox: Sandbox, folder: Path, lease: Lease, held: ExitStack) -> Workplace:
    facts = whereabouts.followed(facts)
    token = git_tokens.for_clone(facts)
    began = time.monotonic()
    known = review_subject.told(facts.log, facts.number)
    mirror = _mirror(facts, token, lease, known, held)
    reviewed = known or (review_subject.ask(facts, facts.review_of, mirror) if facts.review_of else None)
    checkout = _checkout(facts, sandbox, folder, mirror, reviewed)
    changes = None
    if reviewed is not None and reviewed.base_sha:
        changes = PullChanges(checkout, reviewed.base_sha, reviewed.head_sha)
    # Before the model's own edits come back: a resumed run must open with the very words it began with.
    # What a pull request says of how it is to be reviewed is its author's word alone.
    words = guidance.read(checkout.work_tree, without=changes.paths if changes else ())
    setup, added = _set_up(facts, sandbox, checkout, mirror, lease)
    checkout, merge = target_merge.begin(facts, mirror, checkout)
    if facts.checkpoint is not None:
        checkpoint.restore(checkout, facts.checkpoint)
    recorder = Recorder(facts.task_id, facts.claim, _Checkpoints(checkout) if facts.task_type.may_edit else None)
    patiently(
        lambda session: session.execute(
            text(
                "UPDATE task_runs SET base_sha = :sha, merged_sha = :merged, sandbox = :sandbox"
                " WHERE id = :id AND fence = :fence"
            ),
            {
                "sha": checkout.base_sha,
                "merged": merge.theirs if merge else None,
                "sandbox": sandbox.kind,
                "id": facts.claim.run_id,
                "fence": facts.claim.fence,
            },
        )
    )
    recorder.emit(
        EventKind.WORKSPACE,
        {
            "base_sha": checkout.base_sha,
            "branch": reviewed.source if reviewed else facts.work_branch or facts.branch,
            "duration_ms": int((time.monotonic() - began) * 1000),
            "sandbox": sandbox.kind,
            "restored": facts.checkpoint is not None,
        },
    )
    if reviewed is not None and known is None:
        _tell(facts, recorder, reviewed, changes)
    if merge is not None and (entry := target_merge.note(facts, merge)):
        recorder.emit(entry.kind, entry.payload)
        facts.log.append(entry)
    if _lost_files(facts.log):
        recorder.emit(EventKind.NOTE, _LOST)
        facts.log.append(LogEntry(EventKind.NOTE, _LOST))
    target_sha = mirror.branch_sha(facts.merges or facts.target_branch)
    subject = review_subject.opening(facts.log)
    return Workplace(
        facts, sandbox, checkout, target_sha, words, token, recorder, lease, setup, added, subject, changes, merge
    )


def _set_up(
    facts: Brief, sandbox: Sandbox, checkout: Checkout, mirror: Mirror, lease: Lease
) -> tuple[Setup, Path | None]:
    """Runs the repository's script. Tasks that run no commands need none, and may look at a stranger's files."""
    if not facts.task_type.may_edit:
        return Setup(), None
    setup = patiently(lambda session: repository_setup.opened(session, facts.repository_id))
    tree = checkout.base_sha
    if (
        facts.number > 1
    ):  # the task's branch holds what the model wrote: the script, with its secrets, runs on none of it
        tree = mirror.branch_sha(facts.branch) or mirror.branch_sha(facts.target_branch) or ""
    if not tree:
        raise RunFailed(Failure.REPOSITORY_GONE, f"The branch {facts.branch} no longer exists.")
    step = SetUpStep(facts, setup, sandbox, checkout, lease)
    step.run(tree)
    return setup, step.archive if step.archive.exists() else None


def _tell(facts: Brief, recorder: Recorder, reviewed: ReviewSubject, changes: PullChanges | None) -> None:
    """Writes down what this run looks at and, where the run before saw another head, tells the model."""
    before = review_subject.before(facts.log)
    earlier = patiently(
        lambda session: earlier_reviews.read(session, facts.repository_id, reviewed.number, facts.claim.run_id)
    )
    entries = [reviewed.entry(review_subject.quoted(reviewed, changes, earlier.quoted()))]
    if before is not None and before.head_sha != reviewed.head_sha:
        entries.append(review_subject.moved(reviewed))
    for entry in entries:
        recorder.emit(entry.kind, entry.payload, entry.raw)
        facts.log.append(entry)


def _lost_files(entries: Sequence[LogEntry]) -> bool:
    """Whether the run, as its log tells it, had changed more than its last checkpoint holds."""
    is_behind = False
    for entry in entries:
        code = entry.payload.get("code") if entry.kind is EventKind.NOTE else None
        if code == TOO_LARGE:
            is_behind = True
        elif code == _FILES_LOST or entry.kind in (EventKind.PROMPT, EventKind.CHECKPOINT):
            is_behind = False
    return is_behind


def _mirror(facts: Brief, token: str, lease: Lease, reviewed: ReviewSubject | None, held: ExitStack) -> Mirror:
    """The repository's mirror, as GitHub has it now, with the commit that this run began at; nobody removes it."""
    commit = facts.base_sha or (reviewed.head_sha if reviewed else None)
    pull = None if commit else facts.review_of
    settings = get_settings()
    folder = mirrors_root(settings.data_dir)
    mirror = Mirror(folder, facts.repository_github_id)
    try:
        held.enter_context(mirror.used())
        mirror.refresh(facts.clone_url, token, settings.git_protocols, lease.cancelled, commit=commit, pull=pull)
    except GitError as error:
        raise RunFailed(Failure.CLONE_FAILED, f"{Failure.CLONE_FAILED.sentence} {error}") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        _log.error("this user must be able to write the mirrors' folder", folder=str(folder), error=str(error))
        raise RunFailed(
            Failure.CLONE_FAILED, "The worker cannot write its copy of the repository. Ask your admin."
        ) from error
    return mirror


def _checkout(facts: Brief, sandbox: Sandbox, folder: Path, mirror: Mirror, reviewed: ReviewSubject | None) -> Checkout:
    """The files at the commit that this run began at, else of what it reviews, of the task's branch, of its base."""
    start = facts.base_sha or (reviewed.head_sha if reviewed else None)
    start = start or (mirror.branch_sha(facts.work_branch) if facts.work_branch else None)
    start = start or mirror.branch_sha(facts.branch)
    if start is None and mirror.is_empty:
        raise RunFailed(Failure.CLONE_FAILED, "GitHub showed no branch of the repository.")
    if start is None:
        raise RunFailed(Failure.REPOSITORY_GONE, f"The branch {facts.branch} no longer exists.")
    return Checkout.create(folder, mirror, start, sandbox.owner)


class _Checkpoints:
    """Gives the tree and its diff when it differs from the last one it gave; None for a diff that is too large."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._tree = checkpoint.write(checkout)

    def __call__(self) -> tuple[str, bytes | None] | None:
        tree = checkpoint.write(self._checkout)
        if tree == self._tree:
            return None
        self._tree = tree
        return tree, checkpoint.export(self._checkout, tree, MAX_ARTIFACT)


def _root(sandbox: Sandbox) -> Path:
    return workspaces_root(get_settings().data_dir, sandbox.owner)


def _clear(folder: Path) -> bool:
    """Removes a folder; one that resists is left to the next sweep, and is no reason for a run to fail."""
    try:
        remove(folder)
    except (RunFailed, OSError) as error:
        _log.warning("a workspace could not be removed", folder=str(folder), error=str(error))
        return False
    return True

"""What pages hold of tasks: small frozen rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.services.tasks.plans import PlanRow
from backend.words import APPROVAL, Outcome, Phase, PullRequestStatus, Status


def retry_refusal(status: str, outcome: str | None, *, is_merged: bool) -> str:
    """Why a task in this state is not tried again; empty if it can be."""
    if not Status(status).is_end:
        return "This task is still at work."
    if is_merged:
        return "This task's pull request is merged. Start a new task for what comes next."
    if status == Status.COMPLETED and outcome != Outcome.NO_CHANGES:
        return "This task has a result. Send a follow-up to go on with it."
    return ""


def is_paused(status: str, phase: str, until: datetime | None) -> bool:
    """Whether a run waits for a moment that is known, and not for its person."""
    return status == Status.PENDING and phase == Phase.PARKED and until is not None


@dataclass(frozen=True)
class TaskRow:
    """A task in a list. Times are aware UTC; credits whole."""

    id: UUID
    title: str
    repository: str
    task_type: str
    status: str
    phase: str
    outcome: str | None
    failure: str | None
    reason: str | None
    until: datetime | None
    pr_number: int | None
    pr_status: str | None
    credits_used: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    model_name: str
    is_demo: bool
    verdict: str | None = None
    pr_url: str = ""
    priority: str = "medium"
    owner: str = ""
    is_mine: bool = True
    is_unread: bool = False
    is_archived: bool = False
    is_shared: bool = False

    @property
    def short_id(self) -> str:
        """The first eight hex digits, as in the branch name."""
        return self.id.hex[:8]

    @property
    def is_alive(self) -> bool:
        """Whether a run of it waits or works."""
        return not Status(self.status).is_end

    @property
    def can_retry(self) -> bool:
        """Whether it ended without a result: failed, stopped, or nothing changed."""
        return not retry_refusal(self.status, self.outcome, is_merged=self.pr_status == PullRequestStatus.MERGED)

    @property
    def is_paused(self) -> bool:
        """Whether it goes on by itself at `until`, when a limit is over."""
        return is_paused(self.status, self.phase, self.until)

    @property
    def waits_for_person(self) -> bool:
        """Whether it goes on only when its person answers."""
        return self.phase == Phase.PARKED and self.until is None

    @property
    def awaits_approval(self) -> bool:
        """Whether what it waits for is an answer to its plan."""
        return self.waits_for_person and self.reason == APPROVAL


@dataclass(frozen=True)
class Group:
    """A heading of the sidebar with its rows."""

    name: str
    rows: list[TaskRow]


@dataclass(frozen=True)
class Sidebar:
    """The task list: what needs attention, what runs, what is recent by day.

    `has_others` says whether there are tasks of others that this person may read.
    """

    groups: list[Group]
    has_more: bool
    has_others: bool


@dataclass(frozen=True)
class RunRow:
    """A run as the rail shows it. `charged` is None until it is settled; costs in micro-dollars, tokens counted.

    `cost_micro` is the provider's price, on which credits have the `margin`, in hundredths of a percent.

    `limit` is what it may cost in whole credits; with `own_key` nothing of that is held or charged.
    """

    number: int
    attempt: int
    held: int
    charged: int | None
    margin: int
    cost_micro: int
    steps: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    started_at: datetime | None
    ended_at: datetime | None
    sandbox: str | None
    own_key: bool
    limit: int


@dataclass(frozen=True)
class EvidenceRow:
    """What the worker's own run of the tests said about the final commit."""

    verdict: str
    command: str
    exit_code: int | None
    duration_ms: int
    sha: str
    log_sha256: str
    reason: str
    weakened: list[str]
    log_end: str = ""


@dataclass(frozen=True)
class PullRequestRow:
    """The task's pull request as GitHub last told it; `may_push` says whether this person may merge or close it.

    `failing` are the names of the head's checks that fail; `said` counts the reviews that the newest run does not know.
    """

    number: int
    title: str
    status: str
    url: str
    head_sha: str = ""
    target_branch: str = ""
    may_push: bool = False
    checks_state: str | None = None
    review_state: str | None = None
    conflicts: bool = False
    failing: tuple[str, ...] = ()
    said: int = 0


@dataclass(frozen=True)
class OpinionRow:
    """What another model said of the newest changes: findings, or `why` there are none. Micro-dollars."""

    model: str
    findings: list[dict[str, Any]]
    why: str
    left_out: int
    cost_micro: int


@dataclass(frozen=True)
class FileDiff:
    """A changed file with its unified diff, `---`/`+++` lines included, and what became weaker in its tests."""

    path: str
    old_path: str
    status: str
    added: int
    removed: int
    is_binary: bool
    patch: str
    weakened: list[str]


@dataclass(frozen=True)
class MessageRow:
    """A follow-up that waits to be read; it can be withdrawn. Its images are named as the log names them."""

    id: UUID
    text: str
    images: list[dict[str, Any]]


@dataclass(frozen=True)
class TaskPage:
    """Everything of a task's page but its log and its diff; `run` is the newest.

    `plan` is the newest one of a task that is planned first, on which the person `can_decide` while it waits.
    `review_of` is the number of the pull request that the task reviews; `no_more` says why nothing more can be done on
    the repository.
    """

    row: TaskRow
    run: RunRow
    branch: str
    target_branch: str
    work_branch: str | None
    review_of: int | None
    review_url: str
    evidence: EvidenceRow | None
    opinion: OpinionRow | None
    pull_request: PullRequestRow | None
    file_count: int
    queued_messages: list[MessageRow]
    seq: int
    takes_images: bool
    images: int  # that were sent with it
    can_cancel: bool
    can_follow_up: bool
    no_more: str
    actions: list[str]
    plan_first: bool
    plan: PlanRow | None
    can_decide: bool

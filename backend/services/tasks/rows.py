"""What pages hold of tasks: small frozen rows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.words import Phase


@dataclass(frozen=True)
class TaskRow:
    """A task in a list. Times are aware UTC; credits whole."""

    id: UUID
    short_id: str
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

    @property
    def waits_for_person(self) -> bool:
        """Whether it goes on only when its person answers."""
        return self.phase == Phase.PARKED and self.until is None


@dataclass(frozen=True)
class Group:
    """A heading of the sidebar with its rows."""

    name: str
    rows: list[TaskRow]


@dataclass(frozen=True)
class Sidebar:
    """The task list: what needs attention, what runs, what is recent by day."""

    groups: list[Group]
    has_more: bool


@dataclass(frozen=True)
class RunRow:
    """A run as the rail shows it. `charged` is None until it is settled; costs in micro-dollars, tokens counted."""

    number: int
    status: str
    phase: str
    outcome: str | None
    failure: str | None
    attempt: int
    held: int
    charged: int | None
    cost_micro: int
    steps: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    started_at: datetime | None
    ended_at: datetime | None
    sandbox: str | None


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


@dataclass(frozen=True)
class PullRequestRow:
    """The task's pull request as GitHub last told it."""

    number: int
    title: str
    status: str
    url: str


@dataclass(frozen=True)
class FileRow:
    """A changed file; counts of lines."""

    path: str
    status: str
    added: int
    removed: int
    is_binary: bool


@dataclass(frozen=True)
class FileDiff:
    """A changed file with its unified diff, `---`/`+++` lines included."""

    path: str
    old_path: str
    status: str
    added: int
    removed: int
    is_binary: bool
    patch: str


@dataclass(frozen=True)
class MessageRow:
    """A follow-up that waits to be read; it can be withdrawn."""

    id: UUID
    text: str


@dataclass(frozen=True)
class TaskPage:
    """Everything of a task's page but its log and its diff."""

    row: TaskRow
    prompt: str
    branch: str
    target_branch: str
    work_branch: str | None
    model_display_name: str
    is_demo: bool
    owner: str
    runs: list[RunRow]
    evidence: EvidenceRow | None
    pull_request: PullRequestRow | None
    files: list[FileRow]
    queued_messages: list[MessageRow]
    can_cancel: bool
    can_follow_up: bool
    actions: list[str]

"""Tasks: as they are asked for, listed, and told whole."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StrictInt

from backend.api.schemas.base import Given, Shown
from backend.engine.tools import MAX_PLAN
from backend.services import attachments
from backend.services.tasks import MAX_PROMPT, plans
from backend.words import (
    Decision,
    Effort,
    EventKind,
    Failure,
    Outcome,
    Phase,
    Priority,
    PullRequestStatus,
    Status,
    TaskType,
    Verdict,
    Visibility,
)

_TASK = "0f8d5a3e-8a4d-4b5f-9a25-6f0b1c2d3e4f"
_REPOSITORY = "c1d3a1c0-5e43-4b4e-9a43-0f7be3a6c2d5"
_MODEL = "4f0c9a52-6d0b-4a86-9a6e-0e4f3a9d1c77"
Branch = Annotated[str, Field(min_length=1, max_length=244, examples=["main"])]
Prompt = Annotated[
    str, Field(min_length=1, max_length=MAX_PROMPT, examples=["Totals are off by a cent. Find out why and fix it."])
]

Images = Annotated[
    tuple[UUID, ...], Field(max_length=attachments.MOST, description="Images of one's own that no task has yet.")
]


class TaskGiven(Given):
    """What to do where. What is not given is as the person's preferences say; the branch is the default one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"repository_id": _REPOSITORY, "prompt": "Totals are off by a cent.", "type": "debug"}]
        }
    )

    repository_id: UUID = Field(examples=[_REPOSITORY])
    prompt: Prompt
    type: TaskType | None = None
    branch: Branch | None = Field(default=None, description="Where it starts from.")
    target_branch: Branch | None = Field(default=None, description="Where the pull request goes; else to `branch`.")
    model_id: UUID | None = Field(default=None, examples=[_MODEL])
    priority: Priority | None = None
    effort: Effort | None = None
    visibility: Visibility | None = None
    pull_number: Annotated[StrictInt, Field(gt=0, lt=2**31)] | None = Field(
        default=None, description="The pull request that a review looks at, by GitHub's number."
    )
    attachments: Images = ()
    plan_first: bool = Field(
        default=False, description="It makes a plan first, and changes nothing before you have approved one."
    )


class PullRequestOfTask(Shown):
    """The task's pull request as GitHub last told it."""

    number: int
    status: PullRequestStatus
    url: str


class TaskShown(Shown):
    """A task as lists tell it. Its status, phase, outcome and failure are those of its newest run."""

    id: UUID = Field(examples=[_TASK])
    short_id: str = Field(examples=["0f8d5a3e"])
    title: str = Field(examples=["Totals are off by a cent."])
    type: TaskType
    status: Status
    phase: Phase
    reason: str | None = Field(description="Why it waits.")
    until: datetime | None = Field(description="Until when it waits; parked without an end, it waits for its person.")
    outcome: Outcome | None
    failure: Failure | None
    priority: Priority
    visibility: Visibility
    effort: Effort | None
    plan_first: bool
    repository_id: UUID = Field(examples=[_REPOSITORY])
    repository: str = Field(examples=["alice/sample-shop"])
    model_id: UUID = Field(examples=[_MODEL])
    model: str = Field(examples=["Demo (scripted, no AI)"])
    owner: str = Field(examples=["Alice Adams"])
    is_mine: bool
    branch: str = Field(examples=["main"])
    target_branch: str = Field(examples=["main"])
    work_branch: str | None = Field(examples=["async/0f8d5a3e-totals"])
    pull_number: int | None = Field(description="The pull request that it reviews.")
    pull_request: PullRequestOfTask | None
    credits_used: int
    estimated_credits: int | None
    event_seq: int = Field(description="The number of its log's last entry.")
    url: str = Field(description="Its page.", examples=[f"http://127.0.0.1:3000/tasks/{_TASK}"])
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    archived_at: datetime | None


class RunShown(Shown):
    """The newest run. Credits are whole, costs micro-dollars; `charged` is None until it is settled."""

    number: int
    attempt: int
    held: int
    charged: int | None
    limit: int = Field(description="What it may cost, in whole credits.")
    own_key: bool = Field(description="It runs on the person's own provider key: nothing is held or charged.")
    margin: int = Field(description="On the provider's price, in hundredths of a percent; credits have it in them.")
    cost_micro: int = Field(description="The provider's price, without the margin.")
    steps: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    started_at: datetime | None
    ended_at: datetime | None


class EvidenceShown(Shown):
    """What the worker's own run of the tests said about the final commit."""

    verdict: Verdict
    command: str
    exit_code: int | None
    duration_ms: int
    sha: str
    log_sha256: str
    reason: str
    weakened: list[str] = Field(description="Where tests were removed or skipped.")


class OpinionShown(Shown):
    """What another model said of the changes, which it saw once: up to five findings, or why there are none."""

    model: str = Field(examples=["Claude Sonnet 4.6"])
    findings: list[dict[str, Any]] = Field(
        examples=[[{"path": "shop/totals.py", "line": 12, "severity": "major", "text": "Rounds before it adds up."}]]
    )
    why: str = Field(description="Why there is none; empty where there is one.")
    left_out: int = Field(description="Changed files that it could not be shown.")
    cost_micro: int = Field(description="Micro-dollars; part of the run's cost.")


class MessageShown(Shown):
    """A follow-up that waits to be read."""

    id: UUID
    text: str


class AttachmentShown(Shown):
    """An image that goes with a prompt: without its metadata, its size in bytes, its sides in pixels."""

    id: UUID
    name: str = Field(examples=["shot.png"])
    size: int
    width: int
    height: int


class PlanShown(Shown):
    """The newest plan of a task that is planned first."""

    number: int = Field(description="The task's plans are counted.")
    title: str = Field(examples=["Round once, at the end"])
    text: str = Field(description="Markdown: as it was proposed or, once it was approved, as it was approved.")
    decision: Decision | None = Field(description="None while nobody has answered.")
    words: str = Field(description="What was said with the decision.")
    by: str = Field(description="Who decided.")
    is_edited: bool = Field(description="It was changed by whoever approved it.")
    until: datetime = Field(description="When a run whose plan nobody answers is ended.")


class TaskWhole(TaskShown):
    """A task with its words, its newest run, and what can be done with it."""

    prompt: str
    run: RunShown
    evidence: EvidenceShown | None
    opinion: OpinionShown | None
    file_count: int = Field(description="Files that it changed.")
    waiting_messages: list[MessageShown]
    attachments: list[AttachmentShown] = Field(description="The images that came with its prompt.")
    plan: PlanShown | None
    can_decide: bool = Field(description="The plan waits for this person's answer.")
    can_cancel: bool
    can_follow_up: bool


class PlanGiven(Given):
    """An answer to a plan."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decision": "change", "number": 1, "text": "Add a test of it as well."}]}
    )

    decision: Decision
    number: Annotated[StrictInt, Field(gt=0, lt=2**31)] | None = Field(
        default=None, description="The plan that is meant: another one is refused. Without it, whichever waits."
    )
    text: str = Field(default="", max_length=plans.MAX_WORDS, description="What should be different, or minded.")
    plan: str | None = Field(
        default=None, max_length=MAX_PLAN, description="With an approval: the plan as it is to be carried out."
    )


class FollowUpGiven(Given):
    """What else is to be done."""

    text: Prompt
    attachments: Images = ()


class ChangesGiven(Given):
    """What an owner changes of a task; what is not given stays as it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Totals that are off by a cent"}]})

    title: str | None = Field(default=None, max_length=1000)
    visibility: Visibility | None = None


class RetryGiven(Given):
    """Another try: with the newest run's words and model where none are given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model_id": _MODEL}]})

    prompt: Prompt | None = None
    model_id: UUID | None = None


class GoingOnGiven(Given):
    """How a paused run goes on: with the same model where none is given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model_id": _MODEL}]})

    model_id: UUID | None = None


class FollowUpShown(Shown):
    """A message to a task: the run that is alive reads it, otherwise a new one begins with it."""

    id: UUID
    task_id: UUID
    text: str
    taken_at: datetime | None = Field(description="When a run took it in; until then it can be withdrawn.")
    created_at: datetime


class EventShown(Shown):
    """An entry of a task's log, in order and without gaps."""

    seq: int
    run_id: UUID
    kind: EventKind
    at: datetime
    payload: dict[str, Any]
    is_cut: bool = Field(description="More of a tool's output is kept than the payload holds.")


class NoticeShown(Shown):
    """Something that a person was told, in order and without gaps."""

    seq: int
    kind: str = Field(examples=["task:status_updated"])
    at: datetime
    payload: dict[str, Any] = Field(examples=[{"task_id": "7a0e3b52-9f0c-4f0e-8a51-2d6f1c0b9e44", "status": "running"}])


class ResultShown(Shown):
    """What a run produced: one for each changed file, one for an analysis, one for the pull request."""

    id: UUID
    task_id: UUID
    run_id: UUID | None
    result_type: str = Field(description="code_changes, documentation, analysis or pr_created.")
    content: str | None = Field(description="A changed file's unified diff, or the words.")
    file_path: str | None
    summary: str | None
    metadata: dict[str, Any] | None
    created_at: datetime


class FileShown(Shown):
    """A changed file with its unified diff."""

    path: str
    old_path: str
    status: str = Field(examples=["modified"])
    added: int
    removed: int
    is_binary: bool
    patch: str
    weakened: list[str]


class DiffShown(Shown):
    """The changes of the newest run that made some."""

    files: list[FileShown]

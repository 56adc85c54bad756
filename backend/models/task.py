"""Tasks, their runs, their log, and what is derived from it once, at a run's end."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Index,
    LargeBinary,
    Numeric,
    UniqueConstraint,
    desc,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel

from backend.models.base import document, filled, foreign, moment, one_of, reference, uuid_key
from backend.words import EventKind, Failure, Outcome, Phase, Priority, Status, TaskType


class Task(SQLModel, table=True):
    """What a person asked for, with its follow-ups. Status, phase, outcome and failure are those of its newest run."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("idx_tasks_user_status", "user_id", "status"),
        Index("idx_tasks_created_at", desc("created_at")),
        Index("idx_tasks_user_repo_status", "user_id", "repository_id", "status"),
        Index("idx_tasks_user_updated", "user_id", desc("updated_at")),
        Index("idx_tasks_of_type", "repository_id", "type", desc("created_at")),
        Index("idx_tasks_user_created", "user_id", desc("created_at"), desc("id")),
        Index("idx_tasks_search", "search", postgresql_using="gin"),
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint(one_of("phase", Phase), name="phase"),
        CheckConstraint(one_of("type", TaskType), name="type"),
        CheckConstraint(one_of("priority", Priority), name="priority"),
        CheckConstraint(one_of("outcome", Outcome), name="outcome"),
        CheckConstraint(one_of("failure", Failure), name="failure"),
        CheckConstraint("visibility IN ('private', 'repository')", name="visibility"),
        CheckConstraint("effort IN ('low', 'medium', 'high')", name="effort"),
        CheckConstraint("pull_number IS NULL OR (pull_number > 0 AND type = 'pr_review')", name="pull_number"),
    )

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id")
    repository_id: UUID = reference("repositories.id")
    ai_model_id: UUID = reference("ai_models.id")
    title: str
    description: str | None = None
    prompt: str
    branch: str
    target_branch: str = filled("'main'")
    work_branch: str | None = None
    pull_number: int | None = None  # what a pr_review looks at, in the task's repository on GitHub
    status: str = filled("'pending'")
    phase: str = filled("'queued'")
    reason: str | None = foreign(default=None)
    until: datetime | None = moment()
    outcome: str | None = None
    failure: str | None = None
    type: str
    priority: str = filled("'medium'")
    visibility: str = filled("'private'")
    effort: str | None = None
    plan_first: bool = filled("false")  # nothing is written before a plan of it was approved
    credits_used: int = filled("0")
    estimated_credits: int | None = None
    event_seq: int = filled("0")
    started_at: datetime | None = moment()
    completed_at: datetime | None = moment()
    archived_at: datetime | None = moment()
    deleted_at: datetime | None = moment()
    created_at: datetime = moment(default_now=True)
    updated_at: datetime = moment(default_now=True)
    search: Any = Field(
        default=None,
        sa_column=Column(
            "search", TSVECTOR, Computed("to_tsvector('simple', title || ' ' || prompt)", persisted=True), nullable=True
        ),
    )

    @property
    def short_id(self) -> str:
        """The first eight hex digits, as in the branch name."""
        return self.id.hex[:8]


class TaskRun(SQLModel, table=True):
    """One piece of work on a task with its own hold; an attempt is a try at it by one worker."""

    __tablename__ = "task_runs"
    __table_args__ = (
        UniqueConstraint("task_id", "number"),
        # At most one run of a task is alive: a follow-up sent meanwhile is a message of that run.
        Index("uq_task_runs_alive", "task_id", unique=True, postgresql_where=text("status IN ('pending', 'running')")),
        Index("idx_task_runs_claim", "status", "phase", "until"),
        Index("idx_task_runs_line", "turn", "created_at", postgresql_where=text("status = 'pending'")),
        Index(
            "idx_task_runs_paid",
            "ai_model_id",
            desc("ended_at"),
            postgresql_where=text("status = 'completed' AND cost_micro > 0"),
        ),
        Index("idx_task_runs_begun", "turn", postgresql_where=text("started_at IS NOT NULL")),
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint(one_of("phase", Phase), name="phase"),
        CheckConstraint(one_of("outcome", Outcome), name="outcome"),
        CheckConstraint(one_of("failure", Failure), name="failure"),
    )

    id: UUID = uuid_key()
    task_id: UUID = reference("tasks.id")
    number: int
    ai_model_id: UUID | None = reference("ai_models.id", nullable=True)  # a retry may take another than the run before
    prompt: str
    status: str = filled("'pending'")
    phase: str = filled("'queued'")
    reason: str | None = foreign(default=None)
    until: datetime | None = moment()
    outcome: str | None = None
    failure: str | None = None
    turn: float = filled("0")  # its place in line: services/line.py
    attempt: int = filled("1")
    fence: int = filled("0")
    lease_owner: str | None = None
    lease_expires_at: datetime | None = moment()
    own_key: bool = filled("false")  # on the person's own provider key: its cost is shown and not charged
    budget: int = filled("0")  # whole credits' worth that a run on the person's own key may cost: it holds none
    held: int = filled("0")
    margin: int = filled("0")  # on the provider's price, in hundredths of a percent, as it was when the run began
    charged: int | None = None
    tokens_input: int = filled("0", sa_type=BigInteger)
    tokens_cached: int = filled("0", sa_type=BigInteger)
    tokens_output: int = filled("0", sa_type=BigInteger)
    cost_micro: int = filled("0", sa_type=BigInteger)
    steps: int = filled("0")
    merges_target: bool = filled("false")  # it begins with the target branch merged into the task's
    base_sha: str | None = None
    merged_sha: str | None = None  # the target's commit that it merges, once it was prepared
    head_sha: str | None = None
    sandbox: str | None = None
    evidence: dict[str, Any] | None = document()
    opinion: dict[str, Any] | None = document()  # a second one: services/second_opinion.py
    cancelled_by: UUID | None = reference("users.id", nullable=True)
    cancel_requested_at: datetime | None = moment()
    finish_requested_at: datetime | None = moment()
    created_at: datetime = moment(default_now=True)
    started_at: datetime | None = moment()
    ended_at: datetime | None = moment()

    @property
    def limit(self) -> int:
        """What the run may cost, in whole credits: held from the balance or, on the person's own key, only counted."""
        return self.budget if self.own_key else self.held


class TaskEvent(SQLModel, table=True):
    """One entry of a task's log. `id` is the writer's own: a commit whose answer was lost is not written twice."""

    __tablename__ = "task_events"
    __table_args__ = (CheckConstraint(one_of("kind", EventKind), name="kind"),)

    task_id: UUID = Field(foreign_key="tasks.id", primary_key=True)
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: UUID = Field(unique=True)
    run_id: UUID = reference("task_runs.id", index=True)
    kind: str
    payload: dict[str, Any] = document(default="'{}'::jsonb")
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = moment(default_now=True)


class TaskMessage(SQLModel, table=True):
    """Something the person said while a run runs; it can be withdrawn until the run takes it in."""

    __tablename__ = "task_messages"

    id: UUID = uuid_key()
    task_id: UUID = reference("tasks.id", index=True)
    user_id: UUID = reference("users.id")
    run_id: UUID | None = reference("task_runs.id", nullable=True)
    text: str
    taken_at: datetime | None = moment()
    withdrawn_at: datetime | None = moment()
    created_at: datetime = moment(default_now=True)


class TaskRead(SQLModel, table=True):
    """How far a person has seen a task: its log's number when its page was last open."""

    __tablename__ = "task_reads"

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    task_id: UUID = Field(foreign_key="tasks.id", primary_key=True, index=True)
    seq: int
    read_at: datetime = moment(default_now=True)


class Draft(SQLModel, table=True):
    """A task that was written and not yet sent; `content` is what the composer held."""

    __tablename__ = "drafts"

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id", index=True)
    content: dict[str, Any] = document(default="'{}'::jsonb")
    created_at: datetime = moment(default_now=True)
    updated_at: datetime = moment(default_now=True)


class Attachment(SQLModel, table=True):
    """An image that goes with a prompt or a message: sent once `task_id` is set, read once `run_id` is.

    `position` is its place among those that were sent with it; `message_id` is the follow-up that brought it.
    """

    __tablename__ = "attachments"
    __table_args__ = (Index("idx_attachments_unsent", "created_at", postgresql_where=text("task_id IS NULL")),)

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id", index=True)
    task_id: UUID | None = reference("tasks.id", nullable=True, index=True)
    run_id: UUID | None = reference("task_runs.id", nullable=True)
    message_id: UUID | None = reference("task_messages.id", nullable=True, index=True)
    position: int = filled("0")
    name: str
    media_type: str
    size: int
    width: int
    height: int
    content: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = moment(default_now=True)


class TaskResult(SQLModel, table=True):
    """What a run produced: one row a changed file, one for an analysis, one for the pull request."""

    __tablename__ = "task_results"
    __table_args__ = (
        CheckConstraint(
            "result_type IN ('code_changes', 'documentation', 'analysis', 'pr_created')", name="result_type"
        ),
    )

    id: UUID = uuid_key()
    task_id: UUID = reference("tasks.id", index=True)
    run_id: UUID | None = reference("task_runs.id", nullable=True)
    result_type: str
    content: str | None = foreign(default=None)
    file_path: str | None = foreign(default=None)
    summary: str | None = foreign(default=None)
    meta: dict[str, Any] | None = document(column="metadata")
    created_at: datetime = moment(default_now=True)


class Artifact(SQLModel, table=True):
    """Bytes that belong to a run: checkpoints, full outputs, patches. Compressed by whoever writes them."""

    __tablename__ = "artifacts"
    __table_args__ = (UniqueConstraint("run_id", "kind", "name"),)

    id: UUID = uuid_key()
    task_id: UUID = reference("tasks.id", index=True)
    run_id: UUID = reference("task_runs.id")
    kind: str
    name: str = filled("''")
    content: bytes = Field(sa_type=LargeBinary)
    size: int = Field(sa_type=BigInteger)
    created_at: datetime = moment(default_now=True)


class TaskAnalytics(SQLModel, table=True):
    """One row a task, written at each run's end.

    execution_time_ms: sum over its runs of ended_at − started_at. tokens_used: sum of input and output tokens.
    lines_of_code_generated: added lines of the task's diff. files_modified: files in that diff.
    error_count: attempts that ended in a fault. success_rate: verified or merged runs of the task, in percent.
    """

    __tablename__ = "task_analytics"

    id: UUID = uuid_key()
    task_id: UUID = reference("tasks.id", unique=True)
    execution_time_ms: int | None = Field(default=None, sa_type=BigInteger)
    tokens_used: int | None = Field(default=None, sa_type=BigInteger)
    lines_of_code_generated: int | None = None
    files_modified: int | None = None
    error_count: int = filled("0")
    success_rate: Decimal | None = Field(default=None, sa_type=Numeric(5, 2))
    created_at: datetime = moment(default_now=True)

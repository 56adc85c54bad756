"""Labels and mentions on GitHub that asked for a task."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from backend.models.base import big, document, filled, foreign, moment, one_of, reference, uuid_key


class TriggerState(StrEnum):
    """What became of it."""

    WAITING = "waiting"
    STARTED = "started"
    REFUSED = "refused"


class Trigger(SQLModel, table=True):
    """A label or a mention, once by its `origin`, and the comment on GitHub that tells what becomes of it.

    `next_at` is when it is to be looked at again, and moves before each look: so it is nobody else's meanwhile.
    """

    __tablename__ = "triggers"
    __table_args__ = (
        CheckConstraint(one_of("state", TriggerState), name="state"),
        Index("idx_triggers_due", "next_at", postgresql_where="closed_at IS NULL"),
        Index("idx_triggers_number", "repository_id", "number"),
    )

    id: UUID = uuid_key()
    origin: str = Field(unique=True)
    repository_id: UUID = reference("repositories.id")
    user_id: UUID = reference("users.id", index=True)
    number: int  # of the issue or pull request
    content: dict[str, Any] = document(default="'{}'::jsonb")  # as GitHub told it; empty once it was read
    state: str = filled("'waiting'")
    task_id: UUID | None = reference("tasks.id", nullable=True, index=True)
    run_id: UUID | None = reference("task_runs.id", nullable=True)
    refusal: str | None = foreign(default=None)
    comment_id: int | None = big()  # GitHub's
    told: str | None = None  # which state of the run the comment tells
    attempts: int = filled("0")
    next_at: datetime = moment(default_now=True)
    closed_at: datetime | None = moment()  # there is nothing more to do or to tell
    created_at: datetime = moment(default_now=True)

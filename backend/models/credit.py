"""The ledger, and what people are told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, desc
from sqlmodel import Field, SQLModel

from backend.models.base import document, filled, moment, reference, uuid_key


class CreditTransaction(SQLModel, table=True):
    """An entry of the ledger: `amount` moves the balance, `held_delta` what is held. Never updated, never deleted."""

    __tablename__ = "credit_transactions"
    __table_args__ = (
        Index("idx_credit_transactions_user_created", "user_id", desc("created_at")),
        CheckConstraint(
            "(type = 'hold' AND amount = 0 AND held_delta > 0)"
            " OR (type = 'release' AND amount = 0 AND held_delta < 0)"
            " OR (type = 'debit' AND amount <= 0 AND held_delta = amount)"
            " OR (type IN ('credit', 'bonus', 'refund') AND amount > 0 AND held_delta = 0)",
            name="amounts",
        ),
    )

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id")
    task_id: UUID | None = reference("tasks.id", nullable=True)
    run_id: UUID | None = reference("task_runs.id", nullable=True, index=True)
    type: str
    amount: int
    held_delta: int = filled("0")
    idempotency_key: str = Field(unique=True)
    description: str | None = None
    meta: dict[str, Any] | None = document(column="metadata")
    # now() stands still within a transaction, and the rows of a settlement have an order.
    created_at: datetime = filled("clock_timestamp()", sa_type=DateTime(timezone=True))


class CreditRequest(SQLModel, table=True):
    """Somebody asks the admins for credits; one at a time is open. `answer` is the admin's reason."""

    __tablename__ = "credit_requests"
    __table_args__ = (
        Index("uq_credit_requests_open", "user_id", unique=True, postgresql_where="status = 'open'"),
        Index("idx_credit_requests_user", "user_id", desc("created_at")),
        CheckConstraint("status IN ('open', 'granted', 'declined', 'withdrawn')", name="status"),
    )

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id")
    words: str = filled("''")
    status: str = filled("'open'")
    granted: int | None = None  # whole credits
    answer: str | None = None
    decided_by: UUID | None = reference("users.id", nullable=True)
    decided_at: datetime | None = moment()
    created_at: datetime = moment(default_now=True)


class Notice(SQLModel, table=True):
    """Something a person is told; numbered per person without gaps."""

    __tablename__ = "notices"

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    payload: dict[str, Any] = document(default="'{}'::jsonb")
    created_at: datetime = moment(default_now=True)


class Deployment(SQLModel, table=True):
    """One row: whether this database belongs to a demo or to a real deployment, and whether its queue is paused."""

    __tablename__ = "deployment"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        CheckConstraint("mode IN ('demo', 'real')", name="mode"),
    )

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    mode: str
    paused_at: datetime | None = moment()  # while it is, no run is begun
    paused_by: UUID | None = reference("users.id", nullable=True)
    created_at: datetime = moment(default_now=True)

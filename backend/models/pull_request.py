"""Pull requests as GitHub last told them, and the deliveries that told them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.models.base import big, document, filled, foreign, moment, one_of, reference, uuid_key
from backend.words import ChecksState, PullRequestStatus, ReviewState


class PullRequest(SQLModel, table=True):
    """A pull request. `observed_at` is GitHub's own updated_at: what is older never moves it back."""

    __tablename__ = "pull_requests"
    __table_args__ = (
        Index("idx_pull_requests_repo_status", "repository_id", "status"),
        UniqueConstraint("repository_id", "pr_number"),
        CheckConstraint(one_of("status", PullRequestStatus), name="status"),
        CheckConstraint(one_of("checks_state", ChecksState), name="checks_state"),
        CheckConstraint(one_of("review_state", ReviewState), name="review_state"),
        Index("idx_pull_requests_polled", "polled_at", postgresql_where="status <> 'merged'"),
    )

    id: UUID = uuid_key()
    task_id: UUID | None = reference("tasks.id", nullable=True, unique=True)  # a task has at most one
    repository_id: UUID = reference("repositories.id")
    github_pr_id: int = big(nullable=False, unique=True)
    pr_number: int
    title: str = foreign()
    description: str | None = foreign(default=None)
    source_branch: str = foreign()
    target_branch: str = foreign()
    status: str
    url: str = foreign()
    head_sha: str | None = None
    etag: str | None = None
    is_mergeable: bool | None = None  # False is a conflict; None while GitHub has not said
    checks_state: str | None = None  # None without checks
    checks: dict[str, Any] = document(default="'{}'::jsonb")  # of head_sha, by name: services/pull_signals.py
    checks_etag: str | None = None
    review_state: str | None = None  # None without reviews
    reviews: dict[str, Any] = document(default="'{}'::jsonb")  # by GitHub's id: services/pull_signals.py
    reviews_etag: str | None = None
    observed_at: datetime | None = moment()
    polled_at: datetime | None = moment()  # when GitHub was last asked about it, whatever came of it
    merged_at: datetime | None = moment()
    closed_at: datetime | None = moment()
    created_at: datetime = moment(default_now=True)
    updated_at: datetime = moment(default_now=True)


class WebhookDelivery(SQLModel, table=True):
    """One delivery of GitHub's, stored once by its GUID; a chore applies it and sets `processed_at`.

    What is old keeps its row, so that a replay is known, without its payload: `emptied_at`.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("idx_webhook_deliveries_open", "received_at", postgresql_where="processed_at IS NULL"),
        Index("idx_webhook_deliveries_received", "received_at", "id"),
        Index("idx_webhook_deliveries_event", "event", "received_at", "id"),
        Index("idx_webhook_deliveries_full", "received_at", postgresql_where="emptied_at IS NULL"),
    )

    id: UUID = uuid_key()
    delivery_id: str = Field(unique=True)
    event: str
    action: str | None = None
    repository: str = filled("''")  # its full name, as the delivery says it; empty for none
    payload: dict[str, Any] = document(default="'{}'::jsonb")
    received_at: datetime = moment(default_now=True)
    processed_at: datetime | None = moment()
    was_ignored: bool = filled("false")  # applied, and nothing in it is for us
    emptied_at: datetime | None = moment()
    attempts: int = filled("0")
    error: str | None = None

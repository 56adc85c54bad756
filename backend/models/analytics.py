"""Figures summed ahead, so that a page need not read a million tasks: services/analytics_rollup.py keeps them true."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, Integer
from sqlmodel import Field, SQLModel

from backend.models.base import filled, reference, uuid_key


def _count() -> Any:
    return filled("0")


def _sum() -> Any:
    return filled("0", sa_type=BigInteger)


def _histogram() -> Any:
    return Field(default=None, sa_type=ARRAY(Integer))


class Sums(SQLModel):
    """What is summed over the tasks of a cell; each column's formula is in analytics_rollup.SUMS and HISTOGRAMS.

    Durations are sums in milliseconds with the number of tasks that have them, and a histogram of up to 48 counts whose
    bounds are analytics_rollup.BOUNDS; it ends with its last count, and is NULL where none was measured.
    """

    tasks: int = _count()
    pending: int = _count()
    running: int = _count()
    completed: int = _count()
    failed: int = _count()
    cancelled: int = _count()
    pr_opened: int = _count()
    pr_updated: int = _count()
    answered: int = _count()
    reviewed: int = _count()
    no_changes: int = _count()
    merged: int = _count()
    pull_requests: int = _count()
    pull_requests_merged: int = _count()
    credits: int = _sum()
    tokens: int = _sum()
    lines: int = _sum()
    files: int = _sum()
    errors: int = _count()
    execution_ms: int = _sum()
    charged_credits: int = _sum()
    charged_credits_squared: int = _sum()
    charged_merged: int = _count()
    charged_merged_credits: int = _sum()
    first_event_count: int = _count()
    first_event_ms: int = _sum()
    pull_request_count: int = _count()
    pull_request_ms: int = _sum()
    merge_count: int = _count()
    merge_ms: int = _sum()
    first_event_histogram: list[int] | None = _histogram()
    pull_request_histogram: list[int] | None = _histogram()
    merge_histogram: list[int] | None = _histogram()


class AnalyticsDaily(Sums, table=True):
    """The tasks that one person sent on one day (UTC) with one model, of one type, on one repository."""

    __tablename__ = "analytics_daily"
    __table_args__ = (Index("idx_analytics_daily_user", "user_id", "day"),)

    day: date = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    repository_id: UUID = Field(foreign_key="repositories.id", primary_key=True)
    ai_model_id: UUID = Field(foreign_key="ai_models.id", primary_key=True)
    type: str = Field(primary_key=True)


class AnalyticsEveryone(Sums, table=True):
    """The same of everybody: a row for each model, type and repository of a day, without histograms, and one for the
    whole day, with them, where those three are NULL."""

    __tablename__ = "analytics_everyone"
    __table_args__ = (Index("idx_analytics_everyone_day", "day", postgresql_where="type IS NULL"),)

    id: UUID = uuid_key()
    day: date = Field(index=True)
    repository_id: UUID | None = reference("repositories.id", nullable=True)
    ai_model_id: UUID | None = reference("ai_models.id", nullable=True)
    type: str | None = None


class AnalyticsStale(SQLModel, table=True):
    """A person's day whose tasks have changed since it was summed. Triggers add rows, in the change's own transaction.

    Rows are only added and taken away, never met: nobody waits for another's lock here.
    """

    __tablename__ = "analytics_stale"

    id: UUID = uuid_key()
    day: date = Field(index=True)
    user_id: UUID

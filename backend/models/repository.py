"""Repositories, who may do what with them, and how runs on them are set up."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.models.base import big, document, filled, foreign, moment, one_of, reference, uuid_key


class Repository(SQLModel, table=True):
    """A repository on GitHub, by GitHub's own id: renames and transfers keep the row."""

    __tablename__ = "repositories"
    __table_args__ = (Index("idx_repositories_owner_active", "owner_id", "is_active"),)

    id: UUID = uuid_key()
    github_id: int = big(nullable=False, unique=True)
    name: str
    full_name: str = Field(index=True)
    description: str | None = foreign(default=None)
    is_private: bool = filled("false")
    default_branch: str = filled("'main'")
    language: str | None = None
    url: str
    clone_url: str
    owner_id: UUID | None = reference("users.id", nullable=True)
    is_active: bool = filled("true")
    is_archived: bool = filled("false")
    is_empty: bool = filled("false")
    observed_at: datetime | None = moment()  # GitHub's own updated_at, as a webhook last told it
    hook_id: int | None = big()  # GitHub's id of the webhook that we made here
    hook_trouble: str | None = foreign(default=None)  # why there is none, in GitHub's words
    hook_checked_at: datetime | None = moment()
    created_at: datetime = moment(default_now=True)
    updated_at: datetime = moment(default_now=True)


class UserRepositoryAccess(SQLModel, table=True):
    """What GitHub lets a person do with a repository: read, write or admin."""

    __tablename__ = "user_repository_access"
    __table_args__ = (
        UniqueConstraint("user_id", "repository_id"),
        Index("idx_user_repo_access_lookup", "user_id", "repository_id"),
        CheckConstraint("access_level IN ('read', 'write', 'admin')", name="access_level"),
    )

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id")
    repository_id: UUID = reference("repositories.id", index=True)
    access_level: str
    is_collaborator: bool = filled("false")
    added_at: datetime = moment(default_now=True)


class LostAccess(SQLModel, table=True):
    """A repository that a person reached once and does not now; `full_name` is what they knew it by."""

    __tablename__ = "lost_access"

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    repository_id: UUID = Field(foreign_key="repositories.id", primary_key=True, index=True)
    full_name: str = foreign()
    lost_at: datetime = moment(default_now=True)


class SyncState(StrEnum):
    """How a sync of a person's repositories stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class RepositorySync(SQLModel, table=True):
    """The newest sync of a person's repositories.

    It waits until `next_at`; a worker that has it beats `leased_until` and is known by `fence`. `attempts` counts
    those that took it up since it was asked for, or since GitHub last had it wait.
    """

    __tablename__ = "repository_syncs"
    __table_args__ = (
        CheckConstraint(one_of("state", SyncState), name="state"),
        Index("idx_repository_syncs_open", "next_at", postgresql_where="state IN ('waiting', 'running')"),
    )

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    state: str = filled("'waiting'")
    fence: int = filled("0")
    attempts: int = filled("0")
    next_at: datetime = moment(default_now=True)
    leased_until: datetime | None = moment()
    pages: int = filled("0")
    pages_known: int = filled("0")
    found: int = filled("0")  # repositories
    trouble: str | None = foreign(default=None)  # why it failed or waits
    needs_reconnect: bool = filled("false")
    asked_at: datetime = moment(default_now=True)
    ended_at: datetime | None = moment()


class RepositoryPage(SQLModel, table=True):
    """A page of a person's repositories as GitHub last told it; while its `etag` holds, asking again costs nothing."""

    __tablename__ = "repository_pages"

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    number: int = Field(primary_key=True)
    etag: str | None = None
    items: list[dict[str, Any]] = document(default="'[]'::jsonb")


class RepositorySettings(SQLModel, table=True):
    """How runs on a repository are prepared and checked; without a row the defaults hold."""

    __tablename__ = "repository_settings"
    __table_args__ = (CheckConstraint("draft_policy IN ('ready', 'draft', 'unverified')", name="draft_policy"),)

    repository_id: UUID = Field(foreign_key="repositories.id", primary_key=True)
    test_command: str | None = None
    setup_script: str | None = None
    environment: dict[str, Any] = document(default="'{}'::jsonb")
    secrets: dict[str, Any] = document(default="'{}'::jsonb")  # name → {sealed, at}: value and moment
    draft_policy: str = filled("'unverified'")  # a draft only where the evidence is not green
    trigger_label: str = filled("'asynccoder'")  # which starts a task on an issue; empty for none
    takes_mentions: bool = filled("true")  # whether a comment that names the app starts one
    opinion_model_id: UUID | None = reference("ai_models.id", nullable=True)  # who gives a second opinion
    updated_at: datetime = moment(default_now=True)

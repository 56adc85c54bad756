"""Repositories, who may do what with them, and how runs on them are set up."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.models.base import big, document, filled, foreign, moment, reference, uuid_key


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
    updated_at: datetime = moment(default_now=True)

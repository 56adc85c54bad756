"""People and their sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.models.base import big, document, filled, foreign, moment, reference, uuid_key


class User(SQLModel, table=True):
    """A person. GitHub is the identity; the tokens are sealed with the person's id inside."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("0 <= credits_held AND credits_held <= credits", name="held_within_credits"),
        CheckConstraint("role IN ('member', 'admin')", name="role"),
        CheckConstraint("subscription_tier IN ('free', 'pro', 'enterprise')", name="subscription_tier"),
    )

    id: UUID = uuid_key()
    github_id: int = big(nullable=False, unique=True)
    github_host: str = filled("'github.com'")
    username: str = Field(unique=True)
    email: str | None = None
    display_name: str | None = foreign(default=None)
    avatar_url: str | None = None
    github_access_token: str | None = None
    github_refresh_token: str | None = None
    github_token_expires_at: datetime | None = moment()
    github_scopes: str = filled("''")
    is_github_connected: bool = filled("false")
    credits: int = filled("100")
    credits_held: int = filled("0")
    total_credits_used: int = filled("0")
    subscription_tier: str = filled("'free'")
    role: str = filled("'member'")
    disabled_at: datetime | None = moment()
    notice_seq: int = filled("0")
    repositories_synced_at: datetime | None = moment()
    organisations_checked_at: datetime | None = moment()  # when GitHub last said that they are in an allowed one
    # The person's defaults and what they want to be told, as services/preferences.py reads them.
    preferences: dict[str, Any] = document(default="'{}'::jsonb")
    deleted_at: datetime | None = moment()
    created_at: datetime = moment(default_now=True)
    updated_at: datetime = moment(default_now=True)

    @property
    def name(self) -> str:
        """What to call this person on a page."""
        return self.display_name or self.username

    @property
    def is_shut_out(self) -> bool:
        """Whether an admin disabled the account, or its person deleted it."""
        return self.disabled_at is not None or self.deleted_at is not None

    @property
    def is_admin(self) -> bool:
        """Whether the operator named this person as an admin."""
        return self.role == "admin"


class WebSession(SQLModel, table=True):
    """A browser that is signed in. The cookie's token is only kept as a hash."""

    __tablename__ = "sessions"

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id", index=True)
    token_hash: str = Field(unique=True)
    user_agent: str = filled("''")
    created_at: datetime = moment(default_now=True)
    last_seen_at: datetime = moment(default_now=True)
    expires_at: datetime = moment(nullable=False)
    revoked_at: datetime | None = moment()


class ApiToken(SQLModel, table=True):
    """A bearer token for the REST API: shown once, kept as a hash. `prefix` is what its owner recognises it by."""

    __tablename__ = "api_tokens"
    __table_args__ = (CheckConstraint("scope IN ('read', 'write', 'admin')", name="scope"),)

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id", index=True)
    name: str
    prefix: str
    token_hash: str = Field(unique=True)
    scope: str = filled("'write'")
    created_at: datetime = moment(default_now=True)
    last_used_at: datetime | None = moment()
    expires_at: datetime | None = moment()
    revoked_at: datetime | None = moment()


class DeviceGrant(SQLModel, table=True):
    """A program that waits for a token: `user_code` is what its person types, `is_allowed` what they answered."""

    __tablename__ = "device_grants"
    __table_args__ = (
        CheckConstraint("scope IN ('read', 'write')", name="scope"),
        Index("idx_device_grants_waiting", "user_code", unique=True, postgresql_where="is_allowed IS NULL"),
    )

    id: UUID = uuid_key()
    user_id: UUID | None = reference("users.id", nullable=True)
    device_hash: str = Field(unique=True)
    user_code: str
    name: str
    address: str
    scope: str
    interval: int  # seconds
    is_allowed: bool | None = None
    created_at: datetime = moment(default_now=True)
    expires_at: datetime = moment(nullable=False)
    polled_at: datetime | None = moment()
    used_at: datetime | None = moment()


class ProviderKey(SQLModel, table=True):
    """A person's own key for a model provider, sealed with the person's id inside."""

    __tablename__ = "provider_keys"
    __table_args__ = (UniqueConstraint("user_id", "provider"),)

    id: UUID = uuid_key()
    user_id: UUID = reference("users.id")
    provider: str
    sealed_key: str
    hint: str  # its last four characters
    tested_at: datetime = moment(default_now=True)
    created_at: datetime = moment(default_now=True)

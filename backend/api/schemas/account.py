"""The person behind the token."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from backend.api.schemas.base import Given, Shown
from backend.words import Effort, Priority, TaskType, Visibility

_MODEL = "4f0c9a52-6d0b-4a86-9a6e-0e4f3a9d1c77"


class PreferencesShown(Shown):
    """What a task begins with where nothing else is said. Without a model: the first that can be used."""

    model_id: UUID | None = Field(examples=[_MODEL])
    task_type: TaskType
    priority: Priority
    effort: Effort | None = Field(description="None: the model's own.")
    visibility: Visibility


class UserShown(Shown):
    """A person, with their balance in whole credits."""

    id: UUID = Field(examples=["9b2f6c1e-3f2a-4c57-8a51-6d7c1f0b2e11"])
    github_id: int = Field(examples=[583231])
    username: str = Field(examples=["alice"])
    display_name: str | None = Field(examples=["Alice Adams"])
    email: str | None = Field(examples=["alice@example.org"])
    avatar_url: str | None = Field(examples=["https://avatars.githubusercontent.com/u/583231"])
    is_github_connected: bool = Field(description="Whether GitHub still takes what it gave us for this person.")
    credits: int = Field(description="The balance.", examples=[100])
    credits_held: int = Field(description="What of it runs hold just now.", examples=[12])
    total_credits_used: int = Field(examples=[41])
    subscription_tier: Literal["free", "pro", "enterprise"]
    role: Literal["member", "admin"]
    preferences: PreferencesShown
    created_at: datetime
    updated_at: datetime


class ConnectionShown(Shown):
    """Where GitHub asks the person whether we may work as them."""

    authorize_url: str = Field(examples=["https://github.com/login/oauth/authorize?client_id=…"])
    expires_in: int = Field(description="Seconds.", examples=[600])


class PreferencesGiven(Given):
    """Those to change; what is not given stays."""

    model_id: UUID | None = Field(default=None, examples=[_MODEL])
    task_type: TaskType = TaskType.DEBUG
    priority: Priority = Priority.MEDIUM
    effort: Effort | None = None
    visibility: Visibility = Visibility.PRIVATE


class UserGiven(Given):
    """What of a person is ours to change: name, email and avatar are GitHub's, and follow it at each sign-in."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"preferences": {"priority": "high", "visibility": "repository"}}]}
    )

    preferences: PreferencesGiven

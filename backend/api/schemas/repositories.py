"""Repositories, their branches, and how runs on them are checked."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from backend.api.schemas.base import Given, Shown
from backend.services.repository_settings import LABEL, DraftPolicy
from backend.services.repository_setup import MOST_ENVIRONMENT, MOST_SCRIPT, MOST_SECRET


class RepositoryShown(Shown):
    """A repository as GitHub last showed it to the person."""

    id: UUID = Field(examples=["c1d3a1c0-5e43-4b4e-9a43-0f7be3a6c2d5"])
    github_id: int
    name: str = Field(examples=["sample-shop"])
    full_name: str = Field(examples=["alice/sample-shop"])
    description: str | None
    is_private: bool
    is_archived: bool
    is_empty: bool = Field(description="It has no branch to start from.")
    default_branch: str = Field(examples=["main"])
    language: str | None = Field(examples=["Python"])
    url: str
    clone_url: str
    access_level: Literal["read", "write", "admin"]
    refusal: str = Field(description="Why nothing can be changed in it; empty where it can.")
    updated_at: datetime


class BranchShown(Shown):
    """A branch, the default one first."""

    name: str = Field(examples=["main"])
    is_default: bool
    is_protected: bool


class SyncShown(Shown):
    """How far the newest sync is, or how it ended. `idle`: none was ever asked for."""

    state: Literal["idle", "waiting", "running", "done", "failed"]
    pages: int = Field(description="Pages of GitHub's list that are read.", examples=[4])
    pages_known: int = Field(description="How many there are, as far as is known.", examples=[10])
    found: int = Field(description="Repositories on the pages that are read.", examples=[400])
    detail: str = Field(description="Why it waits or failed.")
    until: datetime | None = Field(description="When it goes on by itself, where GitHub has it wait.")
    needs_reconnect: bool = Field(description="GitHub takes the person's token no more.")


class SettingsShown(Shown):
    """How runs on a repository are checked and handed over."""

    test_command: str = Field(description="Empty: found by the repository's files.", examples=["pytest -q"])
    draft_policy: DraftPolicy
    trigger_label: str = Field(description="Put on an issue it starts a task; empty: none does.")
    takes_mentions: bool = Field(description="Whether a comment that names the app starts one.")
    opinion_model_id: UUID | None = Field(
        description="Which model looks at changes before the pull request; None: none."
    )
    changed_at: datetime | None = Field(description="None: never.")
    can_change: bool = Field(description="Whether this person may, as an admin of the repository.")


class SettingsGiven(Given):
    """The settings, whole: what is not given is as at the beginning."""

    test_command: str = Field(default="", examples=["pytest -q"])
    draft_policy: DraftPolicy = DraftPolicy.UNVERIFIED
    trigger_label: str = Field(default=LABEL, max_length=200)
    takes_mentions: bool = True
    opinion_model_id: UUID | None = None


class SecretShown(Shown):
    """A secret by its name; no value of one is ever given back."""

    name: str = Field(examples=["PIP_INDEX_TOKEN"])
    set_at: datetime


class SetupShown(Shown):
    """What prepares a repository for its runs."""

    script: str = Field(examples=["pip install -r requirements.txt"])
    environment: str = Field(description="Lines of NAME=value, by name.", examples=["TZ=UTC"])
    secrets: list[SecretShown] = Field(description="Only the script gets to see them.")
    can_change: bool = Field(description="Whether this person may, who can push to the repository.")


class SetupGiven(Given):
    """Script and environment, whole: what is not given is empty then. The secrets stay as they are."""

    script: str = Field(default="", max_length=MOST_SCRIPT * 2, examples=["pip install -r requirements.txt"])
    environment: str = Field(default="", max_length=MOST_ENVIRONMENT * 2, examples=["TZ=UTC"])


class SecretGiven(Given):
    """A secret's value."""

    value: str = Field(max_length=MOST_SECRET * 2, examples=["a-secret-of-one-line"])

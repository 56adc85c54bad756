"""Pull requests, models, credits and tokens."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from backend.api.schemas.base import Given, Shown
from backend.services.api_tokens import MAX_NAME, Scope
from backend.services.estimates import Basis
from backend.words import Effort, PullRequestStatus


class PullRequestShown(Shown):
    """A pull request of a task, as GitHub last told it."""

    id: UUID
    number: int = Field(examples=[12])
    title: str
    status: PullRequestStatus
    url: str
    source_branch: str
    target_branch: str
    repository: str = Field(examples=["alice/sample-shop"])
    task_id: UUID
    task_title: str
    verdict: str = Field(description="The worker's own run of the tests; empty where there was none.")
    head_sha: str = Field(description="Its newest commit; empty where it is not known yet.")
    checks_state: str | None
    review_state: str | None
    conflicts: bool
    owner: str = Field(description="Whose task it is.", examples=["Alice Adams"])
    is_mine: bool
    may_push: bool = Field(description="Whether this person may merge or close it.")
    updated_at: datetime


class DeedGiven(Given):
    """What a merge is about."""

    sha: str = Field(
        default="",
        pattern=r"^([0-9a-f]{40})?$",
        description="For a merge: the head that was looked at.",
        examples=["0f8d5a3e" * 5],
    )


class ModelShown(Shown):
    """A model, and whether this person can give it a task now."""

    id: UUID
    provider: str
    name: str
    display_name: str
    description: str
    price_line: str
    is_available: bool
    unavailable_reason: str
    own_key: bool = Field(description="The person's own key pays: no credits are held or charged.")
    efforts: list[Effort]
    takes_images: bool


class ModelsShown(Shown):
    """Every model, those that can be used first."""

    items: list[ModelShown]


class UsedShown(Shown):
    """What was charged on a day, in UTC."""

    on: date
    credits: int


class CreditsShown(Shown):
    """The balance in whole credits; one is a US cent of model cost."""

    credits: int = Field(examples=[100])
    held: int = Field(examples=[12])
    available: int = Field(examples=[88])
    used_today: int = Field(description="Charged or held since midnight UTC.", examples=[20])
    daily_limit: int | None = Field(description="What of it the tier allows; None: all.", examples=[500])
    monthly: int = Field(description="What the tier gives each month.", examples=[0])
    used_per_day: list[UsedShown] = Field(description="Of the last 30 days, today last.")


class AskGiven(Given):
    """What the credits are for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"words": "For the release on Friday"}]})

    words: str = Field(default="", max_length=200)


class AskedShown(Shown):
    """A person's newest request for credits, and what became of it."""

    words: str
    status: Literal["open", "granted", "declined", "withdrawn"]
    answer: str = Field(description="An admin's reason.")
    granted: int = Field(description="Whole credits.")
    asked_at: datetime
    decided_at: datetime | None


class LedgerEntryShown(Shown):
    """An entry of the ledger: what moved the balance, and what moved what is held."""

    at: datetime
    kind: str = Field(examples=["debit"])
    amount: int
    held_delta: int
    description: str
    task_id: UUID | None
    task_title: str


class EstimateShown(Shown):
    """A likely range in whole credits, half and nine in ten of such runs, and what is held until the run ends.

    It rests on so many earlier `runs` on the repository, or of the type with this model, or on a stated `prior`.
    """

    low: int = Field(examples=[3])
    high: int = Field(examples=[18])
    hold: int = Field(examples=[27])
    basis: Basis
    runs: int = Field(examples=[12])


class TokenShown(Shown):
    """A live token as its owner recognises it."""

    id: UUID
    name: str = Field(examples=["laptop"])
    prefix: str = Field(examples=["acd_x7Kp2Q"])
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None = Field(description="None: never.")


class TokensShown(Shown):
    """The live tokens, newest first."""

    items: list[TokenShown]


class TokenMade(TokenShown):
    """A new token, and its text, which is told this once."""

    token: str


class TokenGiven(Given):
    """A token to make. It may do no more than the one that makes it, and lasts no longer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ci", "scope": "read", "days": 90}]})

    name: str = Field(min_length=1, max_length=MAX_NAME)
    scope: Scope = Scope.READ
    days: Literal[30, 90, 365] | None = Field(default=90, description="None: it does not end.")

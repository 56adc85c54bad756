"""People as their operator sees them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StrictInt

from backend.api.schemas.base import Given, Shown
from backend.models import Tone
from backend.services import announcements
from backend.services.audit_chain import FaultKind
from backend.services.delivery_log import State
from backend.words import Failure, Outcome, Phase, PullRequestStatus, Status, TaskType, Verdict


class PersonShown(Shown):
    """A person; credits whole."""

    username: str = Field(examples=["bob"])
    role: Literal["member", "admin"]
    credits: int
    held: int
    is_connected: bool = Field(description="Whether GitHub still takes what it gave us for them.")


class PeopleShown(Shown):
    """Everyone, by name."""

    items: list[PersonShown]


class GrantGiven(Given):
    """Credits to give, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"credits": 500, "reason": "For the release"}]})

    credits: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class RequestShown(Shown):
    """Somebody asks for credits, and no admin has answered yet; credits whole."""

    id: UUID
    username: str = Field(examples=["bob"])
    words: str
    asked_at: datetime
    credits: int = Field(description="What they have.")
    used: int = Field(description="What they have used so far.")


class RequestsShown(Shown):
    """All of them, the oldest first."""

    items: list[RequestShown]


class DeclineGiven(Given):
    """Why not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Wait for next month, please."}]})

    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class AuditEntryShown(Shown):
    """A row of the audit log: who, what, on what, from where; bound to the row before by `previous`."""

    seq: int
    at: datetime
    user_id: UUID | None = Field(description="None for the operator, the server, and whoever has no account.")
    login: str = Field(description="As it was then.", examples=["alice"])
    act: str = Field(examples=["token_made"])
    object_kind: str = Field(examples=["token"])
    object_id: str
    object_name: str
    address: str = Field(examples=["192.0.2.7"])
    details: dict[str, Any]
    previous: str = Field(description="The hash of the row before; 64 zeros for the first.")
    hash: str


class FaultShown(Shown):
    """The first thing that is wrong with the chain."""

    kind: FaultKind
    seq: int = Field(description="The row it is wrong at.")
    sentence: str


class VerificationShown(Shown):
    """What a look at the whole chain found."""

    rows: int = Field(description="So many are in order.")
    hash: str = Field(description="Of the last. Noted elsewhere, it tells later whether they were written anew.")
    fault: FaultShown | None


class OverseenTaskShown(Shown):
    """A task of anybody's, without what stands in it. Credits whole."""

    id: UUID
    title: str
    owner: str = Field(description="A login.", examples=["bob"])
    repository: str = Field(examples=["acme/shop"])
    task_type: TaskType
    model: str
    status: Status
    phase: Phase
    until: datetime | None
    outcome: Outcome | None
    failure: Failure | None
    credits_used: int
    pr_number: int | None
    pr_status: PullRequestStatus | None
    verdict: Verdict | None
    created_at: datetime
    may_read: bool = Field(description="Whether the caller may read the task itself.")


class Empty(Given):
    """Nothing to say."""


class RetriedShown(Shown):
    """The run that began, and how many credits of its person's it holds."""

    task_id: UUID
    run: int
    held: int


class DeliveryShown(Shown):
    """A delivery of GitHub's, without what it says."""

    id: UUID
    delivery_id: str = Field(description="GitHub's own, as X-GitHub-Delivery.")
    event: str = Field(examples=["pull_request"])
    action: str = Field(examples=["closed"])
    repository: str = Field(description="Empty where it is about none.", examples=["acme/shop"])
    received_at: datetime
    processed_at: datetime | None
    attempts: int
    error: str = Field(description="Why it could not be applied, or was ignored.")
    state: State
    is_empty: bool = Field(description="What it says is no longer kept.")


class DeliveryPayloadShown(DeliveryShown):
    """A delivery with what it says."""

    payload: str = Field(description="JSON for a person to read: without secrets, and cut where it is long.")


class ReplayGiven(Given):
    """Whether to apply again what was applied already."""

    even_done: bool = False


class AnnouncementGiven(Given):
    """What to say to everybody, how, from when until when."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"words": "We update at noon.", "tone": "warning"}]})

    words: Annotated[str, Field(min_length=1, max_length=announcements.MOST_WORDS)]
    tone: Tone = Tone.INFO
    link: Annotated[str, Field(max_length=announcements.MOST_LINK)] = ""
    link_words: Annotated[str, Field(max_length=announcements.MOST_LINK_WORDS)] = ""
    starts_at: AwareDatetime | None = Field(default=None, description="Else now, or as it was.")
    ends_at: AwareDatetime | None = Field(default=None, description="Else an admin ends it.")


class AnnouncementShown(Shown):
    """An announcement."""

    id: UUID
    words: str
    tone: Tone
    link: str
    link_words: str
    starts_at: datetime
    ends_at: datetime | None


class AnnouncementsShown(Shown):
    """Announcements, the newest first."""

    items: list[AnnouncementShown]

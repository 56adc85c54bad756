"""People as their operator sees them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StrictInt

from backend.api.schemas.base import Given, Shown
from backend.services.audit_chain import FaultKind


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

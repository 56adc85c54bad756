"""People as their operator sees them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictInt

from backend.api.schemas.base import Given, Shown


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

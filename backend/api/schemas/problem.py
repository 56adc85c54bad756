"""What every refusal looks like."""

from typing import Literal

from pydantic import ConfigDict, Field

from backend.api.schemas.base import Shown


class Problem(Shown):
    """A problem as RFC 9457 has it, with our own name for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "InvalidInput",
                    "status": 422,
                    "code": "invalid_input",
                    "detail": "Describe what should be done.",
                    "field": "prompt",
                }
            ]
        }
    )

    type: Literal["about:blank"]
    title: str
    status: int
    code: str = Field(description="The problem's name for programs.")
    detail: str = Field(description="A sentence for people.")
    field: str | None = Field(default=None, description="The part of the input that cannot be used.")

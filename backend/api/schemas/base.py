"""What all of them share: what is taken has no unknown fields, what is answered is read from our rows."""

from pydantic import BaseModel, ConfigDict


class Shown(BaseModel):
    """Something that the API answers with."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Given(BaseModel):
    """A body that the API takes; a field that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

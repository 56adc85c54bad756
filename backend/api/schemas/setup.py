"""The deployment's own parts, and what lies on its machines."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from backend.api.schemas.base import Shown
from backend.models import ClearingState, PartState
from backend.services.stores import Store


class PartShown(Shown):
    """A part of the deployment: how it stands, since when, and how to mend it."""

    name: str = Field(examples=["run workers"])
    place: str = Field(description="`<host>:<data dir>`, of what each machine has its own of.", examples=[""])
    state: PartState
    words: str = Field(examples=["2 on worker-1"])
    fix: str = Field(description="One sentence; empty where it is well.")
    command: str = Field(description="What to type, where that helps.")
    link: str = Field(description="The dashboard's page for it, where there is one.")
    at: datetime | None = Field(description="The last time of what it is about, as of a webhook.")
    since: datetime = Field(description="When its state became this one.")


class SetupShown(Shown):
    """All parts, in the order one would mend them."""

    parts: list[PartShown]
    seen_at: datetime | None = Field(description="When they were looked at; none where nobody has yet.")


class CacheItemShown(Shown):
    """One repository's share of a cache."""

    id: str = Field(description="What it is emptied by: GitHub's id of a mirror, ours of what set-up added.")
    name: str = Field(examples=["acme/shop"])
    count: int
    size: int = Field(description="Bytes.")
    used_at: datetime | None


class StoreShown(Shown):
    """Something that takes room on a machine."""

    store: Store
    path: str
    count: int
    size: int = Field(description="Bytes on disk.")
    oldest: datetime | None = Field(description="The oldest last use of anything in it.")
    items: list[CacheItemShown] = Field(description="The largest fifty.")


class ClearingShown(Shown):
    """What became of a wish to empty a cache."""

    id: UUID
    what: str = Field(examples=["the mirror of acme/shop"])
    login: str = Field(description="Who asked for it; empty where the machine did it because its disk ran low.")
    state: ClearingState
    total: int
    removed: int
    kept: int = Field(description="Those that a run used.")
    freed: int = Field(description="Bytes.")
    asked_at: datetime
    ended_at: datetime | None


class MachineShown(Shown):
    """A data dir that workers work on, as they told of it."""

    id: UUID
    host: str
    data_dir: str
    free: int = Field(description="Bytes.")
    total: int = Field(description="Bytes.")
    seen_at: datetime
    is_heard: bool = Field(description="Whether they told of it in the last minutes.")
    measured_at: datetime | None
    stores: list[StoreShown]
    clearings: list[ClearingShown]


class TableShown(Shown):
    """Something that takes room in the database, by its own statistics."""

    store: str = Field(examples=["artifacts"])
    count: int
    size: int = Field(description="Bytes.")


class CachesShown(Shown):
    """All machines, and the database's own share."""

    machines: list[MachineShown]
    tables: list[TableShown]
    least_free: int = Field(description="Bytes that a disk shall have free: below that, caches are let go.")


class WishShown(Shown):
    """A wish that the machine's workers carry out within a minute; twice is once."""

    id: UUID

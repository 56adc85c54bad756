"""How the deployment's own parts stand, what each worker's machine told of itself, and which caches were emptied."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.models.base import document, filled, foreign, moment, one_of, reference, uuid_key


class PartState(StrEnum):
    """How a part stands; the worst first."""

    BROKEN = "broken"
    ATTENTION = "attention"
    NOT_SET_UP = "not_set_up"
    OK = "ok"


class CacheKind(StrEnum):
    """What can be emptied, because it is made again."""

    MIRRORS = "mirrors"
    SETUPS = "setups"


class ClearingState(StrEnum):
    """How the emptying of a cache stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


class SetupPart(SQLModel, table=True):
    """A part as it was found last. `since` is when its state became this one, `seen_at` when it was last looked at.

    `place` is the machine where there is one on each; `at` the last time of what the part is about, as of a delivery.
    """

    __tablename__ = "setup_parts"
    __table_args__ = (CheckConstraint(one_of("state", PartState), name="state"),)

    name: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    position: int = filled("0")
    state: str
    words: str = foreign()
    fix: str = foreign()
    command: str = foreign()
    link: str = filled("''")
    at: datetime | None = moment()
    since: datetime = moment(default_now=True)
    seen_at: datetime = moment(default_now=True)


class Machine(SQLModel, table=True):
    """A data dir that workers work on, as they last told of it; sizes in bytes.

    `sandbox` is the kind of jail, empty where none passes, and `sandbox_trouble` what failed. `stores` are what
    services/stores.py measured.
    """

    __tablename__ = "machines"
    __table_args__ = (UniqueConstraint("host", "data_dir"),)

    id: UUID = uuid_key()
    host: str
    data_dir: str
    sandbox: str = filled("''")
    sandbox_probes: int = filled("0")
    sandbox_trouble: str = filled("''")
    sandbox_fix: str = filled("''")
    tested_at: datetime | None = moment()
    free: int = filled("0", sa_type=BigInteger)
    total: int = filled("0", sa_type=BigInteger)
    stores: list[dict[str, Any]] = document(default="'[]'::jsonb")
    measured_at: datetime | None = moment()
    measure_asked_at: datetime | None = moment()
    seen_at: datetime = moment(default_now=True)


class CacheClearing(SQLModel, table=True):
    """A cache that is emptied on one machine: of one repository, or of what was not used for `unused_days`.

    `item` is the repository: by GitHub's id for a mirror, by ours for what its set-up added. Without a person the
    machine did it by itself, because its disk ran low. `removed` and `kept` count items, the kept ones were in use;
    `freed` is in bytes.
    """

    __tablename__ = "cache_clearings"
    __table_args__ = (
        CheckConstraint(one_of("state", ClearingState), name="state"),
        CheckConstraint(one_of("kind", CacheKind), name="kind"),
        Index("idx_cache_clearings_machine", "machine_id", "asked_at"),
    )

    id: UUID = uuid_key()
    machine_id: UUID = reference("machines.id")
    kind: str | None = None  # None: all of them
    item: str = filled("''")
    unused_days: int = filled("0")
    user_id: UUID | None = reference("users.id", nullable=True)
    state: str = filled("'waiting'")
    total: int = filled("0")
    removed: int = filled("0")
    kept: int = filled("0")
    freed: int = filled("0", sa_type=BigInteger)
    asked_at: datetime = moment(default_now=True)
    ended_at: datetime | None = moment()

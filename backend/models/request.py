"""What was answered to requests that may come again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from backend.models.base import moment


class IdempotencyKey(SQLModel, table=True):
    """A request that created something, by the key its caller gave it, and its answer, sealed: it may hold a token."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idx_idempotency_keys_created", "created_at"),)

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    route: str = Field(primary_key=True)  # method and path
    key: str = Field(primary_key=True)
    body_hash: str
    answer: str
    created_at: datetime = moment(default_now=True)

"""The audit log: who did what, on what, from where; each row is bound to the one before it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index
from sqlmodel import Field, SQLModel

from backend.models.base import document


class AuditEntry(SQLModel, table=True):
    """One act. Never updated, never deleted; numbered without gaps.

    It points at nobody by foreign key: what happened stays, and an append waits for no other row than the head's.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        CheckConstraint("seq >= 1", name="numbered"),
        Index("idx_audit_log_login", "login", "seq"),
        Index("idx_audit_log_act", "act", "seq"),
        Index("idx_audit_log_object", "object_id", "seq"),
        Index("idx_audit_log_object_name", "object_name", "seq"),
        Index("idx_audit_log_at", "at"),
        Index("idx_audit_log_token_use", "object_id", "address", "at", postgresql_where="act = 'token_used'"),
    )

    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=DateTime(timezone=True))
    user_id: UUID | None = None
    login: str  # as it was then
    act: str
    object_kind: str
    object_id: str
    object_name: str
    address: str
    details: dict[str, Any] = document(default="'{}'::jsonb")
    previous: str
    hash: str


class AuditHead(SQLModel, table=True):
    """One row: number and hash of the newest entry. Its lock puts appends in a line."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = Field(sa_type=BigInteger)
    hash: str

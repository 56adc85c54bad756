"""What admins tell everybody."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from backend.models.base import filled, foreign, moment, one_of, reference, uuid_key


class Tone(StrEnum):
    """How an announcement is said."""

    INFO = "info"
    WARNING = "warning"


class Announcement(SQLModel, table=True):
    """A sentence or two for everybody who is signed in, and perhaps one link, from a moment on and until another.

    `rung_at` is up to when open pages have been told of its beginning and its end.
    """

    __tablename__ = "announcements"
    __table_args__ = (
        CheckConstraint(one_of("tone", Tone), name="tone"),
        CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="ends_after_start"),
        CheckConstraint("(link = '') = (link_words = '')", name="link_has_words"),
        Index("idx_announcements_starts", "starts_at", "id"),
    )

    id: UUID = uuid_key()
    words: str = foreign()
    link: str = filled("''")  # an address of the web, empty for none
    link_words: str = filled("''")
    tone: str = filled("'info'")
    starts_at: datetime = moment(default_now=True)
    ends_at: datetime | None = moment()
    rung_at: datetime = moment(default_now=True)
    author_id: UUID | None = reference("users.id", nullable=True)
    created_at: datetime = moment(default_now=True)
    updated_at: datetime = moment(default_now=True)


class AnnouncementDismissal(SQLModel, table=True):
    """That a person has read an announcement and wants it out of the way."""

    __tablename__ = "announcement_dismissals"
    __table_args__ = (ForeignKeyConstraint(["announcement_id"], ["announcements.id"], ondelete="CASCADE"),)

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    announcement_id: UUID = Field(primary_key=True, index=True)
    dismissed_at: datetime = moment(default_now=True)

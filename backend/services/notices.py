"""What a person is told: numbered per person, rung after commit."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from backend.db import after_commit
from backend.errors import NotFound
from backend.events import ring, user_topic
from backend.models import Notice

STATUS = "task:status_updated"
COMPLETED = "task:completed"
PULL_REQUEST = "pr:status_updated"
CREDITS = "credits:updated"


def tell(session: Session, user_id: UUID, kind: str, payload: dict[str, Any]) -> int:
    """Adds a notice under the person's row lock and returns its number. Take task locks before this one."""
    seq = session.execute(
        text("UPDATE users SET notice_seq = notice_seq + 1 WHERE id = :id RETURNING notice_seq"), {"id": user_id}
    ).scalar_one_or_none()
    if seq is None:
        raise NotFound("The person no longer exists.")
    session.add(Notice(user_id=user_id, seq=seq, kind=kind, payload=payload))
    session.flush()
    after_commit(session, lambda: ring(user_topic(user_id), str(payload.get("task_id", user_id)), seq, kind))
    return int(seq)

"""What a person is told: numbered per person, rung after commit."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import text
from sqlmodel import Session, col, select

from backend.db import after_commit
from backend.errors import NotFound
from backend.events import ring, ring_all, user_topic
from backend.models import Notice, Task, User, UserRepositoryAccess
from backend.words import Visibility

STATUS = "task:status_updated"
COMPLETED = "task:completed"
PULL_REQUEST = "pr:status_updated"
CREDITS = "credits:updated"
LIST = "list"  # a ring without a notice: what this person's lists show has changed


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


@dataclass(frozen=True)
class NoticeRow:
    """One thing that a person was told, with its number."""

    seq: int
    kind: str
    at: datetime
    payload: dict[str, Any]


def since(session: Session, user: User, after: int, limit: int) -> list[NoticeRow]:
    """What the person was told after number `after`, in order, at most `limit`."""
    wanted = (col(Notice.seq), col(Notice.kind), col(Notice.created_at), col(Notice.payload))
    rows = session.execute(
        sqlalchemy.select(*wanted)
        .where(col(Notice.user_id) == user.id, col(Notice.seq) > after)
        .order_by(col(Notice.seq))
        .limit(limit)
    )
    return [NoticeRow(*row) for row in rows]


def ring_list(session: Session, user_id: UUID, task_id: UUID) -> None:
    """Rings, after the commit, for a person whose lists show this task; nothing is written."""
    after_commit(session, partial(ring, user_topic(user_id), str(task_id), 0, LIST))


def ring_readers(session: Session, task: Task) -> None:
    """Rings for those with whom the task is shared: their lists show it too."""
    if task.visibility != Visibility.REPOSITORY:
        return
    readers = session.exec(
        select(UserRepositoryAccess.user_id).where(
            UserRepositoryAccess.repository_id == task.repository_id, col(UserRepositoryAccess.user_id) != task.user_id
        )
    )
    topics = [user_topic(user_id) for user_id in readers]
    if topics:
        after_commit(session, partial(ring_all, topics, str(task.id), 0, LIST))

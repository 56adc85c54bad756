"""Follow-ups that no run has read yet."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session, col, select

from backend import jsonb
from backend.models import TaskMessage

MAX_JOINED_BYTES = 48_000  # of messages that become one prompt, as the log counts them


def untaken(session: Session, task_id: UUID) -> Sequence[TaskMessage]:
    """The messages that wait for a run to read them, oldest first."""
    return session.exec(
        select(TaskMessage)
        .where(
            TaskMessage.task_id == task_id, col(TaskMessage.taken_at).is_(None), col(TaskMessage.withdrawn_at).is_(None)
        )
        .order_by(col(TaskMessage.created_at))
    ).all()


def fitting(messages: Sequence[TaskMessage], *, beside: str = "") -> list[TaskMessage]:
    """The first of them that fit into one prompt, with what stands `beside` them; without that at least one."""
    found: list[TaskMessage] = []
    size = jsonb.size(beside) if beside else 0
    for message in messages:
        size += jsonb.size(message.text) + 2
        if (found or beside) and size > MAX_JOINED_BYTES:
            break
        found.append(message)
    return found

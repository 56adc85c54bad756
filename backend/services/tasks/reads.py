"""How far a person has come: whether they ever sent a task, and how far they have read one."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, select

from backend.errors import InvalidInput
from backend.models import Task, User
from backend.services import access, notices


def is_newcomer(session: Session, user: User) -> bool:
    """Whether this person has never sent a task, archived and deleted ones counted."""
    return session.exec(select(Task.id).where(Task.user_id == user.id).limit(1)).first() is None


def mark_read(session: Session, user: User, task_id: UUID, seq: int) -> None:
    """Remembers that the task's log was seen up to number `seq`; it never goes back. Raises NotFound, InvalidInput."""
    task = access.readable(session, user, task_id)
    if not 0 <= seq <= task.event_seq:
        raise InvalidInput("This is no place in the task's log.", field="seq")
    moved = session.execute(
        text(
            """
            INSERT INTO task_reads AS r (user_id, task_id, seq) VALUES (:user, :task, :seq)
            ON CONFLICT (user_id, task_id) DO UPDATE SET seq = excluded.seq, read_at = now() WHERE r.seq < excluded.seq
            RETURNING 1
            """
        ),
        {"user": user.id, "task": task.id, "seq": seq},
    ).first()
    if moved is not None:
        notices.ring_list(session, user.id, task.id)

"""All that a tool wrote, where the log's entry holds only what the model saw of it."""

import zlib
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from backend.errors import NotFound
from backend.models import TaskEvent, User
from backend.services import access
from backend.words import EventKind

MAX_BYTES = 2_000_000  # of an output on a page


@dataclass(frozen=True)
class Output:
    """A tool's output; `is_cut` where it is longer than a page can bear."""

    text: str
    is_cut: bool


def read(session: Session, user: User, task_id: UUID, seq: int) -> Output:
    """The whole output behind entry `seq` of the task's log. Raises NotFound where there is none to see."""
    task = access.readable(session, user, task_id)
    raw = session.exec(
        select(TaskEvent.raw).where(
            TaskEvent.task_id == task.id,
            TaskEvent.seq == seq,
            TaskEvent.kind == EventKind.TOOL_RESULT.value,
            col(TaskEvent.raw).is_not(None),
        )
    ).first()
    if raw is None:
        raise NotFound("No more of this output is kept.")
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(raw, MAX_BYTES)
    return Output(content.decode(errors="replace"), is_cut=not unpacking.eof)

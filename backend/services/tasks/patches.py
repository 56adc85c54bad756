"""The patch of a task, to look for and to download."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, func, select

from backend.errors import NotFound
from backend.models import Artifact, TaskRun, User
from backend.services import access
from backend.services.recorder import CHECKPOINT, PATCH
from backend.words import Status
from backend.workspace.packing import EMPTY, unpack


def patch(session: Session, user: User, task_id: UUID) -> Iterator[bytes]:
    """The task's newest patch, as `git apply` takes it; a run that failed or was stopped keeps what it got to.

    In pieces, at most 100 MB. Raises NotFound.
    """
    content: bytes | None = _newest(session, user, task_id, Artifact.content)
    if content is None:
        raise NotFound("This task has no changes to download.")
    return unpack(content)


def has_patch(session: Session, user: User, task_id: UUID) -> bool:
    """Whether there is a patch to download. Raises NotFound for what this person may not see."""
    return _newest(session, user, task_id, Artifact.id) is not None


def _newest(session: Session, user: User, task_id: UUID, column: Any) -> Any:
    task = access.readable(session, user, task_id)
    is_cut_short = (col(Artifact.kind) == CHECKPOINT) & col(TaskRun.status).in_([Status.FAILED, Status.CANCELLED])
    return session.exec(
        select(column)
        .join(TaskRun, col(TaskRun.id) == Artifact.run_id)
        .where(Artifact.task_id == task.id, (col(Artifact.kind) == PATCH) | is_cut_short)
        .where(func.octet_length(Artifact.content) > EMPTY)  # a run that took its changes back has none to offer
        .order_by(col(TaskRun.number).desc(), (col(Artifact.kind) == PATCH).desc())
        .limit(1)
    ).first()

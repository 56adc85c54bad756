"""A task's run brought to its end without a worker."""

from typing import Any
from uuid import UUID

from sqlmodel import col, select

from backend import db
from backend.models import TaskRun
from backend.services import runs
from backend.words import Status


def settle(task_id: UUID, status: Status, **how: Any) -> None:
    """Ends the newest run of the task, whatever it is at."""
    with db.transaction() as session:
        run = session.exec(
            select(TaskRun).where(TaskRun.task_id == task_id).order_by(col(TaskRun.number).desc()).limit(1)
        ).one()
        runs.end(session, run.id, run.fence, runs.End(status, "The end.", **how))

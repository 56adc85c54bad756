"""What anyone would write first: FastAPI, SQLAlchemy, one table, fifty rows. `granian benchmarks.api.bare:app`"""

import gc
import os
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import create_engine
from sqlmodel import Session, col, select

from backend.models import Task

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"), pool_size=10)
app = FastAPI()


class Row(BaseModel):
    """The table's own columns, but for the prompt and what is only looked for."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    user_id: UUID
    repository_id: UUID
    ai_model_id: UUID
    title: str
    description: str | None
    branch: str
    target_branch: str
    work_branch: str | None
    pull_number: int | None
    status: str
    phase: str
    reason: str | None
    until: datetime | None
    outcome: str | None
    failure: str | None
    type: str
    priority: str
    visibility: str
    effort: str | None
    credits_used: int
    estimated_credits: int | None
    event_seq: int
    started_at: datetime | None
    completed_at: datetime | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


def session() -> Iterator[Session]:
    with Session(engine) as opened:
        yield opened


@app.get("/tasks")
def tasks(user_id: UUID, session: Session = Depends(session)) -> list[Row]:
    newest = select(Task).where(Task.user_id == user_id).order_by(col(Task.created_at).desc()).limit(50)
    return [Row.model_validate(task) for task in session.exec(newest)]


gc.freeze()  # as ours

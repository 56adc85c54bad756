"""The one log: append, read on, ring. Rows are the record; Redis only says that there is something to read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, text
from sqlmodel import Session, col, select

from backend import jsonb, log, redis
from backend.db import after_commit
from backend.errors import NotFound, StaleFence
from backend.models import TaskEvent
from backend.settings import get_settings
from backend.words import EventKind

_log = log.get(__name__)
CHANNEL = "asynccoder:rings"


@dataclass(frozen=True)
class EventRow:
    """One entry of a task's log, as pages and streams get it."""

    seq: int
    run_id: UUID
    kind: str
    at: datetime
    payload: dict[str, Any]
    is_cut: bool = False  # more of a tool's output is kept than the payload holds


def task_topic(task_id: UUID) -> str:
    """The topic that rings for every new entry of a task's log."""
    return f"task:{task_id}"


def user_topic(user_id: UUID) -> str:
    """The topic that rings for every notice to a person."""
    return f"user:{user_id}"


# The topic that rings whenever some run of the deployment changes its state.
WORK_TOPIC = "work"
# The topic that rings whenever a part of the deployment was found otherwise, or a machine told something of itself.
SETUP_TOPIC = "setup"


def append(
    session: Session,
    *,
    task_id: UUID,
    run_id: UUID,
    kind: EventKind,
    payload: dict[str, Any],
    raw: bytes | None = None,
    fence: int | None = None,
    event_id: UUID | None = None,
) -> int | None:
    """Adds an entry and returns its number; the same `event_id` again adds nothing and returns None.

    The task's row is locked, so that numbers become visible in order. With a `fence`, raises StaleFence unless the run
    is still this worker's. Raises NotFound when the task is gone, ValueError for a payload over 64 KiB: what is longer
    belongs into `raw`.
    """
    payload = jsonb.clean(payload)
    if jsonb.size(payload) > jsonb.MAX_PAYLOAD:
        raise ValueError(f"a payload has at most {jsonb.MAX_PAYLOAD} bytes, this {kind} has {jsonb.size(payload)}")
    task = session.execute(text("SELECT 1 FROM tasks WHERE id = :id FOR NO KEY UPDATE"), {"id": task_id}).first()
    if task is None:
        raise NotFound("The task no longer exists.")
    if fence is not None:
        require_fence(session, run_id, fence)
    event_id = event_id or uuid4()
    if session.exec(select(TaskEvent.seq).where(TaskEvent.id == event_id)).first() is not None:
        return None
    seq = session.execute(
        text("UPDATE tasks SET event_seq = event_seq + 1, updated_at = now() WHERE id = :id RETURNING event_seq"),
        {"id": task_id},
    ).scalar_one()
    session.add(
        TaskEvent(task_id=task_id, seq=seq, id=event_id, run_id=run_id, kind=kind.value, payload=payload, raw=raw)
    )
    session.flush()
    after_commit(session, lambda: ring(task_topic(task_id), str(task_id), seq, kind.value))
    return int(seq)


def require_fence(session: Session, run_id: UUID, fence: int) -> None:
    """Raises StaleFence unless the run is running under this fence; the row stays locked until the commit."""
    held = session.execute(
        text("SELECT 1 FROM task_runs WHERE id = :id AND fence = :fence AND status = 'running' FOR NO KEY UPDATE"),
        {"id": run_id, "fence": fence},
    ).first()
    if held is None:
        raise StaleFence


def since(session: Session, task_id: UUID, after: int, limit: int = 500) -> list[EventRow]:
    """The entries after number `after`, in order, at most `limit`. The caller has checked access."""
    seq = col(TaskEvent.seq)
    return [EventRow(*row) for row in session.execute(_of(task_id, limit, seq > after).order_by(seq))]


def newest(session: Session, task_id: UUID, limit: int, before: int | None = None) -> list[EventRow]:
    """The last entries, or the last ones before number `before`, in order. The caller has checked access."""
    seq = col(TaskEvent.seq)
    earlier = [] if before is None else [seq < before]
    rows = session.execute(_of(task_id, limit, *earlier).order_by(seq.desc()))
    return [EventRow(*row) for row in rows][::-1]


def _of(task_id: UUID, limit: int, *conditions: ColumnElement[bool]) -> Any:
    # Columns, not entities: `raw` is what no page shows, and may be megabytes.
    wanted = (TaskEvent.seq, TaskEvent.run_id, TaskEvent.kind, TaskEvent.created_at, TaskEvent.payload)
    is_cut = (col(TaskEvent.kind) == EventKind.TOOL_RESULT.value) & col(TaskEvent.raw).is_not(None)
    found = sqlalchemy.select(*(col(one) for one in wanted), is_cut)
    return found.where(col(TaskEvent.task_id) == task_id, *conditions).limit(limit)


def ring(topic: str, id: str, seq: int, kind: str, **more: str) -> None:
    """Tells every web process that `topic` has something new. Never raises: a lost ring loses nothing but time."""
    ring_all([topic], id, seq, kind, **more)


def ring_all(topics: Sequence[str], id: str, seq: int, kind: str, **more: str) -> None:
    """`ring` for many topics, in one trip to Redis."""
    try:
        with redis.client(get_settings().resolved_redis_url).pipeline(transaction=False) as sent:
            for topic in topics:
                sent.publish(CHANNEL, json.dumps({"topic": topic, "id": id, "seq": seq, "kind": kind, **more}))
            sent.execute()
    except RedisError as error:
        _log.warning("a ring was lost", topic=topics[0], more=len(topics) - 1, error=str(error))


def ring_delta(task_id: UUID, words: str, kind: str) -> None:
    """Sends text as it streams, at most 4 KB; it is not stored: the stored event replaces it."""
    ring(task_topic(task_id), str(task_id), 0, "delta", text=words[:4096], of=kind)

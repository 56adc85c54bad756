"""What an export says of a task beside its log, read at once before anything is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.db import transaction
from backend.models import AiModel, Artifact, PullRequest, Repository, TaskEvent, TaskRun, User
from backend.services import access
from backend.services.export.secrets import Redaction, redaction
from backend.services.recorder import CHECKPOINT, TOO_LARGE
from backend.words import EventKind
from backend.workspace.packing import MOST_PATCH, readable

_BATCH = 100  # entries
_INLINE = 64 * 1024  # bytes of raw content that are read with their batch; more are read one by one
# Of a task and of its runs what tells nothing of another person.
_TASK = (
    *("title", "type", "prompt", "priority", "effort", "branch", "target_branch", "work_branch", "pull_number"),
    *("status", "outcome", "failure", "credits_used", "created_at", "started_at", "completed_at"),
)
_RUN = (
    *("number", "prompt", "status", "outcome", "failure", "attempt", "own_key", "held", "charged", "cost_micro"),
    *("tokens_input", "tokens_cached", "tokens_output", "steps", "base_sha", "merged_sha", "head_sha", "sandbox"),
    *("evidence", "created_at", "started_at", "ended_at"),
)


@dataclass(frozen=True)
class Entry:
    """One entry of the log; `run` is the run's number."""

    seq: int
    run: int
    kind: EventKind
    at: str
    payload: dict[str, Any]
    raw: bytes | None = None


@dataclass(frozen=True)
class Facts:
    """The task with its runs, as JSON has them and without secrets; `until` is the number of the log's last entry."""

    task_id: UUID
    user: User
    task: dict[str, Any]
    runs: list[dict[str, Any]]
    run_ids: dict[UUID, int]
    until: int
    redaction: Redaction

    @property
    def name(self) -> str:
        """What its file is called, without an end."""
        return f"asynccoder-{self.task_id.hex[:8]}"


def read(session: Session, user: User, task_id: UUID) -> Facts:
    """The facts as they stand. Raises NotFound for whoever may not read the task."""
    task = access.readable(session, user, task_id)
    secrets = redaction(session, task)
    repository = session.get_one(Repository, task.repository_id)
    model = session.get_one(AiModel, task.ai_model_id)
    pull = session.exec(select(PullRequest).where(PullRequest.task_id == task_id)).first()
    runs = session.exec(select(TaskRun).where(TaskRun.task_id == task_id).order_by(col(TaskRun.number))).all()
    found = {name: _plain(getattr(task, name)) for name in _TASK}
    found |= {"id": str(task.id), "repository": repository.full_name, "model": _model(model)}
    if pull is not None:
        found["pull_request"] = {"number": pull.pr_number, "title": pull.title, "status": pull.status}
    models = {model.id: model}
    told = []
    for run in runs:
        chosen = run.ai_model_id or task.ai_model_id
        models[chosen] = models.get(chosen) or session.get_one(AiModel, chosen)
        told.append({**{name: _plain(getattr(run, name)) for name in _RUN}, "model": _model(models[chosen])})
    numbers = {run.id: run.number for run in runs}
    return Facts(task_id, user, secrets.value(found), secrets.value(told), numbers, task.event_seq, secrets)


def entries(facts: Facts, *, with_raw: bool) -> Iterator[Entry]:
    """The log in order, without secrets in its payloads; batch by batch, each asked for as its reader may have it."""
    size = func.octet_length(TaskEvent.raw)
    raw = case((size <= _INLINE, col(TaskEvent.raw)), else_=None) if with_raw else sqlalchemy.null()
    columns = (col(TaskEvent.seq), col(TaskEvent.run_id), col(TaskEvent.kind), col(TaskEvent.created_at))
    wanted = sqlalchemy.select(*columns, col(TaskEvent.payload), raw, size if with_raw else sqlalchemy.null())
    wanted = wanted.where(col(TaskEvent.task_id) == facts.task_id).order_by(col(TaskEvent.seq)).limit(_BATCH)
    last = 0
    while last < facts.until:
        with transaction() as session:
            access.readable(session, facts.user, facts.task_id)
            found = session.execute(wanted.where(col(TaskEvent.seq) > last, col(TaskEvent.seq) <= facts.until)).all()
        for seq, run_id, kind, at, payload, content, size_of in found:
            if size_of and content is None:
                content = _raw(facts.task_id, seq)
            told = facts.redaction.value(payload)
            yield Entry(seq, facts.run_ids[run_id], EventKind(kind), _plain(at), told, content)
        if not found:
            return
        last = found[-1].seq


def changes(facts: Facts, number: int) -> dict[str, Any]:
    """What a run's files came to: the tree by git's name, and its diff where it is short enough to be shown.

    `is_unknown` where the last changes were too large to be kept; nothing at all where it changed no file.
    """
    run_id = next(run for run, known in facts.run_ids.items() if known == number)
    code = col(TaskEvent.payload)["code"].astext
    marks = sqlalchemy.select(col(TaskEvent.kind), col(TaskEvent.payload)).where(
        col(TaskEvent.run_id) == run_id, (col(TaskEvent.kind) == EventKind.CHECKPOINT) | (code == TOO_LARGE)
    )
    with transaction() as session:
        last = session.execute(marks.order_by(col(TaskEvent.seq).desc()).limit(1)).first()
        if last is None:
            return {}
        if last.kind != EventKind.CHECKPOINT:
            return {"is_unknown": True}
        of_it = select(Artifact.content).where(Artifact.run_id == run_id, Artifact.kind == CHECKPOINT)
        content = session.exec(of_it).first()
    patch = readable(content, MOST_PATCH) if content is not None else None
    return {"tree": last.payload["tree"], "patch": None if patch is None else facts.redaction.text(patch)}


def _raw(task_id: UUID, seq: int) -> bytes | None:
    with transaction() as session:
        return session.exec(select(TaskEvent.raw).where(TaskEvent.task_id == task_id, TaskEvent.seq == seq)).first()


def _model(model: AiModel) -> dict[str, str]:
    return {"provider": model.provider, "name": model.name, "display_name": model.display_name}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat(timespec="milliseconds") if isinstance(value, datetime) else value

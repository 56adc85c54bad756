"""What a task came to, as its page shows it: the changed files, the model's own words, the findings of a review."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import Session, col, select

from backend.models import TaskEvent, TaskResult, TaskRun, User
from backend.services import access, paging, tasks
from backend.services.paging import Slice
from backend.words import EventKind, Status

SEVERITIES = ("critical", "major", "minor", "info")
Key = tuple[datetime, UUID]
_STORED = ("analysis", "pr_created")


@dataclass(frozen=True)
class Finding:
    """One remark of a review; `line` is 0 where it is about the whole file. `told`: an earlier review said it."""

    path: str
    line: int
    severity: str
    text: str
    told: bool = False


@dataclass(frozen=True)
class Words:
    """What the model said at the end: its Markdown, untrusted, and a review's findings, the worst first.

    `posted` says what became of a review at GitHub, and `posted_url` where it stands there.
    """

    title: str
    text: str
    findings: list[Finding]
    posted: str = ""
    posted_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Result(Words):
    """Everything a finished task has to show.

    `weakened` names the files where tests were removed or skipped, with a sentence each. `has_patch` is said of a task
    without files too: a run that failed or was stopped keeps its patch.
    """

    files: list[tasks.FileDiff]
    weakened: dict[str, list[str]]
    has_patch: bool


def read(session: Session, user: User, task_id: UUID) -> Result:
    """The task's result as it stands. Raises NotFound for what this person may not see."""
    files = tasks.diff(session, user, task_id)
    has_patch = bool(files) or tasks.has_patch(session, user, task_id)
    weakened = {
        one.path: [said.removeprefix(f"{one.path}: ") for said in one.weakened] for one in files if one.weakened
    }
    return Result(**vars(_words(session, task_id)), files=files, weakened=weakened, has_patch=has_patch)


def words(session: Session, user: User, task_id: UUID) -> Words:
    """The words alone: an answer's page needs no diff. Raises NotFound for what this person may not see."""
    return _words(session, access.readable(session, user, task_id).id)


def stored(
    session: Session, user: User, task_id: UUID, after: Key | None = None, *, size: int = 50
) -> Slice[TaskResult, Key]:
    """What its runs produced, oldest first: those after one of that moment and id. Raises NotFound."""
    access.readable(session, user, task_id)
    at, id = col(TaskResult.created_at), col(TaskResult.id)
    conditions = [col(TaskResult.task_id) == task_id, *([tuple_(at, id) > after] if after else [])]
    found = session.exec(select(TaskResult).where(*conditions).order_by(at, id).limit(size + 1)).all()
    return paging.cut(found, size, lambda one: (one.created_at, one.id))


def _words(session: Session, task_id: UUID) -> Words:
    """Those of the newest run that ended by itself."""
    run = session.exec(
        select(TaskRun)
        .where(TaskRun.task_id == task_id, TaskRun.status == Status.COMPLETED)
        .order_by(col(TaskRun.number).desc())
    ).first()
    if run is None:
        return Words("", "", [])
    stored = session.exec(
        select(TaskResult).where(TaskResult.run_id == run.id, col(TaskResult.result_type).in_(_STORED))
    ).first()
    if stored is not None:
        review = (stored.meta or {}).get("review") or {}
        findings = _findings((stored.meta or {}).get("findings"))
        return Words(
            stored.summary or "", stored.content or "", findings, review.get("text", ""), review.get("url", "")
        )
    ended = session.exec(select(TaskEvent).where(TaskEvent.run_id == run.id, TaskEvent.kind == EventKind.ENDED)).first()
    return Words("", str(ended.payload.get("text") or "") if ended else "", [])


def _findings(stored: Any) -> list[Finding]:
    """The worst first. A model wrote them: what has not the shape of one is left out."""
    found = [
        Finding(
            path=one["path"],
            line=one["line"] if isinstance(one.get("line"), int) and one["line"] > 0 else 0,
            severity=one["severity"] if one.get("severity") in SEVERITIES else "info",
            text=one["text"],
            told=one.get("told") is True,
        )
        for one in (stored if isinstance(stored, list) else [])
        if isinstance(one, dict) and isinstance(one.get("path"), str) and isinstance(one.get("text"), str)
    ]
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))

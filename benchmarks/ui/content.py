"""What is measured: a task whose run is at work with as many entries as wanted, and one with a large diff."""

import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy
from sqlmodel import Session, select

from backend import clock, db, events
from backend.models import AiModel, Repository, Task, TaskEvent, TaskResult, TaskRun, User
from backend.services.tasks import upkeep
from backend.words import EventKind, Outcome, Phase, Status, TaskType

LAST = "The newest entry of all"
FILES = 25
LINES = 5_000


def working(entries: int) -> UUID:
    """A task of alice's at work, with that many entries; no worker takes it or ends it."""
    with db.transaction() as session:
        task, run = _task(session, "A task at work", Status.RUNNING)
        rows = [_entry(number, last=number == entries) for number in range(1, entries + 1)]
        session.execute(
            sqlalchemy.insert(TaskEvent),
            [
                {"task_id": task.id, "run_id": run.id, "seq": seq, "id": uuid4(), "kind": kind, "payload": payload}
                for seq, (kind, payload) in enumerate(rows, start=1)
            ],
        )
        task.event_seq = entries
        session.add(task)
    return task.id


def changed() -> tuple[UUID, str]:
    """A task that ended with 5,000 changed lines in 25 files, and its patch."""
    patches = [_patch(number) for number in range(FILES)]
    each = LINES // FILES // 2
    with db.transaction() as session:
        task, run = _task(session, "A large diff", Status.COMPLETED)
        for number, patch in enumerate(patches):
            meta = {"status": "modified", "added": each, "removed": each, "is_binary": False}
            path = f"src/module_{number:02}.py"
            kept = {"content": patch, "file_path": path, "meta": meta}
            session.add(TaskResult(task_id=task.id, run_id=run.id, result_type="code_changes", **kept))
    return task.id, "".join(patches)


def rename(task_id: UUID, title: str) -> float:
    """Gives the task another title; when that was committed, in seconds since the epoch."""
    with db.transaction() as session:
        user = session.exec(select(User).where(User.username == "alice")).one()
        committed = _stamped(session)
        upkeep.rename(session, user, task_id, title)
    return committed[0]


def note(task_id: UUID, words: str) -> float:
    """One more entry of the log; when it was committed, in seconds since the epoch."""
    with db.transaction() as session:
        committed = _stamped(session)
        _append(session, task_id, words)
    return committed[0]


def say(task_id: UUID, words: str) -> int:
    """One more entry of the log: the bytes of what it says."""
    with db.transaction() as session:
        _append(session, task_id, words)
    return len(words.encode())


def _append(session: Session, task_id: UUID, words: str) -> None:
    run_id = session.exec(select(TaskRun.id).where(TaskRun.task_id == task_id)).one()
    events.append(session, task_id=task_id, run_id=run_id, kind=EventKind.NOTE, payload={"text": words})


def _stamped(session: Session) -> list[float]:
    """Takes the time right after the commit, before anything is rung."""
    moments: list[float] = []
    db.after_commit(session, lambda: moments.append(time.time()))
    return moments


def _task(session: Session, title: str, status: Status) -> tuple[Task, TaskRun]:
    user = session.exec(select(User).where(User.username == "alice")).one()
    model = session.exec(select(AiModel).where(AiModel.provider == "demo")).first()
    repository = session.exec(select(Repository).where(Repository.full_name == "alice/sample-shop")).one()
    assert model is not None
    phase = Phase.RUNNING if status is Status.RUNNING else Phase.ENDED
    ended = None if status is Status.RUNNING else clock.now()
    outcome = None if ended is None else Outcome.PR_OPENED
    task = Task(
        user_id=user.id, repository_id=repository.id, ai_model_id=model.id, title=title, prompt=title, branch="main",
        type=TaskType.ASYNC, status=status, phase=phase, outcome=outcome, started_at=clock.now(), completed_at=ended,
    )  # fmt: skip
    session.add(task)
    session.flush()
    run = TaskRun(
        task_id=task.id, number=1, prompt=title, ai_model_id=model.id, status=status, phase=phase, outcome=outcome,
        fence=1, lease_owner="benchmark", lease_expires_at=clock.now() + timedelta(days=1), started_at=clock.now(),
        ended_at=ended,
    )  # fmt: skip
    session.add(run)
    session.flush()
    return task, run


def _entry(number: int, *, last: bool) -> tuple[str, dict[str, Any]]:
    """A log as a long run writes it: a turn's words, a call, its result."""
    if number == 1:
        return EventKind.PROMPT, {"run": 1, "text": "Mend everything"}
    if last:
        return EventKind.NOTE, {"text": LAST}
    step, place = divmod(number, 3)
    call = f"c{step}"
    if place == 0:
        said = f"Step {step}: I look at `module_{step % 40}.py` and run what belongs to it. " * 3
        return EventKind.MODEL_TURN, {
            "parts": [{"type": "text", "text": said}],
            "usage": {"input_total": 900, "output": 80},
        }
    if place == 1:
        return EventKind.TOOL_STARTED, {
            "call_id": call,
            "name": "run_command",
            "args": {"command": f"pytest -q -k {step}"},
        }
    text = "\n".join(f"tests/test_{line}.py ....... [{line * 5}%]" for line in range(20))
    return EventKind.TOOL_RESULT, {
        "call_id": call, "name": "run_command", "text": text, "exit_code": 0, "duration_ms": 900,
    }  # fmt: skip


def _patch(number: int) -> str:
    name = f"src/module_{number:02}.py"
    lines = LINES // FILES // 2
    head = f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1,{lines} +1,{lines} @@\n"
    before = [f"-    total_{line} = amount_{line} * {line} + rate  # as it was before" for line in range(lines)]
    after = [f"+    total_{line} = round(amount_{line} * {line} + rate, 2)  # to the cent" for line in range(lines)]
    return head + "\n".join(before + after) + "\n"

"""Puts the same words everywhere that words of others are kept: rows of a running stack, as GitHub, git, a model and
people would have written them."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session, col, select

from backend import clock, db, jsonb
from backend.models import (
    AiModel,
    Draft,
    Repository,
    Task,
    TaskEvent,
    TaskResult,
    TaskRun,
    User,
    UserRepositoryAccess,
    WebSession,
)
from backend.services import notices
from backend.words import EventKind, Outcome, Phase, Status, TaskType
from tests.rows import pull_request

FIRST_ID = 9_000_000  # of what is sown at GitHub


@dataclass(frozen=True)
class Sown:
    """Where it can be seen: a task with a log and changes, a review with its findings, a repository."""

    log: UUID
    review: UUID
    repository: UUID


def sow(login: str, words: Sequence[str]) -> Sown:
    """A repository, a task and a pull request for each of the words, and one task and one review that hold them all."""
    words = [jsonb.clean_text(one) for one in words]
    with db.transaction() as session:
        user = session.exec(select(User).where(User.username == login)).one()
        user.repositories_synced_at = clock.now()  # GitHub knows none of these
        user.display_name = words[0]
        model = session.exec(select(AiModel.id).where(AiModel.provider == "demo")).one()
        places = [_repository(session, user, number, one) for number, one in enumerate(words)]
        for number, (place, one) in enumerate(zip(places, words, strict=True)):
            task = _task(session, user, model, place, one)
            _pull(session, task, place, number, one)
            session.add(Draft(user_id=user.id, content={"prompt": one, "repository_id": str(place), "branch": one}))
        log = _task(session, user, model, places[0], words[0])
        _log(session, log, words)
        _changes(session, log, words)
        review = _task(session, user, model, places[0], words[1], TaskType.PR_REVIEW)
        _review(session, review, words)
        browser = session.exec(select(WebSession).where(col(WebSession.user_id) == user.id)).first()
        assert browser is not None
        browser.user_agent = words[0]
        session.add(browser)
        session.add(user)
        return Sown(log.id, review.id, places[0])


def tell(login: str, task_id: UUID) -> None:
    """Tells the person that a task is done."""
    with db.transaction() as session:
        user = session.exec(select(User.id).where(User.username == login)).one()
        notices.tell(session, user, notices.COMPLETED, {"task_id": str(task_id)})


def sow_hub(path: Any, words: Sequence[str]) -> None:
    """An issue for each of the words in `bob/dotfiles`, and all of them below its issue 2."""
    words = [jsonb.clean_text(one) for one in words]
    hub = sqlite3.connect(path, isolation_level=None, timeout=10)
    (at,) = hub.execute("SELECT created_at FROM issue WHERE repository_id = 2004 AND number = 2").fetchone()
    for number, one in enumerate(words, start=FIRST_ID):
        row = (number, 2004, number, one[:256], one, "open", 1002, at, at)
        hub.execute("INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)", row)
        hub.execute("INSERT INTO comment VALUES (?, 2004, 2, 1002, ?, ?, ?)", (number, one, at, at))
    hub.close()


def _repository(session: Session, user: User, number: int, words: str) -> UUID:
    place = Repository(
        github_id=FIRST_ID + number,
        name=words,
        full_name=f"evil/{words}",
        description=words,
        language=words,
        default_branch=words,
        url="javascript:window.evil=1",
        clone_url=words,
    )
    session.add(place)
    session.flush()
    session.refresh(place)
    session.add(UserRepositoryAccess(user_id=user.id, repository_id=place.id, access_level="admin"))
    return place.id


def _task(session: Session, user: User, model: UUID, place: UUID, words: str, kind: TaskType = TaskType.DEBUG) -> Task:
    task = Task(
        user_id=user.id,
        repository_id=place,
        ai_model_id=model,
        title=words,
        prompt=words,
        branch=words,
        target_branch=words,
        work_branch=words,
        status=Status.COMPLETED,
        phase=Phase.ENDED,
        type=kind,
        reason=words,
        outcome=Outcome.REVIEWED if kind is TaskType.PR_REVIEW else Outcome.PR_OPENED,
    )
    session.add(task)
    session.flush()
    session.refresh(task)
    evidence = {
        "verdict": "failed",
        "command": words,
        "exit_code": 1,
        "duration_ms": 1,
        "sha": "a" * 40,
        "log_sha256": "b" * 64,
        "reason": words,
        "weakened": [words],
        "log_end": words,
    }
    session.add(
        TaskRun(
            task_id=task.id,
            number=1,
            prompt=words,
            status=Status.COMPLETED,
            phase=Phase.ENDED,
            outcome=task.outcome,
            reason=words,
            sandbox=words,
            evidence=evidence,
            started_at=clock.now(),
            ended_at=clock.now(),
        )
    )
    session.flush()
    return task


def _pull(session: Session, task: Task, place: UUID, number: int, words: str) -> None:
    session.add(
        pull_request(
            task,
            number + 1,
            github_pr_id=FIRST_ID + number,
            title=words,
            description=words,
            source_branch=words,
            target_branch=words,
            url="javascript:window.evil=1",
            observed_at=clock.now(),
        )
    )


def _log(session: Session, task: Task, words: Sequence[str]) -> None:
    run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task.id)).one()
    entries = [entry for number, one in enumerate(words) for entry in _entries(number, one)]
    for seq, (kind, payload) in enumerate(entries, start=1):
        event = TaskEvent(task_id=task.id, seq=seq, id=uuid4(), run_id=run, kind=kind, payload=payload)
        session.add(event)
    task.event_seq = len(entries)
    session.add(task)


def _entries(number: int, words: str) -> list[tuple[EventKind, dict[str, Any]]]:
    said = {"parts": [{"type": "text", "text": words}], "usage": {}, "model": words}
    found: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.PROMPT, {"text": words, "run": 1}),
        (EventKind.MODEL_TURN, said),
        (EventKind.NOTE, {"text": words, "code": words}),
    ]
    for name in ("run_command", "read_file", "edit_file", words):
        call = {"call_id": f"{number}-{name}", "name": name}
        args = {"command": words, "path": words, "pattern": words, "old_str": words, "new_str": words, words: words}
        told = {"text": words, "summary": words, "path": words, "is_error": False, "exit_code": 1, "duration_ms": 1}
        found += [(EventKind.TOOL_STARTED, {**call, "args": args}), (EventKind.TOOL_RESULT, {**call, **told})]
    pull = {"number": 1, "url": "javascript:window.evil=1", "status": words, "title": words, "at": words}
    return [
        *found,
        (EventKind.WORKSPACE, {"base_sha": words, "branch": words, "sandbox": words}),
        (EventKind.COMMIT, {"sha": words, "title": words, "files": 1, "added": 1, "removed": 1}),
        (EventKind.EVIDENCE, {"verdict": words, "command": words, "sha": words, "reason": words}),
        (EventKind.PUSH, {"branch": words, "sha": words}),
        (EventKind.PULL_REQUEST, pull),
        (EventKind.ENDED, {"status": "completed", "outcome": "pr_opened", "text": words}),
    ]


def _changes(session: Session, task: Task, words: Sequence[str]) -> None:
    run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task.id)).one()
    for number, one in enumerate(words):
        lines = one.replace("\r", " ").split("\n")
        added = "\n".join(f"+{line}" for line in lines)
        path = f"{number}/{' '.join(lines)}.html"
        patch = f"--- a/x\n+++ b/x\n@@ -0,0 +1,{len(lines)} @@\n{added}\n"
        meta = {"old_path": path, "status": "modified", "added": len(lines), "removed": 0, "is_binary": False}
        session.add(
            TaskResult(
                task_id=task.id, run_id=run, result_type="code_changes", content=patch, file_path=path, meta=meta
            )
        )


def _review(session: Session, task: Task, words: Sequence[str]) -> None:
    run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task.id)).one()
    findings = [{"path": one, "line": 1, "severity": one, "text": one} for one in words]
    session.add(
        TaskResult(
            task_id=task.id,
            run_id=run,
            result_type="analysis",
            content=words[0],
            summary=words[0],
            meta={"findings": findings},
        )
    )

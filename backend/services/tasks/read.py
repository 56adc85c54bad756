"""What pages show of tasks: paged in SQL, access checked first."""

import zlib
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy
from sqlalchemy import text
from sqlmodel import Session, col, select

from backend.errors import NotFound
from backend.models import Artifact, PullRequest, Task, TaskResult, TaskRun, User
from backend.services import access
from backend.services.analytics import IS_CHANGE, newest_with_changes
from backend.services.claims import concurrency
from backend.services.recorder import CHECKPOINT, PATCH
from backend.services.runs import untaken
from backend.services.tasks import query
from backend.services.tasks.rows import (
    EvidenceRow,
    FileDiff,
    FileRow,
    MessageRow,
    PullRequestRow,
    RunRow,
    TaskPage,
    TaskRow,
)
from backend.words import Phase, PullRequestStatus, Status


def page(session: Session, user: User, task_id: UUID) -> TaskPage:
    """The task's page. Raises NotFound for what this person may not see."""
    task = access.readable(session, user, task_id)
    [row] = query.rows(session, user, [task.id])
    run_rows = session.exec(select(TaskRun).where(TaskRun.task_id == task.id).order_by(col(TaskRun.number))).all()
    pull = session.exec(select(PullRequest).where(PullRequest.task_id == task.id)).first()
    owner = session.get(User, task.user_id)
    is_owner = task.user_id == user.id
    is_merged = pull is not None and pull.status == PullRequestStatus.MERGED
    return TaskPage(
        row=_with_place(session, row, owner),
        prompt=task.prompt,
        branch=task.branch,
        target_branch=task.target_branch,
        work_branch=task.work_branch,
        model_display_name=row.model_name,
        is_demo=row.is_demo,
        owner=owner.name if owner else "",
        runs=[_run_row(run) for run in run_rows],
        evidence=_evidence(run_rows),
        pull_request=PullRequestRow(pull.pr_number, pull.title, pull.status, pull.url) if pull else None,
        files=_files(session, task),
        queued_messages=_queued(session, task) if is_owner else [],
        seq=task.event_seq,
        is_merged=is_merged,
        can_cancel=is_owner and row.is_alive,
        can_follow_up=is_owner and (row.is_alive or not is_merged),
        actions=["add_credits", "finish_now", "cancel"] if is_owner and row.waits_for_person else [],
    )


def diff(session: Session, user: User, task_id: UUID) -> list[FileDiff]:
    """The task's changed files with their diffs, as of its newest run that changed any."""
    task = access.readable(session, user, task_id)
    return [
        FileDiff(
            path=result.file_path or "",
            old_path=(result.meta or {}).get("old_path") or result.file_path or "",
            status=(result.meta or {}).get("status", "modified"),
            added=(result.meta or {}).get("added", 0),
            removed=(result.meta or {}).get("removed", 0),
            is_binary=(result.meta or {}).get("is_binary", False),
            patch=result.content or "",
        )
        for result in _changed_files(session, task)
    ]


def patch(session: Session, user: User, task_id: UUID) -> bytes:
    """The task's newest patch, as `git apply` takes it; a run that failed or was stopped keeps what it got to.

    Raises NotFound.
    """
    task = access.readable(session, user, task_id)
    is_cut_short = (col(Artifact.kind) == CHECKPOINT) & col(TaskRun.status).in_([Status.FAILED, Status.CANCELLED])
    artifact = session.exec(
        select(Artifact)
        .join(TaskRun, col(TaskRun.id) == Artifact.run_id)
        .where(Artifact.task_id == task.id, (col(Artifact.kind) == PATCH) | is_cut_short)
        .order_by(col(TaskRun.number).desc(), (col(Artifact.kind) == PATCH).desc())
    ).first()
    if artifact is None:
        raise NotFound("This task has no changes to download.")
    return zlib.decompress(artifact.content)


def _with_place(session: Session, row: TaskRow, owner: User | None) -> TaskRow:
    if row.phase != Phase.QUEUED or owner is None or row.until is not None:
        return row
    mine, ahead = session.execute(
        text(
            """
            SELECT (SELECT count(*) FROM task_runs r JOIN tasks t ON t.id = r.task_id
                    WHERE t.user_id = :user AND r.status = 'running'),
                   (SELECT count(*) FROM task_runs r WHERE r.status = 'pending' AND r.phase = 'queued'
                    AND r.created_at < (SELECT max(created_at) FROM task_runs WHERE task_id = :task))
            """
        ),
        {"user": owner.id, "task": row.id},
    ).one()
    if mine >= concurrency(owner):
        reason = f"you run {mine} of {concurrency(owner)}"
    elif ahead:
        reason = f"{ahead} ahead in line"
    else:
        reason = row.reason or ""
    return TaskRow(**{**row.__dict__, "reason": reason})


def _run_row(run: TaskRun) -> RunRow:
    return RunRow(
        number=run.number,
        status=run.status,
        phase=run.phase,
        outcome=run.outcome,
        failure=run.failure,
        attempt=run.attempt,
        held=run.held,
        charged=run.charged,
        cost_micro=run.cost_micro,
        steps=run.steps,
        tokens_in=run.tokens_input,
        tokens_cached=run.tokens_cached,
        tokens_out=run.tokens_output,
        started_at=run.started_at,
        ended_at=run.ended_at,
        sandbox=run.sandbox,
        own_key=run.own_key,
        limit=run.limit,
    )


def _evidence(run_rows: Sequence[TaskRun]) -> EvidenceRow | None:
    found = next((run.evidence for run in reversed(run_rows) if run.evidence), None)
    if found is None:
        return None
    return EvidenceRow(
        verdict=found["verdict"],
        command=found.get("command") or "",
        exit_code=found.get("exit_code"),
        duration_ms=found.get("duration_ms") or 0,
        sha=found.get("sha") or "",
        log_sha256=found.get("log_sha256") or "",
        reason=found.get("reason") or "",
        weakened=list(found.get("weakened") or ()),
        log_end=found.get("log_end") or "",
    )


def _changed_files(session: Session, task: Task) -> Sequence[TaskResult]:
    return session.exec(
        select(TaskResult)
        .where(TaskResult.run_id == newest_with_changes(task.id), IS_CHANGE)
        .order_by(col(TaskResult.file_path))
    ).all()


def _files(session: Session, task: Task) -> list[FileRow]:
    # Without the patches, which can be large: the page is read again at every ring.
    rows = session.execute(
        sqlalchemy.select(col(TaskResult.file_path), col(TaskResult.meta))
        .where(TaskResult.run_id == newest_with_changes(task.id), IS_CHANGE)
        .order_by(col(TaskResult.file_path))
    )
    return [
        FileRow(
            path=path or "",
            status=(meta or {}).get("status", "modified"),
            added=(meta or {}).get("added", 0),
            removed=(meta or {}).get("removed", 0),
            is_binary=(meta or {}).get("is_binary", False),
        )
        for path, meta in rows
    ]


def _queued(session: Session, task: Task) -> list[MessageRow]:
    rows = untaken(session, task.id)
    return [MessageRow(row.id, row.text) for row in rows]

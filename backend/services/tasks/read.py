"""What pages show of tasks: paged in SQL, access checked first."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import case, cast, text
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlmodel import Session, col, func, select

from backend.errors import NotFound
from backend.models import AiModel, Attachment, PullRequest, Task, TaskResult, TaskRun, User
from backend.services import access, attachments, catalog, line
from backend.services.analytics import IS_CHANGE, newest_with_changes
from backend.services.tasks import plans, query
from backend.services.tasks.rows import (
    EvidenceRow,
    FileDiff,
    MessageRow,
    OpinionRow,
    PullRequestRow,
    RunRow,
    TaskPage,
    TaskRow,
)
from backend.services.waiting_messages import untaken
from backend.settings import get_settings
from backend.words import Phase, PullRequestStatus, TaskType, Tier

# Of what services/pull_signals.py keeps: the names of checks that fail; when reviews were sent that ask for something.
_FAILING = cast('$.* ? (@.stand == "failed").name', JSONPATH)
_SAID = cast('$.* ? (@.state == "commented" || @.state == "changes_requested").at', JSONPATH)
_RUN = [one.name for one in fields(RunRow)]


def page(session: Session, user: User, task_id: UUID) -> TaskPage:
    """The task's page. Raises NotFound for what this person may not see."""
    statement = query.selected(user, *_page_columns(user)).where(col(Task.id) == task_id, access.visible(user))
    found = session.execute(statement).mappings().first()
    if found is None:
        raise NotFound(access.NO_TASK)
    row = _with_place(session, user, query.row(found))
    is_merged, no_more = row.pr_status == PullRequestStatus.MERGED, ""
    if row.is_mine and not (row.is_alive or is_merged):
        no_more = access.why_no_work(session, user, found["repository_id"], TaskType(row.task_type))
    return TaskPage(
        row=row,
        run=RunRow(**{one: found[f"run_{one}"] for one in _RUN}),
        branch=found["branch"],
        target_branch=found["target_branch"],
        work_branch=found["work_branch"],
        review_of=found["pull_number"],
        review_url=_review_url(row, found["pull_number"]),
        evidence=_evidence(found["evidence"]),
        opinion=OpinionRow(**found["opinion"]) if found["opinion"] else None,
        pull_request=_pull_request(row, found),
        file_count=found["file_count"],
        queued_messages=_queued(session, task_id) if row.is_mine else [],
        seq=found["event_seq"],
        takes_images=catalog.takes_images(found["model_provider"], found["model"], found["capabilities"]),
        images=found["images"],
        can_cancel=row.is_mine and row.is_alive,
        can_follow_up=row.is_mine and (row.is_alive or not (is_merged or no_more)),
        no_more=no_more,
        actions=_actions(row),
        plan_first=found["plan_first"],
        plan=plans.newest(session, task_id) if found["plan_first"] else None,
        can_decide=row.is_mine and row.awaits_approval,
    )


def _actions(row: TaskRow) -> list[str]:
    """The answers to a budget that is used up; a plan is answered otherwise."""
    if not row.is_mine or not row.waits_for_person:
        return []
    return ["cancel"] if row.awaits_approval else ["add_credits", "finish_now", "cancel"]


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
            weakened=(result.meta or {}).get("weakened", []),
        )
        for result in _changed_files(session, task)
    ]


def _page_columns(user: User) -> list[Any]:
    """What the page shows beyond the row. Not the patches, which can be large: it is read again at every ring."""
    run: dict[str, Any] = {
        "tokens_in": col(TaskRun.tokens_input),
        "tokens_out": col(TaskRun.tokens_output),
        "limit": case((col(TaskRun.own_key), TaskRun.budget), else_=TaskRun.held),
    }
    seen = TaskRun.__table__.alias()  # type: ignore[attr-defined]  # SQLModel's tables are untyped
    verified = (seen.c.task_id == Task.id, seen.c.evidence["verdict"].astext.is_not(None))
    evidence, opinion = (
        sqlalchemy.select(column)
        .where(*verified)
        .order_by(seen.c.number.desc())
        .limit(1)
        .correlate(Task)
        .scalar_subquery()
        for column in (seen.c.evidence, seen.c.opinion)
    )
    changed = select(func.count()).where(TaskResult.run_id == newest_with_changes(Task.id), IS_CHANGE)
    return [
        col(Task.branch),
        col(Task.target_branch),
        col(Task.work_branch),
        col(Task.pull_number),
        col(Task.plan_first),
        col(Task.repository_id),
        col(Task.event_seq),
        col(AiModel.provider).label("model_provider"),
        col(AiModel.name).label("model"),
        col(AiModel.capabilities),
        select(func.count()).where(Attachment.task_id == Task.id).scalar_subquery().label("images"),
        col(PullRequest.title).label("pr_title"),
        col(PullRequest.head_sha).label("pr_head_sha"),
        col(PullRequest.target_branch).label("pr_target_branch"),
        access.pushable(user).label("may_push"),
        col(PullRequest.checks_state),
        col(PullRequest.review_state),
        col(PullRequest.is_mergeable),
        func.jsonb_path_query_array(PullRequest.checks, _FAILING).label("pr_failing"),
        func.jsonb_path_query_array(PullRequest.reviews, _SAID).label("pr_said"),
        col(TaskRun.created_at).label("run_asked_at"),
        evidence.label("evidence"),
        opinion.label("opinion"),
        changed.scalar_subquery().label("file_count"),
        *((run[one] if one in run else col(getattr(TaskRun, one))).label(f"run_{one}") for one in _RUN),
    ]


def _pull_request(row: TaskRow, found: Mapping[Any, Any]) -> PullRequestRow | None:
    if row.pr_number is None or row.pr_status is None:
        return None
    asked_at = found["run_asked_at"].replace(microsecond=0)  # GitHub's times are whole seconds
    return PullRequestRow(
        row.pr_number,
        found["pr_title"],
        row.pr_status,
        row.pr_url,
        head_sha=found["pr_head_sha"] or "",
        target_branch=found["pr_target_branch"],
        may_push=found["may_push"],
        checks_state=found["checks_state"],
        review_state=found["review_state"],
        conflicts=found["is_mergeable"] is False,
        failing=tuple(sorted(found["pr_failing"])),
        said=sum(datetime.fromisoformat(at) >= asked_at for at in found["pr_said"]),
    )


def _with_place(session: Session, user: User, row: TaskRow) -> TaskRow:
    if row.phase != Phase.QUEUED or row.until is not None:
        return row
    is_paused, mine, ahead = session.execute(
        text(
            f"""
            SELECT EXISTS (SELECT 1 FROM deployment WHERE paused_at IS NOT NULL),
                   (SELECT count(*) FROM task_runs r JOIN tasks t ON t.id = r.task_id
                    WHERE t.user_id = :user AND r.status = 'running'),
                   (SELECT count(*) FROM task_runs r
                    WHERE r.status = 'pending' AND r.phase = 'queued' AND (r.until IS NULL OR r.until <= now())
                    AND ({line.ORDER}) < (
                        SELECT {line.ORDER} FROM task_runs r WHERE r.task_id = :task AND r.status = 'pending'))
            """  # noqa: S608  our own text
        ),
        {"user": user.id, "task": row.id},
    ).one()
    if is_paused:
        return replace(row, reason="an admin has paused the queue")
    most = Tier(user.subscription_tier).concurrency
    if row.is_mine and mine >= most:
        return replace(row, reason=f"you run {mine} of {most}")
    return replace(row, reason=f"{ahead} ahead in line") if ahead else row


def _review_url(row: TaskRow, number: int | None) -> str:
    """By the name that the reader knows the repository by: GitHub leads on from it whoever may go there."""
    return f"{get_settings().github_url}/{row.repository}/pull/{number}" if number else ""


def _evidence(found: dict[str, Any] | None) -> EvidenceRow | None:
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


def _queued(session: Session, task_id: UUID) -> list[MessageRow]:
    waiting = untaken(session, task_id)
    images = attachments.of_messages(session, task_id, [row.id for row in waiting]) if waiting else {}
    return [MessageRow(row.id, row.text, images.get(row.id, [])) for row in waiting]

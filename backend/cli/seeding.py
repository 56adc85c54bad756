"""Believable data for a demo: rows as the executor would have left them, over the last weeks.

Their pull requests are closed chapters (merged or closed), so that the poller asks nobody about them.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from sqlmodel import Session, col, select

from backend import clock
from backend.cli.chapters import WEEKS, Chapter, Pull
from backend.cli.stories import Story
from backend.db import for_update
from backend.models import (
    AiModel,
    CreditTransaction,
    PullRequest,
    Repository,
    Task,
    TaskEvent,
    TaskResult,
    TaskRun,
    User,
)
from backend.services import analytics, tasks
from backend.words import EventKind, Outcome, Phase, PullRequestStatus, Status, Verdict

UNREAD = timedelta(hours=12)  # what ended later has not been looked at


@dataclass(frozen=True)
class Scene:
    """A chapter with its people and things; without a pull request where nothing was changed."""

    chapter: Chapter
    user: User
    repository: Repository
    model: AiModel
    pull: Pull | None


def fill(session: Session, chapters: list[Chapter], pulls: Mapping[UUID, Pull]) -> None:
    """Writes all of it: tasks, runs, logs, results, pull requests and the ledger."""
    model = session.exec(select(AiModel).where(AiModel.provider == "demo")).one()
    dice = random.Random(len(chapters))
    query = select(User).where(col(User.id).in_({chapter.user_id for chapter in chapters})).order_by(col(User.id))
    users = {user.id: user for user in session.exec(for_update(query))}
    for user in users.values():
        _give(session, user, 20 * len(chapters))
    for chapter in chapters:
        repository = session.get_one(Repository, chapter.repository_id)
        scene = Scene(chapter, users[chapter.user_id], repository, model, pulls.get(chapter.task_id))
        _tell(session, scene, chapter.story, dice)


def _give(session: Session, user: User, amount: int) -> None:
    user.credits += amount
    at = clock.now() - timedelta(weeks=WEEKS + 1)
    _ledger(session, user, None, ("credit", amount, 0), f"seed:{uuid4()}", "Given for the demo", at)
    session.flush()


def _tell(session: Session, scene: Scene, story: Story, dice: random.Random) -> None:
    task = _task(scene, story)
    session.add(task)
    session.flush()
    session.refresh(task)
    run = _run(scene, story, task, dice)
    session.add(run)
    session.flush()
    session.refresh(run)
    charged = _settle(session, scene, task, run)
    _results(session, story, task, run)
    if scene.pull:
        _pull(session, scene, scene.pull, story, task)
    task.event_seq = _log(session, scene, story, task, run, charged)
    session.add(task)
    session.flush()
    if clock.now() - scene.chapter.ended > UNREAD:
        tasks.mark_read(session, scene.user, task.id, task.event_seq)
    analytics.write(session, task.id)


def _task(scene: Scene, story: Story) -> Task:
    status = Status.FAILED if story.failure else Status.COMPLETED
    return Task(
        id=scene.chapter.task_id,
        user_id=scene.user.id,
        repository_id=scene.repository.id,
        ai_model_id=scene.model.id,
        title=story.title,
        prompt=story.prompt,
        branch=scene.repository.default_branch,
        target_branch=scene.repository.default_branch,
        status=status,
        phase=Phase.ENDED,
        outcome=story.outcome,
        failure=story.failure,
        type=story.task_type,
        estimated_credits=8,
        created_at=scene.chapter.began - timedelta(seconds=2),
        started_at=scene.chapter.began,
        completed_at=scene.chapter.ended,
        updated_at=scene.chapter.ended,
    )


def _run(scene: Scene, story: Story, task: Task, dice: random.Random) -> TaskRun:
    outcome = Outcome.PR_OPENED if story.outcome is Outcome.MERGED else story.outcome
    sha = scene.pull.head_sha if scene.pull else None
    return TaskRun(
        task_id=task.id,
        number=1,
        ai_model_id=scene.model.id,
        prompt=story.prompt,
        status=task.status,
        phase=Phase.ENDED,
        outcome=outcome,
        failure=story.failure,
        held=8,
        charged=dice.randint(1, 7),
        tokens_input=dice.randint(8_000, 60_000),
        tokens_cached=dice.randint(2_000, 8_000),
        tokens_output=dice.randint(900, 5_000),
        cost_micro=dice.randint(5_000, 65_000),
        steps=3 + len(story.looked_at),
        head_sha=sha,
        sandbox="bubblewrap",
        evidence=_evidence(story, sha, dice) if story.verdict and sha else None,
        created_at=task.created_at,
        started_at=scene.chapter.began,
        ended_at=scene.chapter.ended,
    )


def _evidence(story: Story, sha: str, dice: random.Random) -> dict[str, object]:
    was_run = story.verdict is not Verdict.NOT_RUN
    return {
        "verdict": story.verdict,
        "command": "python3 -m unittest" if was_run else None,
        "exit_code": (0 if story.verdict is Verdict.VERIFIED else 1) if was_run else None,
        "duration_ms": dice.randint(300, 9_000) if was_run else 0,
        "sha": sha,
        "log_sha256": sha256(sha.encode()).hexdigest() if was_run else "",
        "reason": "" if was_run else "No test command was found. Set one in the repository's settings.",
        "weakened": [],
    }


def _settle(session: Session, scene: Scene, task: Task, run: TaskRun) -> int:
    """Hold, debit and release, as rows of that day; the person's row moves with them."""
    charged = run.charged or 0
    task.credits_used = charged
    scene.user.credits -= charged
    scene.user.total_credits_used += charged
    rows = [("hold", 0, run.held), ("debit", -charged, -charged), ("release", 0, charged - run.held)]
    words = ("Held for the run", "Task execution", "Rest of the hold given back")
    moments = (scene.chapter.began, scene.chapter.ended, scene.chapter.ended + timedelta(microseconds=1))
    for row, said, at in zip(rows, words, moments, strict=True):
        _ledger(session, scene.user, run, row, f"run:{run.id}:{row[0]}", said, at)
    session.add(scene.user)
    session.flush()
    return charged


def _ledger(
    session: Session, user: User, run: TaskRun | None, row: tuple[str, int, int], key: str, words: str, at: datetime
) -> None:
    kind, amount, held_delta = row
    session.add(
        CreditTransaction(
            user_id=user.id,
            task_id=run.task_id if run else None,
            run_id=run.id if run else None,
            type=kind,
            amount=amount,
            held_delta=held_delta,
            idempotency_key=key,
            description=words,
            created_at=at,
        )
    )


def _results(session: Session, story: Story, task: Task, run: TaskRun) -> None:
    if story.failure is not None:
        return
    if not story.path:
        session.add(
            TaskResult(
                task_id=task.id, run_id=run.id, result_type="analysis", content=story.summary, summary=story.title
            )
        )
        return
    counts = {"added": len(story.after), "removed": len(story.before)}
    meta = {"old_path": None, "status": "modified", "is_binary": False, **counts}
    session.add(
        TaskResult(
            task_id=task.id,
            run_id=run.id,
            result_type="code_changes",
            content=story.patch,
            file_path=story.path,
            meta=meta,
        )
    )


def _pull(session: Session, scene: Scene, pull: Pull, story: Story, task: Task) -> None:
    is_merged = story.outcome is Outcome.MERGED
    task.work_branch = scene.chapter.branch
    session.add(
        PullRequest(
            task_id=task.id,
            repository_id=scene.repository.id,
            github_pr_id=pull.id,
            pr_number=pull.number,
            title=story.title,
            source_branch=task.work_branch,
            target_branch=task.target_branch,
            status=PullRequestStatus.MERGED if is_merged else PullRequestStatus.CLOSED,
            url=pull.url,
            head_sha=pull.head_sha,
            observed_at=scene.chapter.ended,
            merged_at=scene.chapter.ended if is_merged else None,
            closed_at=scene.chapter.ended,
            created_at=scene.chapter.ended,
        )
    )


def _log(session: Session, scene: Scene, story: Story, task: Task, run: TaskRun, charged: int) -> int:
    """The task's log; returns its last number."""
    entries: list[tuple[EventKind, Mapping[str, object]]] = [
        (EventKind.PROMPT, {"text": story.prompt, "run": 1, "held": run.held}),
        (EventKind.WORKSPACE, {"base_sha": run.head_sha or "0" * 40, "branch": task.branch, "sandbox": run.sandbox}),
    ]
    for path in story.looked_at:
        facts = {"call_id": f"call-{len(entries)}", "name": "read_file"}
        entries.append((EventKind.TOOL_STARTED, {**facts, "args": {"path": path}}))
        entries.append((EventKind.TOOL_RESULT, {**facts, "text": "", "is_error": False, "summary": f"Read {path}"}))
    entries.append((EventKind.NOTE, {"text": story.summary, "code": "summary"}))
    if run.evidence:
        entries.append((EventKind.EVIDENCE, run.evidence))
    settled = {"charged": charged, "held": run.held, "released": run.held - charged, "cost_micro": run.cost_micro}
    entries.append((EventKind.SETTLED, settled))
    ending = {"status": task.status, "outcome": run.outcome, "failure": run.failure, "text": story.summary}
    entries.append((EventKind.ENDED, ending))
    step = (scene.chapter.ended - scene.chapter.began) / len(entries)
    for seq, (kind, payload) in enumerate(entries, start=1):
        at = scene.chapter.began + step * seq
        session.add(
            TaskEvent(
                task_id=task.id, seq=seq, id=uuid4(), run_id=run.id, kind=kind, payload=dict(payload), created_at=at
            )
        )
    return len(entries)

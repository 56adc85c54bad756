"""What is worth telling a person who looks elsewhere: a task is done, failed, needs them, or ran out of budget."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlmodel import Session, col, select

from backend.models import Notice, PullRequest, Task, User
from backend.services import notices
from backend.services.tasks.query import needs_attention
from backend.words import APPROVAL, Failure, Outcome, Phase, PullRequestStatus, Status

MOST = 20
_OUTCOMES = {
    Outcome.PR_OPENED: "The pull request is open.",
    Outcome.PR_UPDATED: "The pull request is updated.",
    Outcome.ANSWERED: "The answer is there.",
    Outcome.REVIEWED: "The review is there.",
    Outcome.NO_CHANGES: "It ended without a change.",
    Outcome.MERGED: "The pull request is merged.",
}


class NewsKind(StrEnum):
    """What a person may want to be told, each for itself."""

    DONE = "done"
    FAILED = "failed"
    NEEDS_YOU = "needs_you"
    BUDGET = "budget"


@dataclass(frozen=True)
class News:
    """One thing to tell; `seq` is the notice's number."""

    seq: int
    kind: NewsKind
    task_id: UUID
    title: str
    sentence: str


def latest(session: Session, user: User) -> int:
    """The number of the person's newest notice: what came before it is no news."""
    return session.exec(select(User.notice_seq).where(User.id == user.id)).one()


def since(session: Session, user: User, after: int) -> tuple[list[News], int]:
    """What happened after notice number `after`, oldest first, each task once; and the newest number read."""
    rows = session.execute(
        sqlalchemy.select(col(Notice.seq), col(Notice.kind), col(Notice.payload))
        .where(col(Notice.user_id) == user.id, col(Notice.seq) > after)
        .order_by(col(Notice.seq).desc())
        .limit(200)
    ).all()
    if not rows:
        return [], after
    tasks = _tasks(session, user, {str(payload.get("task_id")) for _, _, payload in rows})
    told: dict[UUID, News] = {}
    for seq, kind, payload in rows:  # newest first: of a task only its last state is news
        found = tasks.get(str(payload.get("task_id")))
        if found is None or found.id in told:
            continue
        news = _news(seq, kind, payload, found)
        if news is not None:
            told[news.task_id] = news
    return sorted(told.values(), key=lambda one: one.seq)[-MOST:], rows[0][0]


def _tasks(session: Session, user: User, ids: set[str]) -> dict[str, Any]:
    wanted = [UUID(one) for one in ids if one != "None"]
    state = (Task.id, Task.title, Task.status, Task.phase, Task.outcome, Task.failure, Task.reason)
    rows = session.execute(
        sqlalchemy.select(
            *(col(one) for one in state), col(PullRequest.status).label("pull"), needs_attention().label("waits")
        )
        .outerjoin(PullRequest, col(PullRequest.task_id) == Task.id)
        .where(col(Task.id).in_(wanted), col(Task.user_id) == user.id, col(Task.deleted_at).is_(None))
    )
    return {str(task.id): task for task in rows}


def _news(seq: int, kind: str, payload: dict[str, object], task: Any) -> News | None:
    if kind == notices.COMPLETED and task.status == Status.COMPLETED and task.outcome:
        return News(seq, NewsKind.DONE, task.id, task.title, _OUTCOMES[Outcome(task.outcome)])
    if kind == notices.COMPLETED and task.status == Status.FAILED and task.failure:
        return News(seq, NewsKind.FAILED, task.id, task.title, Failure(task.failure).sentence)
    if kind == notices.PULL_REQUEST and payload.get("status") == PullRequestStatus.MERGED == task.pull:
        return News(seq, NewsKind.DONE, task.id, task.title, _OUTCOMES[Outcome.MERGED])
    if kind == notices.CREDITS and payload.get("used") and task.status == Status.RUNNING:
        words = f"{float(str(payload['used'])):.0%} of what it may cost is used."
        return News(seq, NewsKind.BUDGET, task.id, task.title, words)
    if kind == notices.STATUS and payload.get("phase") == Phase.PARKED and task.waits:
        if task.reason == "budget":
            return News(seq, NewsKind.BUDGET, task.id, task.title, "Its budget is used up. The work is kept.")
        if task.reason == APPROVAL:
            return News(seq, NewsKind.NEEDS_YOU, task.id, task.title, "Its plan waits for your approval.")
        return News(seq, NewsKind.NEEDS_YOU, task.id, task.title, "It waits for your answer.")
    return None

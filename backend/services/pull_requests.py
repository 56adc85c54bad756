"""Pull requests as GitHub tells them: by webhook, by poll, or in an answer to us. Newer wins, twice is once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, events, log
from backend.db import after_commit, transaction
from backend.errors import AsyncCoderError, GitHubError, InvalidInput
from backend.github import webhooks
from backend.github.types import NotModified, RemotePull
from backend.models import PullRequest, Repository, Task, TaskRun, WebhookDelivery
from backend.queue import ring_chore
from backend.services import notices, repositories
from backend.words import EventKind, Outcome, PullRequestStatus, Status

_log = log.get(__name__)


@dataclass(frozen=True)
class PollTarget:
    """An open pull request that GitHub is to be asked about, as its task's owner."""

    id: UUID
    user_id: UUID
    full_name: str
    repository_id: UUID
    number: int
    etag: str | None


def observe(session: Session, repository_id: UUID, pull: RemotePull, *, task_id: UUID | None = None) -> bool:
    """Keeps what GitHub says of a pull request, unless something newer is known. Returns whether anything changed.

    Only pull requests that belong to a task of ours are kept: `task_id` names it the first time. Locks the task first.
    """
    known = session.exec(select(PullRequest).where(PullRequest.github_pr_id == pull.github_id)).first()
    owner_task = known.task_id if known else task_id
    if owner_task is None:
        return False
    task = session.exec(select(Task).where(Task.id == owner_task).with_for_update(key_share=True)).one()
    known = session.exec(
        select(PullRequest)
        .where(PullRequest.github_pr_id == pull.github_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()
    if known is None:
        known = PullRequest(
            task_id=task.id,
            repository_id=repository_id,
            github_pr_id=pull.github_id,
            pr_number=pull.number,
            title=pull.title,
            source_branch=pull.source_branch,
            target_branch=pull.target_branch,
            status=pull.status,
            url=pull.url,
        )
        before = None
    elif known.observed_at is not None and pull.updated_at < known.observed_at:
        return False
    else:
        before = known.status
    _copy(known, pull)
    session.add(known)
    session.flush()
    if before == pull.status:
        return False
    _tell(session, task, known)
    return True


def store_delivery(session: Session, delivery_id: str, event: str, payload: dict[str, Any]) -> bool:
    """Keeps a verified delivery once and rings the chore; a redelivery rings again only while it is unprocessed."""
    new = session.execute(
        insert(WebhookDelivery)
        .values(delivery_id=delivery_id, event=event, action=_action(payload), payload=events.storable_json(payload))
        .on_conflict_do_nothing(index_elements=["delivery_id"])
        .returning(col(WebhookDelivery.id))
    ).scalar_one_or_none()
    if new is None and _is_processed(session, delivery_id):
        return False
    after_commit(session, lambda: ring_chore("apply_delivery", delivery_id))
    return new is not None


def apply_delivery(session: Session, delivery_id: str) -> None:
    """Applies a stored delivery once: the effect and `processed_at` in one transaction."""
    row = session.exec(
        select(WebhookDelivery)
        .where(WebhookDelivery.delivery_id == delivery_id)
        .with_for_update(skip_locked=True, key_share=True)
    ).first()
    if row is None or row.processed_at is not None:
        return
    try:
        change = webhooks.parse(row.event, row.payload)
    except InvalidInput as error:
        row.error = str(error)
        change = None
    if change is not None:
        repository = session.exec(select(Repository).where(Repository.github_id == change.repository_github_id)).first()
        if repository is not None:
            observe(session, repository.id, change.pull)
    row.processed_at = clock.now()
    session.add(row)


def count_attempt(session: Session, delivery_id: str) -> None:
    """Notes that a delivery is about to be applied: one that breaks its chore five times is left for the operator."""
    session.execute(
        text("UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE delivery_id = :id AND processed_at IS NULL"),
        {"id": delivery_id},
    )


def unprocessed(session: Session, older_than_seconds: int = 5) -> list[str]:
    """Deliveries whose ring was lost, oldest first."""
    return list(
        session.execute(
            text(
                "SELECT delivery_id FROM webhook_deliveries WHERE processed_at IS NULL AND attempts < 5"
                " AND received_at < now() - make_interval(secs => :age) ORDER BY received_at LIMIT 100"
            ),
            {"age": older_than_seconds},
        ).scalars()
    )


def poll() -> int:
    """Asks GitHub about every open pull request of ours, conditionally. Returns how many had changed.

    One person's trouble (a dead token, a vanished repository) does not keep the others waiting.
    """
    changed = 0
    for target in _targets():
        try:
            changed += _poll_one(target)
        except GitHubError as error:
            _log.info("a pull request could not be read", number=target.number, error=str(error))
        except (AsyncCoderError, RedisError) as error:
            _log.warning("polling stopped for a pull request", number=target.number, error=str(error))
    return changed


def _poll_one(target: PollTarget) -> bool:
    answer = repositories.with_github(
        target.user_id, lambda github: github.pull(target.full_name, target.number, target.etag)
    )
    if isinstance(answer, NotModified):
        return False
    with transaction() as session:
        changed = observe(session, target.repository_id, answer)
        session.execute(
            text("UPDATE pull_requests SET etag = :etag WHERE id = :id"), {"etag": answer.etag, "id": target.id}
        )
    return changed


def _targets() -> list[PollTarget]:
    with transaction() as session:
        rows = session.exec(
            select(PullRequest, Task.user_id, Repository.full_name)
            .join(Task, col(Task.id) == PullRequest.task_id)
            .join(Repository, col(Repository.id) == PullRequest.repository_id)
            .where(col(PullRequest.status).in_([PullRequestStatus.OPEN, PullRequestStatus.DRAFT]))
            .order_by(col(PullRequest.updated_at).desc())
            .limit(500)
        )
        return [
            PollTarget(pull.id, user_id, full_name, pull.repository_id, pull.pr_number, pull.etag)
            for pull, user_id, full_name in rows
        ]


def _copy(known: PullRequest, pull: RemotePull) -> None:
    known.title = pull.title
    known.description = pull.body
    known.target_branch = pull.target_branch
    known.status = pull.status
    known.url = pull.url
    known.head_sha = pull.head_sha
    known.merged_at = pull.merged_at
    known.closed_at = pull.closed_at
    known.observed_at = pull.updated_at
    known.updated_at = clock.now()


def _tell(session: Session, task: Task, pull: PullRequest) -> None:
    """Writes the change into the log and to the person; merging is the task's outcome, never the run's."""
    run = session.exec(select(TaskRun).where(TaskRun.task_id == task.id).order_by(col(TaskRun.number).desc())).first()
    if run is None:
        return
    if Status(task.status).is_end:
        task.outcome = Outcome.MERGED if pull.status == PullRequestStatus.MERGED else run.outcome
        session.add(task)
        session.flush()
    payload: dict[str, Any] = {
        "number": pull.pr_number,
        "url": pull.url,
        "status": pull.status,
        "title": pull.title,
        "at": _iso(pull.merged_at or pull.closed_at or pull.observed_at),
    }
    events.append(session, task_id=task.id, run_id=run.id, kind=EventKind.PULL_REQUEST, payload=payload)
    notices.tell(session, task.user_id, notices.PULL_REQUEST, {"task_id": str(task.id), "status": pull.status})


def _is_processed(session: Session, delivery_id: str) -> bool:
    found = session.exec(select(WebhookDelivery.processed_at).where(WebhookDelivery.delivery_id == delivery_id)).first()
    return found is not None


def _action(payload: dict[str, Any]) -> str | None:
    action = payload.get("action")
    return str(events.storable_json(action))[:100] if isinstance(action, str) else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

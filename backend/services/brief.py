"""Everything a run needs to know before it starts, read in one transaction and then fixed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy
from sqlalchemy import case, or_
from sqlmodel import Session, col, select

from backend.engine.transcript import REVIEW, LogEntry
from backend.errors import Forbidden, NotFound, RunFailed
from backend.models import AiModel, PullRequest, Repository, RepositorySettings, Task, TaskEvent, TaskRun, User
from backend.providers.base import Prices
from backend.services import access, catalog, credits, issues, provider_keys
from backend.services.claims import Claim
from backend.services.recorder import latest_checkpoint
from backend.words import EventKind, Failure, TaskType


@dataclass(frozen=True)
class Brief:
    """One run's assignment. `log` is all of the task's, earlier runs included.

    `limit` is what it may cost in whole credits, `margin` included; with `own_key` the person's own key pays, which is
    not read here: it is opened for each call. `base_sha` and, of a run that merges its target, `merged_sha` are set
    once it was prepared.
    """

    claim: Claim
    task_id: UUID
    short_id: str
    number: int
    task_type: TaskType
    title: str
    prompt: str
    branch: str
    target_branch: str
    work_branch: str | None
    pull_number: int | None
    review_of: int | None
    base_sha: str | None
    started_at: datetime
    limit: int
    user_id: UUID
    author: tuple[str, str]
    repository_id: UUID
    repository_github_id: int
    full_name: str
    clone_url: str
    test_command: str | None
    draft_policy: str
    provider: str
    model: str
    model_name: str
    effort: str | None
    prices: Prices
    context_window: int
    max_output: int
    checkpoint: bytes | None
    log: list[LogEntry]
    own_key: bool = False
    takes_images: bool = False
    plan_first: bool = False
    merges: str | None = None  # the pull request's target, where this run merges it into the task's branch
    merged_sha: str | None = None
    margin: int = 0  # on the provider's price, in hundredths of a percent
    issues: tuple[str, ...] = ()  # what the pull request says it is for


def read(session: Session, claim: Claim) -> Brief:
    """The brief of a claimed run. Raises RunFailed when the person lost access or the model its price meanwhile."""
    run = session.exec(select(TaskRun).where(TaskRun.id == claim.run_id)).one()
    task = session.exec(select(Task).where(Task.id == run.task_id)).one()
    user = session.exec(select(User).where(User.id == task.user_id)).one()
    task_type = TaskType(task.type)
    repository = require(session, user, task.repository_id, task_type)
    model = session.exec(select(AiModel).where(AiModel.id == (run.ai_model_id or task.ai_model_id))).one()
    price = credits.prices(model)
    if price is None:
        raise RunFailed(Failure.MODEL_AUTH, "The model has no price any more. Ask your admin.")
    if run.own_key and not provider_keys.pays_for(session, user.id, model.id):
        raise RunFailed(Failure.MODEL_AUTH, provider_keys.gone(model.provider))
    pull = session.exec(
        select(PullRequest.pr_number, PullRequest.target_branch).where(PullRequest.task_id == task.id)
    ).first()
    chosen = session.get(RepositorySettings, repository.id)
    return Brief(
        claim=claim,
        task_id=task.id,
        short_id=task.short_id,
        number=run.number,
        task_type=task_type,
        title=task.title,
        prompt=run.prompt,
        branch=task.branch,
        target_branch=task.target_branch,
        work_branch=task.work_branch,
        pull_number=pull[0] if pull else None,
        review_of=task.pull_number,
        base_sha=run.base_sha,
        started_at=run.started_at or run.created_at,
        limit=run.limit,
        margin=run.margin,
        user_id=user.id,
        author=(user.name, user.email or f"{user.github_id}+{user.username}@users.noreply.{user.github_host}"),
        repository_id=repository.id,
        repository_github_id=repository.github_id,
        full_name=repository.full_name,
        clone_url=repository.clone_url,
        test_command=chosen.test_command if chosen else None,
        draft_policy=chosen.draft_policy if chosen else "unverified",
        provider=model.provider,
        model=model.name,
        model_name=model.display_name,
        effort=task.effort if task.effort in catalog.efforts(model) else None,
        prices=price,
        context_window=model.context_window,
        max_output=model.max_tokens,
        checkpoint=latest_checkpoint(session, run.id),
        log=_log(session, task.id),
        own_key=run.own_key,
        takes_images=catalog.takes_images(model.provider, model.name, model.capabilities),
        plan_first=task.plan_first,
        merges=pull[1] if pull and run.merges_target else None,
        merged_sha=run.merged_sha,
        issues=issues.references(task.prompt, repository.full_name),
    )


def require(session: Session, user: User, repository_id: UUID, task_type: TaskType) -> Repository:
    """The run's repository, where its person may still have it worked on. Raises RunFailed with the reason."""
    if user.disabled_at is not None:
        raise RunFailed(Failure.ACCESS_LOST, "This account is disabled, so nothing more is done in its name.")
    try:
        return access.require_to_work(session, user, repository_id, task_type)
    except NotFound as error:
        is_there = session.get_one(Repository, repository_id).is_active
        raise RunFailed(Failure.ACCESS_LOST if is_there else Failure.REPOSITORY_GONE) from error
    except Forbidden as error:
        raise RunFailed(Failure.ACCESS_LOST, str(error)) from error


def _log(session: Session, task_id: UUID) -> list[LogEntry]:
    # Of the raw bytes only a turn's and a review's are wanted: whole outputs of commands can be megabytes.
    is_review = col(TaskEvent.payload)["code"].astext == REVIEW
    raw = case((or_(col(TaskEvent.kind) == EventKind.MODEL_TURN, is_review), col(TaskEvent.raw)), else_=None)
    rows = session.execute(
        sqlalchemy.select(col(TaskEvent.kind), col(TaskEvent.payload), raw)
        .where(col(TaskEvent.task_id) == task_id)
        .order_by(col(TaskEvent.seq))
    )
    return [LogEntry(EventKind(kind), payload, content) for kind, payload, content in rows]

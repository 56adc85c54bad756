"""Another try at a task that ended without a result: as it was, with other words, or with another model."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from backend import rate_limit
from backend.db import lock
from backend.errors import Conflict, NotFound
from backend.models import AiModel, Task, TaskRun, User
from backend.services import access, attachments, audit, catalog, estimates, runs
from backend.services.tasks.rows import retry_refusal
from backend.services.tasks.write import check_prompt
from backend.words import Act, EventKind, ObjectKind, Status, TaskType


@dataclass(frozen=True)
class ModelOffer:
    """A model that a retry could take, and how many credits it would hold: none with the person's own key.

    A blind one takes no images, and the retry would come with some.
    """

    id: UUID
    name: str
    hold: int
    own_key: bool
    is_blind: bool


@dataclass(frozen=True)
class RetryOffer:
    """What a retry starts from: the newest run's words and model, and the models there are."""

    prompt: str
    model_id: UUID
    models: list[ModelOffer]


def retry(
    session: Session, user: User, task_id: UUID, *, model_id: UUID | None = None, prompt: str | None = None
) -> TaskRun:
    """Starts the task's next run with its own hold: the newest run's prompt and model, unless others are given.

    Raises NotFound, Forbidden, Conflict (at work, merged, or it has a result), InvalidInput, TooLarge,
    NotEnoughCredits, TooMany, Unavailable where nobody counts.
    """
    checked = check_prompt(prompt) if prompt is not None else None
    rate_limit.take(rate_limit.CREATIONS, user.id)  # before any lock
    task = access.owned(session, user, task_id, lock=True)
    _require_retryable(session, task)
    if model_id is not None:
        task.ai_model_id = catalog.usable(session, model_id, user).id
    newest = _newest(session, task)
    return runs.follow_up(session, user, task, checked or newest.prompt, merges_target=newest.merges_target)


def retry_for_admin(session: Session, user: User, task_id: UUID, *, address: str = audit.UNKNOWN) -> TaskRun:
    """As its person's own retry, of anybody's task that failed or was stopped: in their name, with their words and
    model, and what it holds is theirs. The task's log says which admin it was.

    Raises Forbidden, NotFound, Conflict, and whatever their own retry would be refused with.
    """
    access.require_admin(user)
    rate_limit.take(rate_limit.CREATIONS, user.id)  # before any lock
    task = lock(session, Task, task_id)
    person = session.get_one(User, task.user_id)
    if task.deleted_at is not None:
        raise NotFound(access.NO_TASK)
    if person.is_shut_out:
        raise Conflict("Its person cannot come in any more, so nothing begins in their name.")
    _require_retryable(session, task)
    if task.status not in (Status.FAILED, Status.CANCELLED):
        raise Conflict("This task neither failed nor was stopped. Only its person goes on with it.")
    newest = _newest(session, task)
    run = runs.follow_up(session, person, task, newest.prompt, merges_target=newest.merges_target)
    told = {"text": f"{user.name} (@{user.username}), an admin, had this tried again.", "code": "retried"}
    runs.record(session, run, EventKind.NOTE, told, "retried")
    what = audit.Object(ObjectKind.TASK, str(task.id), f"run {run.number}")
    audit.record(session, Act.RUN_RETRIED, audit.by(user, address), what, person=person.username, held=run.held)
    return run


def retry_offer(session: Session, user: User, task_id: UUID) -> RetryOffer:
    """What the retry dialog shows. Raises NotFound, Forbidden, Conflict as `retry` would."""
    task = access.owned(session, user, task_id)
    _require_retryable(session, task)
    prompt = _newest(session, task).prompt
    usable = [choice for choice in catalog.choices(session, user) if choice.is_available]
    models = session.exec(select(AiModel).where(col(AiModel.id).in_([choice.id for choice in usable]))).all()
    own = {one.provider for one in usable if one.own_key}
    of = TaskType(task.type), task.repository_id
    costs = estimates.of_models(session, models, *of, length=len(prompt), own=own)
    has_images = attachments.has_any(session, task.id)
    offers = [
        ModelOffer(one.id, one.display_name, costs[one.id].hold, one.own_key, has_images and not one.takes_images)
        for one in usable
    ]
    return RetryOffer(prompt, task.ai_model_id, offers)


def _require_retryable(session: Session, task: Task) -> None:
    reason = retry_refusal(task.status, task.outcome, is_merged=runs.is_merged(session, task.id))
    if reason:
        raise Conflict(reason)


def _newest(session: Session, task: Task) -> TaskRun:
    return session.exec(
        select(TaskRun).where(TaskRun.task_id == task.id).order_by(col(TaskRun.number).desc()).limit(1)
    ).one()

"""A task as a program asks for it: what is not said is as the person's tasks usually begin."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from backend.errors import InvalidInput
from backend.models import User
from backend.services import access, catalog, preferences
from backend.services.tasks.write import Draft
from backend.words import Effort, Priority, TaskType, Visibility


@dataclass(frozen=True)
class Asked:
    """What was asked for. None: the repository's default branch, and the person's preferences."""

    repository_id: UUID
    prompt: str
    branch: str | None = None
    target_branch: str | None = None
    model_id: UUID | None = None
    task_type: TaskType | None = None
    priority: Priority | None = None
    effort: Effort | None = None
    visibility: Visibility | None = None
    pull_number: int | None = None
    attachments: tuple[UUID, ...] = ()
    plan_first: bool = False


def draft(session: Session, user: User, asked: Asked) -> Draft:
    """The whole draft. Raises NotFound for a repository one cannot see, InvalidInput where no model can be used."""
    repository = access.repository(session, user, asked.repository_id)
    usual = preferences.of(user)
    return Draft(
        repository_id=repository.id,
        branch=asked.branch or repository.default_branch,
        target_branch=asked.target_branch,
        model_id=asked.model_id or _usual_model(session, user, usual.model_id),
        task_type=asked.task_type or usual.task_type,
        priority=asked.priority or usual.priority,
        prompt=asked.prompt,
        effort=asked.effort or usual.effort,
        visibility=asked.visibility or usual.visibility,
        pull_number=asked.pull_number,
        attachments=asked.attachments,
        plan_first=asked.plan_first,
    )


def _usual_model(session: Session, user: User, preferred: UUID | None) -> UUID:
    usable = [choice.id for choice in catalog.choices(session, user) if choice.is_available]
    if not usable:
        raise InvalidInput(
            "No model can be used. Add a key of your own in Settings, or ask your admin.", field="model_id"
        )
    return preferred if preferred in usable else usable[0]

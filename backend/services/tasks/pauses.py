"""A run that waits until a limit is over: its person lets it go on before, with another model if they like."""

from uuid import UUID

from sqlmodel import Session, select

from backend.errors import Conflict, InvalidInput
from backend.models import AiModel, Task, TaskRun, User
from backend.services import access, attachments, catalog, provider_keys, runs
from backend.services.catalog import ModelChoice
from backend.services.tasks.rows import is_paused
from backend.words import EventKind, Failure, Status

# Waits that another model may not have; what GitHub limits it would meet as well.
OF_THE_MODEL = frozenset({Failure.MODEL_RATE_LIMITED.value, Failure.MODEL_OVERLOADED.value})
_OVER = "This run does not wait for a limit any more."


def go_on(session: Session, user: User, task_id: UUID, *, model_id: UUID | None = None) -> None:
    """Puts a run that waits out a limit back into the queue; from here on with another model, where one is given.

    What the run may cost stays what it was. Raises NotFound, Forbidden, Conflict where it does not wait for a limit, or
    not for one of the model's; InvalidInput for a model that this person cannot use, that would be paid otherwise, or
    that takes no images where the task has some.
    """
    task = access.owned(session, user, task_id, lock=True)
    run = runs.alive(session, task.id)
    if run is None or not is_paused(run.status, run.phase, run.until):
        raise Conflict(_OVER)
    if model_id is not None and model_id != task.ai_model_id:
        _change_model(session, user, task, run, catalog.usable(session, model_id, user))
    session.add(run)
    runs.wake(session, run, task)


def other_models(session: Session, user: User, task_id: UUID) -> list[ModelChoice]:
    """The models that the paused run could go on with. Raises NotFound, Forbidden, Conflict as `go_on` would."""
    task = access.owned(session, user, task_id)
    run = session.exec(select(TaskRun).where(TaskRun.task_id == task.id, TaskRun.status == Status.PENDING)).first()
    if run is None or not is_paused(run.status, run.phase, run.until):
        raise Conflict(_OVER)
    needs_eyes = attachments.has_any(session, task.id)
    return [
        choice
        for choice in catalog.choices(session, user)
        if choice.is_available
        and choice.id != task.ai_model_id
        and choice.own_key == run.own_key
        and (choice.takes_images or not needs_eyes)
    ]


def _change_model(session: Session, user: User, task: Task, run: TaskRun, model: AiModel) -> None:
    if run.reason not in OF_THE_MODEL:
        raise Conflict("This run does not wait for its model: another one would wait as long.")
    if provider_keys.pays_for(session, user.id, model.id) != run.own_key:
        paid = "your own key" if run.own_key else "credits"
        raise InvalidInput(f"This run is paid with {paid}, and that model would not be.", field="model_id")
    if attachments.has_any(session, task.id) and not catalog.takes_images(
        model.provider, model.name, model.capabilities
    ):
        raise InvalidInput(f"{model.display_name} does not take images, and this task has some.", field="model_id")
    run.ai_model_id = task.ai_model_id = model.id
    session.add(task)
    words = f"{user.name} lets it go on with {model.display_name}."
    runs.record(session, run, EventKind.NOTE, {"text": words, "code": "model"}, f"model-{run.fence}")

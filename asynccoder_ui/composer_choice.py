"""What is chosen in the composer, how it changes, and what becomes of it: a draft, or a task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlmodel import Session

from asynccoder_ui.views import no_images
from backend.errors import InvalidInput
from backend.models import Repository, User
from backend.services import catalog, preferences, pull_choices, repositories, tasks
from backend.settings import get_settings
from backend.words import Effort, Priority, TaskType, Visibility

# type → icon, name, its one-line promise
TYPES = {
    TaskType.DEBUG: ("bug", "Debug", "A failing test first, then the fix."),
    TaskType.ASK: ("message-circle-question", "Ask", "Answers from the code. Changes nothing."),
    TaskType.DOCUMENTATION: ("file-text", "Documentation", "Touches docs and comments only."),
    TaskType.ARCHITECT: ("drafting-compass", "Architect", "A plan you can approve. No edits."),
    TaskType.PR_REVIEW: ("eye", "Review", "Findings in a pull request or branch. No edits."),
    TaskType.ASYNC: ("zap", "Async", "From idea to pull request, alone."),
}


SAMPLE = "sample-shop"


@dataclass(frozen=True)
class Choice:
    """What is chosen; ids are text, empty while nothing is."""

    repository_id: str = ""
    repository: str = ""
    branch: str = ""
    model_id: str = ""
    model: str = ""
    is_demo: bool = False
    task_type: str = TaskType.DEBUG.value
    type_name: str = "Debug"
    priority: str = Priority.MEDIUM.value
    effort: str = ""
    efforts: int = 0  # how many the model can be told
    pull: int = 0  # the number of the pull request that a review looks at; 0 is the branch's code
    pull_label: str = ""
    no_images: str = ""  # why none can go along
    target_branch: str = ""  # empty: the branch it starts from
    visibility: str = Visibility.PRIVATE.value
    may_plan: bool = True  # whether its type changes files, so that a plan can be approved first
    plan_first: bool = False  # stays while another type is looked at


@dataclass(frozen=True)
class Known:
    """What the composer can offer before GitHub is asked: `recent` is the repository of the newest task.

    Before the first one it is the demo's sample.
    """

    preferred: preferences.Preferences
    models: list[catalog.ModelChoice]
    rows: list[repositories.RepositoryRow]
    gone: list[repositories.GoneRow]
    recent: repositories.RepositoryRow | None


def known(session: Session, user: User, query: str, limit: int) -> Known:
    """What is known to us: preferences, models, and the repositories with `query` in their name."""
    preferred = replace(preferences.of(user), notify=preferences.Notify())
    recent = repositories.recent(session, user) or sample(session, user)
    rows = repositories.listing(session, user, query, limit)
    if recent and not query and recent not in rows:
        rows = [recent, *rows]
    gone = repositories.gone(session, user, query, limit)
    return Known(preferred, catalog.choices(session, user), rows, gone, recent)


def sample(session: Session, user: User) -> repositories.RepositoryRow | None:
    """The demo's own repository, in which its scripted model has something to do; None elsewhere."""
    rows = repositories.listing(session, user, SAMPLE, 1) if get_settings().is_demo else []
    return rows[0] if rows else None


def begun(choice: Choice, found: Known, *, anew: bool) -> Choice:
    """The choice with a model and a repository, where it has none; with `anew`, first with the person's defaults."""
    choice = with_preferences(choice, found.preferred) if anew else choice
    usable = [model for model in found.models if model.is_available]
    if not choice.model_id and usable:
        choice = with_model(choice, next((one for one in usable if one.id == found.preferred.model_id), usable[0]))
    fitting = [row for row in (found.recent, *found.rows) if row and not row.refusal]
    return with_repository(choice, fitting[0]) if fitting and not choice.repository_id else choice


_KEPT = (
    *("repository_id", "branch", "pull", "model_id", "task_type"),
    *("priority", "effort", "target_branch", "visibility", "plan_first"),
)


def content_of(choice: Choice, prompt: str, images: Sequence[UUID] = ()) -> dict[str, Any]:
    """What a draft keeps: ids and words. What they are called is looked up when it is opened."""
    kept = {"prompt": prompt, "images": [str(image) for image in images]}
    return kept | {name: getattr(choice, name) for name in _KEPT}


def with_type(choice: Choice, kind: TaskType) -> Choice:
    """The choice with another kind of work."""
    return replace(choice, task_type=kind.value, type_name=TYPES[kind][1], may_plan=kind.may_edit)


def with_model(choice: Choice, model: catalog.ModelChoice) -> Choice:
    """The choice with another model; an effort stays where the model can be told one."""
    return replace(
        choice,
        model_id=str(model.id),
        model=model.display_name,
        is_demo=model.is_demo,
        efforts=len(model.efforts),
        no_images="" if model.takes_images else no_images(model.display_name),
        effort=choice.effort if model.efforts else "",
    )


def with_repository(choice: Choice, found: repositories.RepositoryRow | Repository) -> Choice:
    """The choice with another repository and its default branch."""
    return replace(
        choice,
        repository_id=str(found.id),
        repository=found.full_name,
        branch=found.default_branch,
        target_branch="",
        pull=0,
        pull_label="",
    )


def with_pull(choice: Choice, pull: pull_choices.PullChoice | None) -> Choice:
    """The choice with a pull request to review, or with none."""
    return replace(choice, pull=pull.number if pull else 0, pull_label=pull_label(pull) if pull else "")


def pull_label(pull: pull_choices.PullChoice) -> str:
    """A pull request in a line of its own."""
    return f"#{pull.number} {pull.title}"


def with_preferences(choice: Choice, preferred: preferences.Preferences) -> Choice:
    """The choice with what the person begins with; the model is theirs once it is seen whether it can be used."""
    return replace(
        with_type(choice, preferred.task_type),
        model_id="",
        priority=preferred.priority.value,
        effort=preferred.effort.value if preferred.effort else "",
        visibility=preferred.visibility.value,
        plan_first=False,
    )


def with_draft(
    choice: Choice, content: dict[str, Any], repository: Repository | None, models: list[catalog.ModelChoice]
) -> Choice:
    """The choice that a draft was kept with. What cannot be chosen any more stays as it is; no repository is none."""

    def word(words: type[StrEnum], name: str, usual: str) -> str:
        return str(content[name]) if content.get(name) in list(words) else usual

    opened = replace(
        with_type(choice, TaskType(word(TaskType, "task_type", choice.task_type))),
        priority=word(Priority, "priority", choice.priority),
        visibility=word(Visibility, "visibility", choice.visibility),
        effort=word(Effort, "effort", "") if choice.efforts else "",
        plan_first=content.get("plan_first") is True,
        repository_id="",
        repository="",
        branch="",
        target_branch="",
        pull=0,
        pull_label="",
    )
    if repository is not None:
        opened = with_repository(opened, repository)
        pull = content.get("pull")
        if isinstance(pull, int) and pull > 0:
            opened = replace(opened, pull=pull, pull_label=f"#{pull}")
        opened = replace(opened, branch=str(content["branch"]), target_branch=str(content["target_branch"]))
    model = next((one for one in models if one.is_available and str(one.id) == content.get("model_id")), None)
    return (
        replace(with_model(opened, model), effort=word(Effort, "effort", "") if model.efforts else "")
        if model
        else opened
    )


def task_of(choice: Choice, prompt: str, images: tuple[UUID, ...] = ()) -> tasks.Draft:
    """The task as it would be sent; a pull request says what is to be done. Raises InvalidInput for what is missing."""
    if not choice.repository_id:
        raise InvalidInput("Pick a repository first.", field="repository_id")
    if not choice.model_id:
        raise InvalidInput("Pick a model first.", field="model_id")
    pull = choice.pull if choice.task_type == TaskType.PR_REVIEW else 0
    if pull and not prompt.strip():
        prompt = f"Review pull request #{pull}."
    return tasks.Draft(
        repository_id=UUID(choice.repository_id),
        branch=choice.branch,
        target_branch=choice.target_branch or None,
        model_id=UUID(choice.model_id),
        task_type=TaskType(choice.task_type),
        priority=Priority(choice.priority),
        prompt=prompt,
        effort=Effort(choice.effort) if choice.effort else None,
        visibility=Visibility(choice.visibility),
        pull_number=pull or None,
        attachments=images,
        plan_first=choice.plan_first and choice.may_plan,
    )

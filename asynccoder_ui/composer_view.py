"""What the composer holds: small frozen values, and the lines of its pickers."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from uuid import UUID

from asynccoder_ui.views import Option
from backend.errors import InvalidInput
from backend.services import catalog, credits, drafts, repositories, tasks
from backend.words import Effort, Priority, TaskType, Visibility

# type → icon, name, its one-line promise
TYPES = {
    TaskType.DEBUG: ("bug", "Debug", "A failing test first, then the fix."),
    TaskType.ASK: ("message-circle-question", "Ask", "Answers from the code. Changes nothing."),
    TaskType.DOCUMENTATION: ("file-text", "Documentation", "Touches docs and comments only."),
    TaskType.ARCHITECT: ("drafting-compass", "Architect", "A plan you can approve. No edits."),
    TaskType.PR_REVIEW: ("eye", "Review", "Findings in a branch's code. No edits."),
    TaskType.ASYNC: ("zap", "Async", "From idea to pull request, alone."),
}
TYPE_OPTIONS = [Option(kind.value, name, detail=promise) for kind, (_, name, promise) in TYPES.items()]
EFFORT_OPTIONS = [
    Option("", "Usual effort", detail="As the model decides."),
    Option("low", "Low effort", detail="Quick and cheap."),
    Option("medium", "Medium effort"),
    Option("high", "High effort", detail="Thinks longer, and costs more."),
]
VISIBILITIES = [
    (Visibility.PRIVATE.value, "Only I can read it"),
    (Visibility.REPOSITORY.value, "Whoever has access to the repository"),
]
PRIORITY_OPTIONS = [
    Option("high", "High priority", detail="Goes ahead of medium and low."),
    Option("medium", "Medium priority", detail="The usual place in line."),
    Option("low", "Low priority", detail="When nothing else waits."),
]


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
    target_branch: str = ""  # empty: the branch it starts from
    visibility: str = Visibility.PRIVATE.value


@dataclass(frozen=True)
class Price:
    """Whole credits; `is_known` once there is an estimate, `is_short` when the hold cannot be afforded.

    With `own_key` it is dollars that the provider bills: `likely`, and `most` before the run asks.
    """

    is_known: bool = False
    likely: str = ""
    hold: int = 0
    is_short: bool = False
    own_key: bool = False
    most: str = ""


@dataclass(frozen=True)
class DraftItem:
    """A line of the list of drafts."""

    id: str
    title: str
    where: str
    at: str


def draft_item(row: drafts.DraftRow) -> DraftItem:
    """A draft as its line shows it."""
    return DraftItem(str(row.id), row.title, str(row.content.get("repository", "")), row.updated_at.isoformat())


def content_of(choice: Choice, prompt: str) -> dict[str, Any]:
    """What a draft keeps."""
    return {**asdict(choice), "prompt": prompt}


def choice_of(content: dict[str, Any]) -> Choice:
    """What a draft holds of a choice; what an older release kept otherwise is the default."""
    usual = Choice()
    known = {
        field.name: content[field.name]
        for field in fields(Choice)
        if isinstance(content.get(field.name), type(getattr(usual, field.name)))
    }
    return replace(usual, **known)


def task_of(choice: Choice, prompt: str) -> tasks.Draft:
    """The task as it would be sent. Raises InvalidInput while something is not chosen."""
    if not choice.repository_id:
        raise InvalidInput("Pick a repository first.", field="repository_id")
    if not choice.model_id:
        raise InvalidInput("Pick a model first.", field="model_id")
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
    )


def repository_option(row: repositories.RepositoryRow, kind: TaskType) -> Option:
    """A line of the repository picker; what cannot be worked on says why."""
    refused = row.is_empty or (bool(row.refusal) and kind.may_edit)
    detail = row.refusal if refused else row.description
    return Option(str(row.id), row.full_name, "private" if row.is_private else "", detail, refused)


def branch_option(row: repositories.BranchRow) -> Option:
    """A line of the branch picker."""
    detail = "Protected: the work goes to a branch of its own." if row.is_protected else ""
    return Option(row.name, row.name, "default" if row.is_default else "", detail)


def price_of(estimate: credits.Estimate, available: int, *, own_key: bool) -> Price:
    """What a task is likely to cost, by what pays for it."""
    spell = credits.in_dollars if own_key else str
    low, high = spell(estimate.low), spell(estimate.high)
    likely = low if low == high else f"{low}–{high}"
    if own_key:
        return Price(is_known=True, likely=likely, own_key=True, most=credits.in_dollars(estimate.hold))
    return Price(is_known=True, likely=likely, hold=estimate.hold, is_short=estimate.hold > available)


def model_option(model: catalog.ModelChoice) -> Option:
    """A line of the model picker."""
    end = "scripted, no AI" if model.is_demo else "your key" if model.own_key else model.provider
    detail = model.unavailable_reason or f"{model.description} {model.price_line}".strip()
    return Option(str(model.id), model.display_name, end, detail, not model.is_available)

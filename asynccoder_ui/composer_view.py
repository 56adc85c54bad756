"""What the composer shows: the lines of its pickers, and what the task would cost."""

from dataclasses import asdict, dataclass
from uuid import UUID

from reflex_base.event import EventSpec
from sqlmodel import Session

from asynccoder_ui import orders
from asynccoder_ui.composer_choice import TYPES, Choice, pull_label
from asynccoder_ui.views import BLIND, Option
from backend.errors import NotFound
from backend.models import User
from backend.services import catalog, credits, estimates, pull_choices, repositories
from backend.services.attachments import AttachmentRow
from backend.words import PullRequestStatus, TaskType, Visibility

BOX = "home"  # the name of the composer's prompt box
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
class Price:
    """Whole credits; `is_known` once there is an estimate, `is_short` when the hold cannot be afforded.

    With `own_key` it is dollars that the provider bills: `likely`, and `most` before the run asks. `basis` says what it
    rests on.
    """

    is_known: bool = False
    likely: str = ""
    hold: int = 0
    is_short: bool = False
    own_key: bool = False
    most: str = ""
    basis: str = ""


def repository_option(row: repositories.RepositoryRow, kind: TaskType) -> Option:
    """A line of the repository picker; what cannot be worked on says why."""
    refused = row.is_empty or (bool(row.refusal) and kind.may_edit)
    detail = row.refusal if refused else row.description
    return Option(str(row.id), row.full_name, "private" if row.is_private else "", detail, refused)


def gone_option(row: repositories.GoneRow) -> Option:
    """A line for what is out of reach."""
    return Option(str(row.id), row.full_name, "", row.reason, is_disabled=True)


def branch_option(row: repositories.BranchRow) -> Option:
    """A line of the branch picker."""
    detail = "Protected: the work goes to a branch of its own." if row.is_protected else ""
    return Option(row.name, row.name, "default" if row.is_default else "", detail)


def pull_option(pull: pull_choices.PullChoice) -> Option:
    """A line of the pull request picker."""
    end = "" if pull.status == PullRequestStatus.OPEN else pull.status
    return Option(
        str(pull.number), pull_label(pull), end, f"{pull.author or 'somebody'}: {pull.target} ← {pull.source}"
    )


def priced(
    session: Session, user: User, choice: Choice, models: list[catalog.ModelChoice], length: int, images: int = 0
) -> Price:
    """What the chosen task is likely to cost with a prompt of `length` characters and so many images, by what pays."""
    if not choice.model_id:
        return Price()
    model = UUID(choice.model_id)
    try:
        where = UUID(choice.repository_id) if choice.repository_id else None
        of = model, TaskType(choice.task_type), where
        own = {one.provider for one in models if one.own_key}
        estimate = estimates.estimate(session, *of, length=length, images=images, own=own)
    except NotFound:  # an unpriced model has no estimate
        return Price()
    own_key = any(one.own_key for one in models if one.id == model)
    spell = credits.in_dollars if own_key else str
    low, high = spell(estimate.low), spell(estimate.high)
    likely = low if low == high else f"{low}–{high}"
    if own_key:
        most = credits.in_dollars(estimate.hold)
        return Price(is_known=True, likely=likely, own_key=True, most=most, basis=_basis(estimate))
    is_short = estimate.hold > credits.balance(session, user).available
    return Price(is_known=True, likely=likely, hold=estimate.hold, is_short=is_short, basis=_basis(estimate))


def _basis(estimate: estimates.Estimate) -> str:
    if estimate.basis is estimates.Basis.PRIOR:
        return "A first guess: there are too few runs of this kind yet to know better."
    where = "on this repository" if estimate.basis is estimates.Basis.REPOSITORY else "with this model"
    return f"Half and nine in ten of the last {estimate.runs} such runs {where}."


def model_option(model: catalog.ModelChoice) -> Option:
    """A line of the model picker."""
    end = "scripted, no AI" if model.is_demo else "your key" if model.own_key else model.provider
    detail = model.unavailable_reason or f"{model.description} {model.price_line}".strip()
    if not model.takes_images:
        detail += BLIND
    return Option(str(model.id), model.display_name, end, detail, not model.is_available)


def fill_box(text: str, images: list[AttachmentRow] | None = None) -> EventSpec:
    """Puts a text, and these images in place of others, into the composer's box: an order to the browser, since a var
    that a reload brings again would undo what was written since."""
    shown = None if images is None else [asdict(image) | {"id": str(image.id)} for image in images]
    return orders.dispatch("asynccoder-fill", {"draft": BOX, "text": text, "images": shown})

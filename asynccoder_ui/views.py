"""What pages hold of the services' rows: small frozen values, ready to be drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from asynccoder_ui import routes
from backend.services import tasks
from backend.words import APPROVAL, PLANNING, Failure, Outcome, Phase, PullRequestStatus, Status, Verdict

SCRIPTED = "scripted, no AI"
_BUSY = {
    Phase.PREPARING: "preparing",
    Phase.RUNNING: "running",
    Phase.VERIFYING: "verifying",
    Phase.FINISHING: "finishing",
}
WAITS = {
    "budget": "Waiting for budget",
    APPROVAL: "The plan waits for approval",
    "github_rate_limited": "GitHub limits the rate",
    Failure.MODEL_RATE_LIMITED: "The model's provider limits the rate",
    Failure.MODEL_OVERLOADED: "The model's provider is overloaded",
}
_DOES = {PLANNING: "It reads and makes a plan; nothing is changed before that is approved"}
_ENDS = {
    Outcome.ANSWERED: ("answered", "answered"),
    Outcome.REVIEWED: ("answered", "reviewed"),
    Outcome.NO_CHANGES: ("unchanged", "no changes"),
    Outcome.MERGED: ("merged", "merged"),
}


@dataclass(frozen=True)
class Option:
    """One line of a picker: its value, its words, what stands at the end, a second line."""

    value: str
    label: str
    end: str = ""
    detail: str = ""
    is_disabled: bool = False


@dataclass(frozen=True)
class Action:
    """One line of a menu. With `ask` it asks first: `title` is the question, `ask` what happens.

    With `field` it asks for a line of text, of that name.
    """

    value: str
    label: str
    detail: str = ""
    tone: str = ""
    title: str = ""
    ask: str = ""
    field: str = ""
    is_disabled: bool = False


@dataclass(frozen=True)
class TaskItem:
    """A task in the sidebar. `look` names icon and colour; times are ISO 8601, `since` only while it works.

    `menu` names what its menu offers (see task_menu); it is empty for whoever may only read it.
    """

    id: str
    href: str
    title: str
    look: str
    line: str
    at: str
    since: str
    is_unread: bool
    menu: str


@dataclass(frozen=True)
class TaskGroup:
    """A heading of the sidebar."""

    name: str
    count: str
    rows: list[TaskItem]


BLIND = " · takes no images"  # behind the name of a model


def no_images(model: str) -> str:
    """Why images cannot go along."""
    return f"{model} does not take images."


def web_address(url: str) -> str:
    """The address, if it is one of the web; empty otherwise."""
    return url if url.startswith(("https://", "http://")) else ""


def iso(moment: datetime | None) -> str:
    """ISO 8601, empty for none."""
    return moment.isoformat() if moment else ""


def look_of(row: tasks.TaskRow) -> tuple[str, str]:
    """The look and the word of a task's state: one icon, one colour, one word."""
    if row.status == Status.FAILED:
        return "failed", "failed"
    if row.status == Status.CANCELLED:
        return "stopped", "stopped"
    if row.status == Status.RUNNING:
        return "running", "planning" if row.reason == PLANNING else _BUSY.get(Phase(row.phase), "running")
    if row.awaits_approval:
        return "waiting", "waiting for approval"
    if row.status == Status.PENDING:
        return ("waiting", "needs you") if row.waits_for_person else ("queued", "queued")
    if row.outcome in _ENDS:
        return _ENDS[Outcome(row.outcome)]
    if row.pr_status == PullRequestStatus.CLOSED:
        return "closed", "closed"
    if row.verdict == Verdict.FAILED:
        return "unproven", "tests fail"  # handed over all the same, and never in green
    return ("open" if row.pr_number else "answered"), "done"


def reason_of(row: tasks.TaskRow) -> str:
    """Why a task waits or how it failed, as a short line; empty while there is nothing to say."""
    if row.failure:
        return Failure(row.failure).sentence
    reason = (WAITS | _DOES).get(row.reason or "", row.reason or "")
    return reason[:1].upper() + reason[1:]


def task_group(group: tasks.Group, menu_of: Callable[[tasks.TaskRow], str]) -> TaskGroup:
    """A group of the sidebar; what waits or runs is counted."""
    counted = group.name in ("Needs attention", "Running")
    rows = [task_item(row, menu_of(row)) for row in group.rows]
    return TaskGroup(group.name, str(len(rows)) if counted else "", rows)


def task_item(row: tasks.TaskRow, menu: str = "") -> TaskItem:
    """A row of the sidebar."""
    look, word = look_of(row)
    return TaskItem(
        id=str(row.id),
        href=routes.task_page(str(row.id)),
        title=row.title,
        look=look,
        line=_line(row, word),
        at=iso(row.until if row.is_paused else row.updated_at),
        since=iso(row.started_at) if row.status == Status.RUNNING else "",
        is_unread=row.is_unread,
        menu=menu,
    )


def pull_menu(status: str, verdict: str, *, may_push: bool, conflicts: bool) -> str:
    """Which actions a pull request offers (see pull_deeds); empty for whoever may not push, and once it is merged."""
    if not may_push or status == PullRequestStatus.MERGED:
        return ""
    if status == PullRequestStatus.OPEN and conflicts:
        return "stuck"
    return "unproven" if status == PullRequestStatus.OPEN and verdict == Verdict.FAILED else status


def pull_signals(status: str, checks: str | None, review: str | None, conflicts: bool) -> list[str]:
    """What others say of a pull request, as names of pills (see looks); nothing once it is closed."""
    if status not in (PullRequestStatus.OPEN, PullRequestStatus.DRAFT):
        return []
    told = [f"checks_{checks}" if checks else "", review or "", "conflict" if conflicts else ""]
    return [name for name in told if name]


def _line(row: tasks.TaskRow, word: str) -> str:
    whose = [] if row.is_mine else [row.owner]
    parts = [*whose, row.repository.rsplit("/", 1)[-1]]
    if row.status in (Status.FAILED, Status.PENDING):
        parts = [*whose, reason_of(row).rstrip(".") or word]
    elif row.pr_number:
        parts.append(f"{row.pr_status} #{row.pr_number}")
    else:
        parts.append(word)
    if row.verdict == Verdict.FAILED:
        parts.append("tests fail")
    if row.is_demo:
        parts.append("scripted")  # what a script did is said to be one everywhere, and that before its price
    elif row.credits_used:
        parts.append(f"{row.credits_used} credits")
    return " · ".join(parts)

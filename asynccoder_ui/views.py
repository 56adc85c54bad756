"""What pages hold of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass, field
from datetime import datetime

from asynccoder_ui import routes
from backend.services import tasks
from backend.services.credits import LedgerRow
from backend.services.repositories import RepositoryRow
from backend.words import Failure, Outcome, Phase, PullRequestStatus, Status, Verdict

SCRIPTED = "scripted, no AI"
_BUSY = {
    Phase.PREPARING: "preparing",
    Phase.RUNNING: "running",
    Phase.VERIFYING: "verifying",
    Phase.FINISHING: "finishing",
}
_ENDS = {
    Outcome.ANSWERED: ("answered", "answered"),
    Outcome.REVIEWED: ("answered", "reviewed"),
    Outcome.NO_CHANGES: ("unchanged", "no changes"),
    Outcome.MERGED: ("merged", "merged"),
}
_PULLS = {
    PullRequestStatus.DRAFT: ("draft", "draft"),
    PullRequestStatus.OPEN: ("open", "open"),
    PullRequestStatus.MERGED: ("merged", "merged"),
    PullRequestStatus.CLOSED: ("closed", "closed"),
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
class TaskItem:
    """A task in the sidebar. `look` names icon and colour; times are ISO 8601, `since` only while it works."""

    id: str
    href: str
    title: str
    look: str
    line: str
    at: str
    since: str


@dataclass(frozen=True)
class TaskGroup:
    """A heading of the sidebar."""

    name: str
    count: str
    rows: list[TaskItem]


@dataclass(frozen=True)
class TaskFacts:
    """A task's page but for its log, its changes and its waiting messages."""

    id: str = ""
    title: str = ""
    repository: str = ""
    branches: str = ""
    work_branch: str = ""
    model: str = ""
    is_demo: bool = False
    task_type: str = ""
    look: str = "queued"
    word: str = ""
    reason: str = ""
    since: str = ""
    until: str = ""
    can_stop: bool = False
    can_follow_up: bool = False
    wants_credits: bool = False
    base: str = ""
    patch_href: str = ""
    file_count: int = 0
    files_version: str = ""
    started: str = ""
    owner: str = ""


@dataclass(frozen=True)
class RunFacts:
    """The newest run as the rail shows it: whole credits, a percentage, lines of words."""

    number: int = 0
    used: int = 0
    held: int = 0
    percent: int = 0
    credit_line: str = ""
    steps: str = ""
    tokens: str = ""
    jail: str = ""
    attempt: str = ""


@dataclass(frozen=True)
class Evidence:
    """The worker's own run of the tests; `verdict` is empty while there is none."""

    verdict: str = ""
    command: str = ""
    exit_code: str = ""
    duration: str = ""
    sha: str = ""
    log_sha256: str = ""
    sentence: str = ""
    weakened: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pull:
    """A pull request; `number` is 0 while there is none."""

    number: int = 0
    title: str = ""
    look: str = ""
    word: str = ""
    href: str = ""


@dataclass(frozen=True)
class Message:
    """A follow-up that waits."""

    id: str
    text: str


@dataclass(frozen=True)
class RepositoryItem:
    """A repository on its page."""

    id: str
    name: str
    description: str
    facts: str
    is_private: bool
    note: str


@dataclass(frozen=True)
class LedgerItem:
    """A ledger entry: what it did to the balance and to what is held, in words."""

    at: str
    description: str
    amount: str
    held: str
    href: str


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
        return "running", _BUSY.get(Phase(row.phase), "running")
    if row.status == Status.PENDING:
        return ("waiting", "needs you") if row.phase == Phase.PARKED and row.until is None else ("queued", "queued")
    if row.outcome in _ENDS:
        return _ENDS[Outcome(row.outcome)]
    if row.pr_status == PullRequestStatus.CLOSED:
        return "closed", "closed"
    return ("open" if row.pr_number else "answered"), "done"


def reason_of(row: tasks.TaskRow) -> str:
    """Why a task waits or how it failed, as a short line; empty while there is nothing to say."""
    if row.failure:
        return Failure(row.failure).sentence
    reason = row.reason or ""
    return reason[:1].upper() + reason[1:]


def task_group(group: tasks.Group) -> TaskGroup:
    """A group of the sidebar; what waits or runs is counted."""
    counted = group.name in ("Needs attention", "Running")
    return TaskGroup(group.name, str(len(group.rows)) if counted else "", [task_item(row) for row in group.rows])


def task_item(row: tasks.TaskRow) -> TaskItem:
    """A row of the sidebar."""
    look, word = look_of(row)
    return TaskItem(
        id=str(row.id),
        href=routes.task_page(str(row.id)),
        title=row.title,
        look=look,
        line=_line(row, word),
        at=iso(row.updated_at),
        since=iso(row.started_at) if row.status == Status.RUNNING else "",
    )


def task_facts(page: tasks.TaskPage) -> TaskFacts:
    """The head of a task's page."""
    row, run = page.row, page.runs[-1]
    look, word = look_of(row)
    work = page.work_branch or ""
    return TaskFacts(
        id=str(row.id),
        title=row.title,
        repository=row.repository,
        branches=f"{page.branch} → {work}" if work else page.branch,
        work_branch=work,
        model=page.model_display_name,
        is_demo=page.is_demo,
        task_type=_type_name(row.task_type),
        look=look,
        word=word,
        reason=reason_of(row),
        since=iso(run.started_at),
        until=iso(run.ended_at),
        can_stop=page.can_cancel,
        can_follow_up=page.can_follow_up,
        wants_credits="add_credits" in page.actions,
        base=page.target_branch,
        patch_href=routes.patch_file(str(row.id)),
        file_count=len(page.files),
        files_version=f"{run.number}.{len(page.files)}.{row.status}",
        started=iso(run.started_at or row.created_at),
        owner=page.owner,
    )


def run_facts(page: tasks.TaskPage) -> RunFacts:
    """The rail's figures of the newest run."""
    run = page.runs[-1]
    used = run.charged if run.charged is not None else -(-run.cost_micro // 10_000)
    if run.charged is None:
        line = f"of {run.held} held so far"
    else:
        line = f"of {run.held} held, {run.held - run.charged} given back"
    cached = f", {_thousands(run.tokens_cached)} cached" if run.tokens_cached else ""
    return RunFacts(
        number=run.number,
        used=used,
        held=run.held,
        percent=min(100, round(100 * used / run.held)) if run.held else 0,
        credit_line=line,
        steps=str(run.steps),
        tokens=f"{_thousands(run.tokens_in)} in{cached}, {_thousands(run.tokens_out)} out",
        jail=f"{run.sandbox}, network off" if run.sandbox and run.sandbox != "none" else run.sandbox or "",
        attempt=f"{run.attempt} of 3" if run.attempt > 1 else "",
    )


def evidence(row: tasks.EvidenceRow | None) -> Evidence:
    """The evidence in words. The verdict is the worker's, never the model's."""
    if row is None:
        return Evidence()
    sentence = {
        Verdict.VERIFIED: "Run again by the worker on the final commit: the tests pass.",
        Verdict.FAILED: "Run again by the worker on the final commit: the tests fail.",
        Verdict.NOT_RUN: "The tests were not run.",
        Verdict.CANNOT_RUN: "The tests cannot be run here.",
    }[Verdict(row.verdict)]
    return Evidence(
        verdict=row.verdict,
        command=row.command,
        exit_code="" if row.exit_code is None else str(row.exit_code),
        duration=f"{row.duration_ms / 1000:.1f} s" if row.duration_ms else "",
        sha=row.sha[:7],
        log_sha256=row.log_sha256,
        sentence=f"{sentence} {row.reason}".strip(),
        weakened=row.weakened,
    )


def pull(row: tasks.PullRequestRow | None) -> Pull:
    """The pull request in GitHub's own colours."""
    if row is None:
        return Pull()
    look, word = _PULLS[PullRequestStatus(row.status)]
    return Pull(row.number, row.title, look, word, row.url if row.url.startswith(("https://", "http://")) else "")


def repository_item(row: RepositoryRow) -> RepositoryItem:
    """A line of the repositories page."""
    facts = [row.default_branch, row.language, f"{row.access_level} access"]
    return RepositoryItem(
        str(row.id), row.full_name, row.description, " · ".join(filter(None, facts)), row.is_private, row.refusal
    )


def ledger_item(row: LedgerRow) -> LedgerItem:
    """A line of the credits page."""
    href = routes.task_page(str(row.task_id)) if row.task_id else ""
    held = f"{row.held_delta:+d} held" if row.held_delta else ""
    return LedgerItem(iso(row.at), row.description, _signed(row.amount), held.replace("-", "−"), href)


def _line(row: tasks.TaskRow, word: str) -> str:
    parts = [row.repository.rsplit("/", 1)[-1]]
    if row.status in (Status.FAILED, Status.PENDING):
        parts = [reason_of(row) or word]
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


def _type_name(value: str) -> str:
    return "Review" if value == "pr_review" else value.capitalize()


def _thousands(tokens: int) -> str:
    if tokens < 1000:
        return str(tokens)
    return f"{tokens / 1000:.1f}k" if tokens < 100_000 else f"{tokens // 1000}k"


def _signed(amount: int) -> str:
    return f"+{amount}" if amount > 0 else f"−{-amount}" if amount else ""

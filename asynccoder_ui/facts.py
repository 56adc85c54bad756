"""What a task's page holds of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass, field

from asynccoder_ui import routes
from asynccoder_ui.views import SCRIPTED, iso, look_of, reason_of
from backend.services import tasks
from backend.words import PullRequestStatus, Status, Verdict

_PULLS = {
    PullRequestStatus.DRAFT: ("draft", "draft"),
    PullRequestStatus.OPEN: ("open", "open"),
    PullRequestStatus.MERGED: ("merged", "merged"),
    PullRequestStatus.CLOSED: ("closed", "closed"),
}


@dataclass(frozen=True)
class TaskFacts:
    """A task's page but for its log, its changes and its waiting messages."""

    id: str = ""
    title: str = ""
    repository: str = ""
    branches: str = ""
    work_branch: str = ""
    model: str = ""
    script_label: str = ""
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
    sent: str = ""
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
        script_label=SCRIPTED if page.is_demo and "no AI" not in page.model_display_name else "",
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
        sent=iso(row.created_at),
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
        attempt=str(run.attempt) if run.attempt > 1 else "",
    )


def evidence(row: tasks.EvidenceRow | None, status: str) -> Evidence:
    """The evidence in words. The verdict is the worker's, never the model's."""
    if row is None and Status(status).is_end:
        return Evidence(sentence="Nothing was committed, so no tests were run.")
    if row is None:
        return Evidence(sentence="The worker runs the tests itself, on the final commit.")
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


def _type_name(value: str) -> str:
    return "Review" if value == "pr_review" else value.capitalize()


def _thousands(tokens: int) -> str:
    if tokens < 1000:
        return str(tokens)
    return f"{tokens / 1000:.1f}k" if tokens < 100_000 else f"{tokens // 1000}k"

"""What a task's page holds of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass, field
from typing import Any

from asynccoder_ui import routes
from asynccoder_ui.views import SCRIPTED, iso, look_of, no_images, pull_menu, pull_signals, reason_of, web_address
from backend.services import attachments, next_action, tasks
from backend.services.credits import in_dollars, to_credits
from backend.words import Outcome, PullRequestStatus, Status, TaskType, Verdict

_PULLS = {
    PullRequestStatus.DRAFT: ("draft", "draft"),
    PullRequestStatus.OPEN: ("open", "open"),
    PullRequestStatus.MERGED: ("merged", "merged"),
    PullRequestStatus.CLOSED: ("closed", "closed"),
}
_SEVERITY = {"critical": "bad", "major": "bad", "minor": "warn"}
_ANSWERS = {TaskType.PR_REVIEW.value: "Findings", TaskType.ARCHITECT.value: "Plan"}


@dataclass(frozen=True)
class TaskFacts:
    """A task's page but for its log, its changes and its waiting messages.

    `answer` names the tab with the model's words, where those are the result; `archive` is what a click on its button
    would do; a run that `is_paid` has cost something already.
    """

    id: str = ""
    title: str = ""
    repository: str = ""
    branches: str = ""
    work_branch: str = ""
    model: str = ""
    script_label: str = ""
    task_type: str = ""
    plan_first: bool = False
    review: str = ""
    review_href: str = ""
    look: str = "queued"
    word: str = ""
    reason: str = ""
    since: str = ""
    until: str = ""
    goes_on: str = ""  # when a pause is over
    can_stop: bool = False
    can_follow_up: bool = False
    no_more: str = ""
    no_images: str = ""  # why none can go along
    most_images: int = 0
    wants_credits: bool = False
    base: str = ""
    patch_href: str = ""
    file_count: int = 0
    files_version: str = ""
    sent: str = ""
    owner: str = ""
    answer: str = ""
    is_mine: bool = True
    is_shared: bool = False
    can_retry: bool = False
    archive: str = ""
    is_paid: bool = False
    stop_note: str = ""


@dataclass(frozen=True)
class RunFacts:
    """The newest run as the rail shows it: what it used, a percentage of what it may, lines of words.

    `figure` is in credits or, on the own key, in dollars; `glance` is the same in one line; `more` what a click on a
    used-up budget does.
    """

    number: int = 0
    figure: str = ""
    glance: str = ""
    percent: int = 0
    credit_line: str = ""
    more: str = ""
    steps: str = ""
    tokens: str = ""
    jail: str = ""
    attempt: str = ""


@dataclass(frozen=True)
class Evidence:
    """The worker's own run of the tests; while there is no `verdict`, `otherwise` stands in its place."""

    verdict: str = ""
    otherwise: str = "not run yet"
    command: str = ""
    exit_code: str = ""
    duration: str = ""
    sha: str = ""
    log_sha256: str = ""
    sentence: str = ""
    log_end: str = ""
    weakened: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Remark:
    """One finding of a second opinion: where, how bad, what."""

    where: str
    severity: str
    tone: str
    text: str


@dataclass(frozen=True)
class Opinion:
    """What another model said of the changes; `model` is empty where none was asked."""

    model: str = ""
    sentence: str = ""
    cost: str = ""
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True)
class Pull:
    """A pull request; `number` is 0 while there is none, `menu` names what it offers (see pull_deeds)."""

    number: int = 0
    title: str = ""
    look: str = ""
    word: str = ""
    href: str = ""
    menu: str = ""
    sha: str = ""
    signals: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """A task's newest plan; `number` is 0 while there is none. It `waits` until there is a `decision`."""

    number: int = 0
    title: str = ""
    text: str = ""
    decision: str = ""
    words: str = ""
    by: str = ""
    is_edited: bool = False
    until: str = ""
    waits: bool = False
    may_decide: bool = False


@dataclass(frozen=True)
class NextAction:
    """The notice above the reply box; without a `kind` there is none. `brings` are what can be put into the box."""

    kind: str = ""
    sentence: str = ""
    button: str = ""
    brings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """A follow-up that waits, with its images as the log names them."""

    id: str
    text: str
    images: list[dict[str, Any]]


def task_facts(page: tasks.TaskPage) -> TaskFacts:
    """The head of a task's page."""
    row, run = page.row, page.run
    look, word = look_of(row)
    work = page.work_branch or ""
    return TaskFacts(
        id=str(row.id),
        title=row.title,
        repository=row.repository,
        branches=f"{page.branch} → {work}" if work else page.branch,
        work_branch=work,
        model=row.model_name,
        script_label=SCRIPTED if row.is_demo and "no AI" not in row.model_name else "",
        task_type=type_name(row.task_type) + (", planned first" if page.plan_first else ""),
        plan_first=page.plan_first,
        review=f"Review of #{page.review_of}" if page.review_of else "",
        review_href=web_address(page.review_url),
        look=look,
        word=word,
        reason="" if row.awaits_approval else reason_of(row),  # which the word says already
        since="" if row.awaits_approval else iso(run.started_at),
        until=iso(run.ended_at),
        goes_on=iso(row.until) if row.is_paused else "",
        can_stop=page.can_cancel,
        can_follow_up=page.can_follow_up,
        no_more=page.no_more,
        no_images=_no_images(page),
        most_images=max(0, attachments.MOST - page.images),
        wants_credits="add_credits" in page.actions,
        base=page.target_branch,
        patch_href=routes.patch_file(str(row.id)),
        file_count=page.file_count,
        files_version=f"{run.number}.{page.file_count}.{row.status}",
        sent=iso(row.created_at),
        owner=row.owner,
        answer=_answer(page),
        is_mine=row.is_mine,
        is_shared=row.is_shared,
        can_retry=row.is_mine and not row.is_alive and row.can_retry,
        archive=_archive(row),
        is_paid=run.cost_micro > 0,
        stop_note=_stop_note(run),
    )


def _no_images(page: tasks.TaskPage) -> str:
    if not page.takes_images:
        return no_images(page.row.model_name)
    return "" if page.images < attachments.MOST else f"This task has its {attachments.MOST} images already."


def first_tab(page: tasks.TaskPage) -> str:
    """What a reader came for: a plan that waits for them, the answer where there is one, otherwise what happened."""
    if page.can_decide:
        return "plan"
    return "answer" if _answer(page) else "log"


def next_step(page: tasks.TaskPage) -> NextAction:
    """The notice above the reply box."""
    action = next_action.next_action(page)
    if action is None:
        return NextAction()
    return NextAction(action.kind, action.sentence, action.button, [str(kind) for kind in action.brings])


def plan(page: tasks.TaskPage) -> Plan:
    """The newest plan, with what became of it."""
    row = page.plan
    if row is None:
        return Plan()
    return Plan(
        row.number,
        row.title,
        row.text,
        row.decision or "",
        row.words,
        row.by,
        row.is_edited,
        iso(row.until),
        waits=page.row.awaits_approval,
        may_decide=page.can_decide,
    )


def run_facts(page: tasks.TaskPage) -> RunFacts:
    """The rail's figures of the newest run."""
    run = page.run
    used = to_credits(run.cost_micro, run.margin) if run.own_key or run.charged is None else run.charged
    cached = f", {_thousands(run.tokens_cached)} cached" if run.tokens_cached else ""
    return RunFacts(
        number=run.number,
        figure=f"about {in_dollars(used)}" if run.own_key else str(used),
        glance=f"{in_dollars(used)} on an own key" if run.own_key else f"{used} of {run.held} credits",
        percent=min(100, round(100 * used / run.limit)) if run.limit else 0,
        credit_line=_credit_line(run, page.row.is_mine),
        more="Allow as much again" if run.own_key else "Add as many again",
        steps=str(run.steps),
        tokens=f"{_thousands(run.tokens_in)} in{cached}, {_thousands(run.tokens_out)} out",
        jail=f"{run.sandbox}, network off" if run.sandbox and run.sandbox != "none" else run.sandbox or "",
        attempt=str(run.attempt) if run.attempt > 1 else "",
    )


def _credit_line(run: tasks.RunRow, is_mine: bool) -> str:
    if run.own_key:
        whose = "your own key" if is_mine else "its owner's own key"
        most = f", at most {in_dollars(run.limit)}" if run.charged is None else ", no credits"
        return f"on {whose}{most}"
    if run.charged is None:
        return f"of {run.held} held so far"
    return f"of {run.held} held, {run.held - run.charged} given back"


def evidence(row: tasks.EvidenceRow | None, status: str) -> Evidence:
    """The evidence in words. The verdict is the worker's, never the model's."""
    if row is None and Status(status).is_end:
        return Evidence(otherwise="no evidence", sentence="Nothing was committed, so no tests were run.")
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
        log_end=row.log_end,
        weakened=row.weakened,
    )


def opinion(row: tasks.OpinionRow | None) -> Opinion:
    """Another model's words, which are not the worker's evidence."""
    if row is None:
        return Opinion()
    remarks = [
        Remark(f"{one['path']}:{one['line']}", one["severity"], _SEVERITY.get(one["severity"], "line"), one["text"])
        for one in row.findings
    ]
    sentence = row.why or ("" if remarks else "It read the changes and remarks on nothing.")
    if row.left_out:
        sentence = f"{sentence} {row.left_out} changed files did not fit.".strip()
    cost = f"about {in_dollars(to_credits(row.cost_micro))} of the run's cost" if row.cost_micro else ""
    return Opinion(row.model, sentence, cost, remarks)


def pull(row: tasks.PullRequestRow | None, verdict: str = "") -> Pull:
    """The pull request in GitHub's own colours."""
    if row is None:
        return Pull()
    look, word = _PULLS[PullRequestStatus(row.status)]
    menu = pull_menu(row.status, verdict, may_push=row.may_push, conflicts=row.conflicts)
    signals = pull_signals(row.status, row.checks_state, row.review_state, row.conflicts)
    return Pull(row.number, row.title, look, word, web_address(row.url), menu, row.head_sha, signals)


def _answer(page: tasks.TaskPage) -> str:
    if page.row.outcome not in (Outcome.ANSWERED, Outcome.REVIEWED):
        return ""
    return _ANSWERS.get(page.row.task_type, "Answer")


def _stop_note(run: tasks.RunRow) -> str:
    used = to_credits(run.cost_micro, run.margin)
    if run.own_key:
        return f"It has used {in_dollars(used)} on your own key. What it did stays in the log."
    return (
        f"It has used {used} of the {run.held} credits it holds. "
        "What it used is charged, the rest is given back, and what it did stays in the log."
    )


def _archive(row: tasks.TaskRow) -> str:
    if not row.is_mine or row.is_alive:
        return ""
    return "unarchive" if row.is_archived else "archive"


def type_name(value: str) -> str:
    """A task's type as pages spell it."""
    return "Review" if value == "pr_review" else value.capitalize()


def _thousands(tokens: int) -> str:
    if tokens < 1000:
        return str(tokens)
    return f"{tokens / 1000:.1f}k" if tokens < 100_000 else f"{tokens // 1000}k"

"""What others say of a task's pull request, as the follow-up that answers it: reviews, and checks that fail.

Each is read from GitHub when a person asks for it, and put into the reply box, where they see and change it before it
is sent: asking costs no tokens. What others wrote is quoted, without what GitHub's pages do not show.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Session, col, select

from backend import jsonb
from backend.db import transaction
from backend.errors import Conflict, GitHubError, GitHubUnauthorized, NotFound
from backend.github.client import GitHub
from backend.github.types import RemoteRemark, RemoteReview
from backend.hidden_text import plain, visible
from backend.models import PullRequest, Repository, TaskRun, User
from backend.services import access, pull_signals, repositories
from backend.services.issues import quoted
from backend.services.tasks.write import MAX_PROMPT, MAX_PROMPT_BYTES

MOST_REMARKS = 50
MOST_CHECKS = 3  # whose logs are read
_MOST_WORDS = 2_000  # characters of a review or a remark
_MOST_LOG = 6_000  # characters of a check's log
_MOST_LINES = 120
_LONGEST_LINE = 300  # characters
_ERROR = "##[error]"
_STEP = re.compile(r"##\[group\]Run ")
# docs.github.com: "Workflow commands"; each line of a job's log begins with its moment.
_MOMENT = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Kind(StrEnum):
    """What a follow-up answers."""

    REVIEW = "review"
    CHECKS = "checks"


@dataclass(frozen=True)
class _Target:
    pull_id: UUID
    full_name: str
    number: int
    head_sha: str
    since: datetime  # when the newest run was asked for: it knows what was said before


def text(user_id: UUID, task_id: UUID, kind: Kind) -> str:
    """The follow-up, read from GitHub now; nothing is sent.

    Raises NotFound, Forbidden for whoever may not steer the task, Conflict where there is nothing of the kind, and
    GitHub's refusals.
    """
    target = _target(user_id, task_id)
    ask = _reviewed if kind is Kind.REVIEW else _checked
    return _fitting(repositories.with_github(user_id, lambda github: ask(github, target)))


def review_text(number: int, reviews: Sequence[RemoteReview], remarks: Sequence[RemoteRemark]) -> str:
    """What was said of the pull request: reviews as a whole, then line by line."""
    parts = [f"Please address the review of pull request #{number}:"]
    for one in reviews:
        parts.append(f"{one.author or 'Somebody'} wrote:\n\n{quoted(one.body, _MOST_WORDS)}")
    for remark in remarks[:MOST_REMARKS]:
        parts.append(_told(remark))
    if len(remarks) > MOST_REMARKS:
        parts.append(f"({len(remarks) - MOST_REMARKS} more comments are on GitHub)")
    return "\n\n".join(parts)


def failing_part(log: str) -> str:
    """Of a job's log what its first error stands in: the end of that step, without times and colours."""
    lines = _COLOURS.sub("", _MOMENT.sub("", log.replace("\r\n", "\n"))).split("\n")
    end = next((at for at, line in enumerate(lines) if _ERROR in line), None)
    if end is None:
        end = len(lines) - 1
    begin = next((at for at in range(end, -1, -1) if _STEP.search(lines[at])), 0)
    kept = "\n".join(line.replace(_ERROR, "Error: ") for line in lines[max(begin, end - _MOST_LINES) : end + 1]).strip()
    return kept if len(kept) <= _MOST_LOG else f"(cut here)\n{kept[-_MOST_LOG:]}"


def _target(user_id: UUID, task_id: UUID) -> _Target:
    with transaction() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotFound("The person no longer exists.")
        task = access.owned(session, user, task_id)
        return _found(session, task.id)


def _found(session: Session, task_id: UUID) -> _Target:
    found = session.exec(
        select(PullRequest, Repository.full_name)
        .join(Repository, col(Repository.id) == PullRequest.repository_id)
        .where(PullRequest.task_id == task_id)
    ).first()
    if found is None:
        raise NotFound("This task has no pull request.")
    pull, full_name = found
    return _Target(pull.id, full_name, pull.pr_number, pull.head_sha or "", since(session, task_id))


def since(session: Session, task_id: UUID) -> datetime:
    """When the task's newest run was asked for, in GitHub's whole seconds."""
    newest = select(TaskRun.created_at).where(TaskRun.task_id == task_id).order_by(col(TaskRun.number).desc())
    return session.exec(newest.limit(1)).one().replace(microsecond=0)


def _reviewed(github: GitHub, target: _Target) -> str:
    reviews = [
        one
        for one in github.reviews(target.full_name, target.number)
        if one.submitted_at and one.submitted_at >= target.since and visible(one.body).strip()
    ]
    said = [one for one in github.remarks(target.full_name, target.number) if one.created_at >= target.since]
    resolved = github.resolved(target.full_name, target.number) if said else frozenset()
    remarks = [one for one in said if (one.answers or one.github_id) not in resolved]
    if not reviews and not remarks:
        raise Conflict(
            "What was said of the pull request since the last run is resolved."
            if said
            else "Nobody said more of the pull request since the last run."
        )
    return review_text(target.number, reviews, remarks)


def _checked(github: GitHub, target: _Target) -> str:
    with transaction() as session:
        pull = session.exec(select(PullRequest).where(PullRequest.id == target.pull_id)).one()
        failing = [one for one in pull_signals.checks(pull) if one.stand == "failed"]
    if not failing:
        raise Conflict("No check fails any more.")
    parts = [
        f"These checks fail on commit {target.head_sha[:7]} of pull request #{target.number}. "
        "Find the cause and fix it. Do not remove, skip or weaken a test to make them pass."
    ]
    for one in failing[:MOST_CHECKS]:
        parts.append(f"{_name(one.name)}:\n\n{_fenced(_words_of(github, target, one.github_id))}")
    if rest := failing[MOST_CHECKS:]:
        parts.append("These fail too: " + ", ".join(_name(one.name) for one in rest))
    return "\n\n".join(parts)


def _words_of(github: GitHub, target: _Target, check_id: int) -> str:
    """A check's log where it is a job whose log can be read, else what it says of itself."""
    ways: tuple[Callable[[], str], ...] = (
        lambda: plain(failing_part(github.check_log(target.full_name, check_id))),
        lambda: visible(github.check_words(target.full_name, check_id)),
    )
    for read in ways:
        try:
            if words := read().strip():
                return words[-_MOST_LOG:]
        except GitHubUnauthorized:
            raise
        except GitHubError as error:  # another app's, too old, or not for this person: the next way may do
            if error.retry_after is not None:
                raise
    return "(It says nothing that can be read here.)"


def _told(remark: RemoteRemark) -> str:
    where = f"`{_line(remark.path)}:{remark.line}`" if remark.line else f"`{_line(remark.path)}`"
    reads = f"\n\n    {_line(remark.reads.strip())}" if remark.reads.strip() and remark.answers is None else ""
    again = " again" if remark.answers else ""
    return f"{where}, {remark.author or 'somebody'}{again}:{reads}\n\n{quoted(remark.body, _MOST_WORDS) or '(empty)'}"


def _name(words: str) -> str:
    return f"`{_line(words)}`"


def _line(words: str) -> str:
    """Somebody's words within a line of ours, which they cannot break out of."""
    return re.sub(r"[`\x00-\x1f]+", " ", plain(words))[:_LONGEST_LINE]


def _fenced(words: str) -> str:
    fence = "~~~"
    while fence in words:
        fence += "~"
    return f"{fence}\n{words}\n{fence}"


def _fitting(words: str) -> str:
    """As much as a prompt holds."""
    words = words[:MAX_PROMPT]
    while jsonb.size(words) > MAX_PROMPT_BYTES:
        words = words[: len(words) * 9 // 10]
    return words

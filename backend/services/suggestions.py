"""What could be done next in a repository: own pull requests that are stuck, others' to review, issues to start on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, or_, select

from backend.db import transaction
from backend.github.client import GitHub
from backend.models import PullRequest, Task, User
from backend.services import pull_choices, pull_signals, repositories
from backend.services.issues import title_of
from backend.services.pull_choices import PullChoice
from backend.words import ChecksState, PullRequestStatus, ReviewState

MOST = 6
MOST_STUCK = 3
MOST_REVIEWS = 3  # where there are enough issues
CACHE_SECONDS = 60


class Act(StrEnum):
    """What is suggested: to mend failing checks, to answer a review, to resolve a conflict, to review, to start."""

    FIX = "fix"
    ADDRESS = "address"
    RESOLVE = "resolve"
    REVIEW = "review"
    START = "start"


@dataclass(frozen=True)
class Suggestion:
    """One thing to do about pull request or issue `number`; the title is its author's.

    `pull` is what a review would look at, `task_id` whose pull request is stuck, `count` how many checks fail.
    """

    act: Act
    number: int
    title: str
    pull: PullChoice | None = None
    task_id: UUID | None = None
    count: int = 0


def listing(user_id: UUID, repository_id: UUID) -> list[Suggestion]:
    """Up to six: first what is stuck, then what changed last; GitHub is asked at most once a minute per person.

    Raises NotFound, GitHubUnauthorized or GitHubError.
    """
    pulls = pull_choices.listing(user_id, repository_id)
    with transaction() as session:
        login = session.get_one(User, user_id).username.lower()
        ours = _ours(session, repository_id)
        stuck = _stuck(session, user_id, repository_id)
    ready = [one for one in pulls if one.status == PullRequestStatus.OPEN and one.number not in ours]
    ready.sort(key=lambda one: one.author.lower() == login)  # others wait longer than one's own
    issues = [Suggestion(Act.START, number, title) for number, title in _issues(user_id, repository_id)]
    room = max(MOST_REVIEWS, MOST - len(issues) - len(stuck))
    reviews = [Suggestion(Act.REVIEW, one.number, one.title, one) for one in ready[:room]]
    return [*stuck, *reviews, *issues][:MOST]


def _ours(session: Session, repository_id: UUID) -> set[int]:
    """The pull requests that tasks have opened: their task's page is the place for what they need."""
    numbers = select(PullRequest.pr_number).where(PullRequest.repository_id == repository_id)
    return set(session.exec(numbers.where(col(PullRequest.task_id).is_not(None))))


def _stuck(session: Session, user_id: UUID, repository_id: UUID) -> list[Suggestion]:
    """The open pull requests of the person's own tasks that do not get on by themselves."""
    is_stuck = or_(
        col(PullRequest.checks_state) == ChecksState.FAILURE,
        col(PullRequest.review_state) == ReviewState.CHANGES_REQUESTED,
        col(PullRequest.is_mergeable).is_(False),
    )
    rows = session.exec(
        select(PullRequest)
        .join(Task, col(Task.id) == PullRequest.task_id)
        .where(
            Task.user_id == user_id,
            Task.repository_id == repository_id,
            col(Task.deleted_at).is_(None),
            col(Task.archived_at).is_(None),
            col(PullRequest.status).in_([PullRequestStatus.OPEN, PullRequestStatus.DRAFT]),
            is_stuck,
        )
        .order_by(col(PullRequest.updated_at).desc())
        .limit(MOST_STUCK)
    )
    return [_unstuck(row) for row in rows]


def _unstuck(row: PullRequest) -> Suggestion:
    failing = pull_signals.summary(row).failed
    act = Act.RESOLVE
    if row.checks_state == ChecksState.FAILURE:
        act = Act.FIX
    elif row.review_state == ReviewState.CHANGES_REQUESTED:
        act = Act.ADDRESS
    return Suggestion(act, row.pr_number, title_of(row.title), task_id=row.task_id, count=failing)


def _issues(user_id: UUID, repository_id: UUID) -> list[tuple[int, str]]:
    full_name, _ = repositories.named(user_id, repository_id)

    def ask(github: GitHub) -> list[list[Any]]:
        return [[one.number, title_of(one.title)] for one in github.open_issues(full_name)[:MOST]]

    known = repositories.remembered(user_id, f"issues:{repository_id}", ask, CACHE_SECONDS)
    return [(number, title) for number, title in known]

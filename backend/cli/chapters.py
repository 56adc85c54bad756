"""What a seeded demo tells of: which tasks, whose, where and when, and their pull requests on the demo's GitHub."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID, uuid4

import httpx
from sqlmodel import Session, col, select

from backend import clock
from backend.cli.stories import STORIES, Story, told
from backend.errors import Misconfigured
from backend.models import Repository, User, UserRepositoryAccess
from backend.words import Outcome
from backend.workspace.push import work_branch

WEEKS = 4
HUB_SECONDS = 120  # to make thousands of pull requests
# A pull request that a review can look at: open, and by somebody else.
_SHARED = "acme/shop"
_OPEN = {
    "repository": _SHARED,
    "author": "bob",
    "title": "Let customers return single items",
    "body": "Returns were all or nothing. The rules are written down first, the code follows.",
    "head": "single-item-returns",
    "path": "docs/returns.md",
    "before": "",
    "after": "# Returns\n\nSingle items of an order can be returned within 30 days of delivery.\n",
    "merged": False,
    "open": True,
}


@dataclass(frozen=True)
class Chapter:
    """A task to be: whose, where, what, when."""

    task_id: UUID
    user_id: UUID
    repository_id: UUID
    login: str
    full_name: str
    story: Story
    began: datetime
    ended: datetime

    @property
    def branch(self) -> str:
        """Where the work was done."""
        return work_branch(self.task_id.hex[:8], self.story.title)


@dataclass(frozen=True)
class Pull:
    """A pull request as it stands on the demo's GitHub."""

    id: int
    number: int
    url: str
    head_sha: str


def plan(session: Session, count: int) -> list[Chapter]:
    """That many tasks for the people who have signed in. Raises Misconfigured where nobody has."""
    places = _places(session)
    if not places:
        if session.exec(select(User.id).limit(1)).first() is not None:
            raise Misconfigured(
                "Somebody has signed in, but the dashboard has not read their repositories yet.",
                fix="Open the dashboard's home page as alice, then run this again.",
            )
        raise Misconfigured(
            "Nobody has signed in to this demo yet, so there is nobody to make tasks for.",
            fix="Open the dashboard, sign in as alice, then run this again.",
        )
    dice = random.Random(count)
    stories = list(islice(told(dice.sample(STORIES, len(STORIES))), count))
    chapters = []
    for number in range(count):
        user, repository = places[number % len(places)]
        ended = clock.now() - timedelta(minutes=7 + WEEKS * 7 * 24 * 60 * number / count + dice.uniform(0, 90))
        began = ended - timedelta(seconds=dice.uniform(40, 600))
        names = (user.username, repository.full_name)
        chapters.append(Chapter(uuid4(), user.id, repository.id, *names, stories[number], began, ended))
    return chapters


def open_pulls(hub_url: str, chapters: list[Chapter]) -> dict[UUID, Pull]:
    """Has the demo's GitHub make the pull requests that the chapters tell of. Raises Misconfigured where it cannot."""
    telling = [chapter for chapter in reversed(chapters) if chapter.story.has_pull]  # the oldest gets the first number
    wishes: list[Mapping[str, object]] = [_proposal(chapter) for chapter in telling]
    if any(chapter.full_name == _SHARED for chapter in chapters):
        wishes.append({**_OPEN, "ended": int(clock.now().timestamp())})
    try:
        answer = httpx.post(
            f"{hub_url}/_control/past",
            json={"pulls": wishes},
            timeout=HUB_SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Misconfigured(
            f"The demo's GitHub does not answer at {hub_url}.", fix="Start `asynccoder up`, then run this beside it."
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise Misconfigured(
            f"The demo's GitHub refused the pull requests: {answer.text[:300]}",
            fix="Sign in to the dashboard again, so that its repositories are read anew.",
        )
    made = answer.json()["pulls"][: len(telling)]
    return {chapter.task_id: Pull(**one) for chapter, one in zip(telling, made, strict=True)}


def _proposal(chapter: Chapter) -> dict[str, object]:
    story = chapter.story
    return {
        "repository": chapter.full_name,
        "author": chapter.login,
        "title": story.title,
        "body": story.summary,
        "head": chapter.branch,
        "path": story.path,
        "before": "".join(f"{line}\n" for line in story.before),
        "after": "".join(f"{line}\n" for line in story.after),
        "merged": story.outcome is Outcome.MERGED,
        "ended": int(chapter.ended.timestamp()),
    }


def _places(session: Session) -> list[tuple[User, Repository]]:
    rows = session.exec(
        select(User, Repository)
        .join(UserRepositoryAccess, col(UserRepositoryAccess.user_id) == User.id)
        .join(Repository, col(Repository.id) == UserRepositoryAccess.repository_id)
        .where(UserRepositoryAccess.access_level != "read", col(Repository.is_active), ~col(Repository.is_empty))
        .order_by(col(User.username), col(Repository.full_name))
    )
    return list(rows)

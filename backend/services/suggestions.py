"""What could be done next in a repository: open pull requests of others to review, open issues to start on."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from backend import redis
from backend.cache import Cache
from backend.db import transaction
from backend.errors import GitHubNotFound, NotFound
from backend.models import User
from backend.services import pull_choices, repositories
from backend.services.issues import title_of
from backend.services.pull_choices import PullChoice
from backend.settings import get_settings
from backend.words import PullRequestStatus

MOST = 6
MOST_REVIEWS = 3  # where there are enough issues
CACHE_SECONDS = 60


class Act(StrEnum):
    """What is suggested."""

    REVIEW = "review"
    START = "start"


@dataclass(frozen=True)
class Suggestion:
    """One thing to do: review `pull`, or start on issue `number`. The title is its author's."""

    act: Act
    number: int
    title: str
    pull: PullChoice | None = None


def listing(user_id: UUID, repository_id: UUID) -> list[Suggestion]:
    """Up to six, those that changed last first; GitHub is asked at most once a minute per person.

    Raises NotFound, GitHubUnauthorized or GitHubError.
    """
    pulls = pull_choices.listing(user_id, repository_id)
    with transaction() as session:
        login = session.get_one(User, user_id).username.lower()
    ready = [one for one in pulls if one.status == PullRequestStatus.OPEN and one.author.lower() != login]
    issues = [Suggestion(Act.START, number, title) for number, title in _issues(user_id, repository_id)]
    room = max(MOST_REVIEWS, MOST - len(issues))
    return [*(Suggestion(Act.REVIEW, one.number, one.title, one) for one in ready[:room]), *issues][:MOST]


def _issues(user_id: UUID, repository_id: UUID) -> list[tuple[int, str]]:
    full_name, _ = repositories.named(user_id, repository_id)
    cache = Cache(redis.client(get_settings().resolved_redis_url))
    key = f"user:{user_id}:issues:{repository_id}"
    known = cache.get_json(key)
    if known is None:
        try:
            found = repositories.with_github(user_id, lambda github: github.open_issues(full_name))
        except GitHubNotFound as error:
            raise NotFound("GitHub no longer shows this repository to you.") from error
        known = [[one.number, title_of(one.title)] for one in found[:MOST]]
        cache.set_json(key, known, CACHE_SECONDS)
    return [(number, title) for number, title in known]

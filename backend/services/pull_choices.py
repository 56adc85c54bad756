"""The pull requests that a review can look at: open ones by what GitHub lists, any other by its number."""

from dataclasses import asdict, dataclass
from uuid import UUID

from backend import redis
from backend.cache import Cache
from backend.errors import GitHubNotFound, NotFound
from backend.github.types import RemotePull
from backend.services import repositories
from backend.services.issues import title_of
from backend.settings import get_settings

CACHE_SECONDS = 60


@dataclass(frozen=True)
class PullChoice:
    """One line of the picker: `source` into `target`, status one of GitHub's words. Its title is its author's."""

    number: int
    title: str
    author: str
    source: str
    target: str
    status: str


def listing(user_id: UUID, repository_id: UUID) -> list[PullChoice]:
    """The hundred open pull requests that changed last, cached for 60 s per person.

    Raises NotFound, GitHubUnauthorized or GitHubError.
    """
    full_name, _ = repositories.named(user_id, repository_id)
    cache = Cache(redis.client(get_settings().resolved_redis_url))
    key = f"user:{user_id}:pulls:{repository_id}"
    known = cache.get_json(key)
    if known is not None:
        return [PullChoice(**one) for one in known]
    try:
        listed = repositories.with_github(user_id, lambda github: github.open_pulls(full_name))
    except GitHubNotFound as error:
        raise NotFound("GitHub no longer shows this repository to you.") from error
    found = [_choice(pull) for pull in listed]
    cache.set_json(key, [asdict(one) for one in found], CACHE_SECONDS)
    return found


def find(user_id: UUID, repository_id: UUID, number: int) -> PullChoice:
    """One of any state by its number; GitHub is asked. Raises as `listing`, and InvalidInput where there is none."""
    return _choice(repositories.require_pull(user_id, repository_id, number))


def _choice(pull: RemotePull) -> PullChoice:
    source = pull.source or pull.source_branch
    return PullChoice(pull.number, title_of(pull.title), pull.author, source, pull.target_branch, pull.status.value)

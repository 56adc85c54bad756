"""The pull requests that a review can look at: open ones by what GitHub lists, any other by its number."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from backend.github.client import GitHub
from backend.github.types import RemotePull
from backend.services import repositories
from backend.services.issues import title_of

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

    def ask(github: GitHub) -> list[dict[str, Any]]:
        return [asdict(_choice(pull)) for pull in github.open_pulls(full_name)]

    return [PullChoice(**one) for one in repositories.remembered(user_id, f"pulls:{repository_id}", ask, CACHE_SECONDS)]


def find(user_id: UUID, repository_id: UUID, number: int) -> PullChoice:
    """One of any state by its number; GitHub is asked. Raises as `listing`, and InvalidInput where there is none."""
    return _choice(repositories.require_pull(user_id, repository_id, number))


def _choice(pull: RemotePull) -> PullChoice:
    source = pull.source or pull.source_branch
    return PullChoice(pull.number, title_of(pull.title), pull.author, source, pull.target_branch, pull.status.value)

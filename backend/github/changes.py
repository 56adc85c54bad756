"""What a webhook says has changed. Ids are GitHub's own and need 64 bits; times are aware UTC."""

from dataclasses import dataclass
from datetime import datetime

from backend.github.types import RemoteCheck, RemoteIssue, RemotePull, RemoteReview


@dataclass(frozen=True)
class PullRequestChanged:
    """A webhook that shows a pull request: how it stands now, and the review that was sent or taken back, if any."""

    repository_github_id: int
    pull: RemotePull
    review: RemoteReview | None = None
    asked: "Asked | None" = None


@dataclass(frozen=True)
class Asked:
    """A webhook by which a person may ask for a task: a `label` that they put on, else a comment, which is `said`.

    `origin` is the same however often it is told, and names nothing else. The issue or pull request is as it was then;
    `comments` counts those below it, this one included, and `at` is when it was asked, by GitHub's clock.
    """

    repository_github_id: int
    person_github_id: int
    origin: str
    label: str
    said: str
    issue: RemoteIssue
    labels: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class CheckChanged:
    """A `check_run` webhook; `pulls` are the ids of pull requests whose head it is, none for a fork's."""

    repository_github_id: int
    check: RemoteCheck
    pulls: tuple[int, ...]


@dataclass(frozen=True)
class HeadChanged:
    """Something became of a commit or a branch that only a look tells: a suite of checks, a push."""

    repository_github_id: int
    sha: str = ""
    branch: str = ""


@dataclass(frozen=True)
class RepositoryChanged:
    """A `repository` webhook. `updated_at` is GitHub's."""

    github_id: int
    name: str
    full_name: str
    description: str | None
    is_private: bool
    default_branch: str
    language: str | None
    url: str
    clone_url: str
    is_archived: bool
    is_deleted: bool
    updated_at: datetime


@dataclass(frozen=True)
class AccessChanged:
    """Repositories whose people GitHub has changed: `lost` by all, or by the person alone; what they see is stale.

    Whoever reached those `gained` once may do so again. Where GitHub names none, it is all of the owner named.
    """

    person_github_id: int | None
    lost: tuple[int, ...] = ()
    is_for_all: bool = False
    gained: tuple[int, ...] = ()
    lost_owner: str = ""
    gained_owner: str = ""


@dataclass(frozen=True)
class MemberLeft:
    """An `organization` webhook: the person is no member of it any more, and may reach less of it."""

    person_github_id: int
    organisation: str


Change = PullRequestChanged | Asked | CheckChanged | HeadChanged | RepositoryChanged | AccessChanged | MemberLeft

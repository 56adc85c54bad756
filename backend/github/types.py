"""What GitHub tells us, parsed once into values of ours. Ids are GitHub's own and need 64 bits; times are aware UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

from backend.words import PullRequestStatus

AccessLevel = Literal["read", "write", "admin"]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Profile:
    """The person a token belongs to; `email` is None where GitHub hides it."""

    id: int
    login: str
    name: str | None
    email: str | None
    avatar_url: str | None


@dataclass(frozen=True)
class RemoteRepository:
    """A repository as the token's person sees it; without a default branch (`""`) it counts as empty."""

    github_id: int
    owner_login: str
    name: str
    full_name: str
    description: str | None
    is_private: bool
    default_branch: str
    language: str | None
    url: str
    clone_url: str
    access_level: AccessLevel
    is_archived: bool
    is_empty: bool
    is_collaborator: bool
    updated_at: datetime | None = None


@dataclass(frozen=True)
class RepositoryPage:
    """A page of a person's repositories; `last` is the number of the last page, as far as GitHub says."""

    items: tuple[RemoteRepository, ...]
    etag: str | None
    last: int


@dataclass(frozen=True)
class Branch:
    """A branch and the commit it points at."""

    name: str
    sha: str
    is_protected: bool


@dataclass(frozen=True)
class RemotePull:
    """A pull request at one moment; `etag` makes the next look at it conditional, None where that is not known."""

    github_id: int
    number: int
    title: str
    body: str | None
    source_branch: str
    target_branch: str
    status: PullRequestStatus
    url: str
    head_sha: str
    merged_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime
    etag: str | None = None
    author: str = ""  # empty where the account is gone
    source: str = ""  # the source branch, a fork's with its owner before it
    base_sha: str = ""  # the target branch's tip when GitHub last compared
    is_mergeable: bool | None = None  # False is a conflict; None while GitHub has not said


@dataclass(frozen=True)
class RemoteIssue:
    """An issue, or a pull request where `is_pull`: to GitHub's API each of those is an issue too.

    `author` is empty where the account is gone; `comments` counts them.
    """

    number: int
    title: str
    body: str
    author: str
    is_open: bool
    is_pull: bool
    comments: int
    url: str


@dataclass(frozen=True)
class RemoteComment:
    """What somebody said below an issue; `author_id` and `id` are GitHub's own, 0 where the account is gone."""

    author: str
    body: str
    id: int = 0
    author_id: int = 0
    updated_at: datetime | None = None


@dataclass(frozen=True)
class LineComment:
    """A comment to be, on a line of a pull request's new side."""

    path: str
    line: int
    body: str


@dataclass(frozen=True)
class RemoteReview:
    """A review of a pull request. `author` is empty where the account is gone.

    `state` is GitHub's word in lower case: commented, approved, changes_requested, dismissed, pending.
    """

    github_id: int
    author: str
    body: str
    url: str
    state: str = "commented"
    submitted_at: datetime | None = None  # None for one that its author has not sent yet


@dataclass(frozen=True)
class RemoteCheck:
    """A check of a commit; `app` tells two of one name apart. `conclusion` is None until it is completed."""

    github_id: int
    name: str
    app: str
    head_sha: str
    conclusion: str | None
    url: str
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class RemoteRemark:
    """A comment on a line of a pull request; `line` is None where the whole file is meant.

    `reads` is the line as it stood then; `answers` is the id of the comment that began the conversation.
    """

    github_id: int
    author: str
    body: str
    path: str
    line: int | None
    reads: str
    created_at: datetime
    answers: int | None


@dataclass(frozen=True)
class NotModified:
    """GitHub's 304: what the `etag` stands for is still true."""

    etag: str


@dataclass(frozen=True)
class Listed(Generic[Item]):
    """A list at one moment; `etag` is None where the next look at it cannot be conditional."""

    items: tuple[Item, ...]
    etag: str | None = None


@dataclass(frozen=True)
class SignInStart:
    """Where to send the browser; `state` and `verifier` are to be bound to it until it comes back."""

    url: str
    state: str
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Token:
    """A person's token; without an expiry it lasts until it is revoked. The secrets stay out of its repr."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    scopes: tuple[str, ...]

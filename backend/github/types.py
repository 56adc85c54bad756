"""What GitHub tells us, parsed once into values of ours. Ids are GitHub's own and need 64 bits; times are aware UTC."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError

from backend.errors import InvalidInput
from backend.words import PullRequestStatus

AccessLevel = Literal["read", "write", "admin"]
Document = TypeVar("Document", bound=BaseModel)


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
    """What somebody said below an issue."""

    author: str
    body: str


@dataclass(frozen=True)
class LineComment:
    """A comment to be, on a line of a pull request's new side."""

    path: str
    line: int
    body: str


@dataclass(frozen=True)
class RemoteReview:
    """A review of a pull request. `author` is empty where the account is gone."""

    github_id: int
    author: str
    body: str
    url: str


@dataclass(frozen=True)
class NotModified:
    """GitHub's 304: what the `etag` stands for is still true."""

    etag: str


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


@dataclass(frozen=True)
class PullRequestChanged:
    """A `pull_request` webhook: what happened (`action` is GitHub's word) and how the pull request stands now."""

    action: str
    repository_github_id: int
    pull: RemotePull


class _Author(BaseModel):
    login: str


class _Place(BaseModel):
    full_name: str


class _Ref(BaseModel):
    ref: str
    sha: str
    label: str | None = None  # `owner:branch`
    repo: _Place | None = None  # None for a fork that was deleted


class PullDocument(BaseModel):
    """GitHub's JSON of a pull request: what its list, its single answer and its webhook have in common."""

    id: int
    number: int
    title: str
    body: str | None = None
    state: Literal["open", "closed"]
    draft: bool = False
    html_url: str
    user: _Author | None = None
    head: _Ref
    base: _Ref
    merged_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    updated_at: AwareDatetime

    @property
    def status(self) -> PullRequestStatus:
        """GitHub's three fields as one word."""
        if self.merged_at:
            return PullRequestStatus.MERGED
        if self.state == "closed":
            return PullRequestStatus.CLOSED
        return PullRequestStatus.DRAFT if self.draft else PullRequestStatus.OPEN

    def as_pull(self, etag: str | None = None) -> RemotePull:
        """The same as our value."""
        return RemotePull(
            github_id=self.id,
            number=self.number,
            title=self.title,
            body=self.body,
            source_branch=self.head.ref,
            target_branch=self.base.ref,
            status=self.status,
            url=self.html_url,
            head_sha=self.head.sha,
            merged_at=_utc(self.merged_at),
            closed_at=_utc(self.closed_at),
            updated_at=self.updated_at.astimezone(UTC),
            etag=etag,
            author=self.user.login if self.user else "",
            source=self.head.ref if self.head.repo == self.base.repo else self.head.label or self.head.ref,
            base_sha=self.base.sha,
        )


class IssueDocument(BaseModel):
    """GitHub's JSON of an issue."""

    number: int
    title: str
    body: str | None = None
    user: _Author | None = None
    state: str
    comments: int = 0
    html_url: str
    pull_request: dict[str, Any] | None = None

    def as_issue(self) -> RemoteIssue:
        """The same as our value."""
        return RemoteIssue(
            number=self.number,
            title=self.title,
            body=self.body or "",
            author=self.user.login if self.user else "",
            is_open=self.state == "open",
            is_pull=self.pull_request is not None,
            comments=self.comments,
            url=self.html_url,
        )


class CommentDocument(BaseModel):
    """GitHub's JSON of a comment below an issue."""

    body: str | None = None
    user: _Author | None = None

    def as_comment(self) -> RemoteComment:
        """The same as our value."""
        return RemoteComment(self.user.login if self.user else "", self.body or "")


class ReviewDocument(BaseModel):
    """GitHub's JSON of a review."""

    id: int
    body: str | None = None
    user: _Author | None = None
    html_url: str

    def as_review(self) -> RemoteReview:
        """The same as our value."""
        return RemoteReview(self.id, self.user.login if self.user else "", self.body or "", self.html_url)


class ProfileDocument(BaseModel):
    """GitHub's JSON of the signed-in person."""

    id: int
    login: str
    name: str | None = None
    email: str | None = None
    avatar_url: str | None = None


def parse_document(kind: type[Document], data: Any) -> Document:
    """The data as a document of that kind. Raises InvalidInput that names the first field that does not fit."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"]) or "the whole"
        raise InvalidInput(f"GitHub's message does not have the expected shape ({where}).", field=where) from None


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None

"""What GitHub tells us, parsed once into values of ours. Ids are GitHub's own and need 64 bits; times are aware UTC."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError

from backend.errors import InvalidInput
from backend.words import PullRequestStatus

AccessLevel = Literal["read", "write", "admin"]
Document = TypeVar("Document", bound=BaseModel)
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

    `reads` is the line as it stood then; `is_answer` tells one that answers another.
    """

    author: str
    body: str
    path: str
    line: int | None
    reads: str
    created_at: datetime
    is_answer: bool


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


@dataclass(frozen=True)
class PullRequestChanged:
    """A webhook that shows a pull request: how it stands now, and the review that was sent or taken back, if any."""

    repository_github_id: int
    pull: RemotePull
    review: RemoteReview | None = None


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
    """Repositories whose people GitHub has changed: `lost` by all, or by the person alone; what they see is stale."""

    person_github_id: int | None
    lost: tuple[int, ...] = ()
    is_for_all: bool = False


Change = PullRequestChanged | CheckChanged | HeadChanged | RepositoryChanged | AccessChanged


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
    mergeable: bool | None = None

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
            is_mergeable=self.mergeable,
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
    state: str = "commented"
    submitted_at: AwareDatetime | None = None

    def as_review(self) -> RemoteReview:
        """The same as our value; its state is upper case in answers and lower case in webhooks."""
        author, sent = self.user.login if self.user else "", _utc(self.submitted_at)
        return RemoteReview(self.id, author, self.body or "", self.html_url, self.state.lower(), sent)


class _App(BaseModel):
    slug: str | None = None


class CheckDocument(BaseModel):
    """GitHub's JSON of a check run."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None = None
    html_url: str | None = None
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    app: _App | None = None

    def as_check(self) -> RemoteCheck:
        """The same as our value."""
        return RemoteCheck(
            github_id=self.id,
            name=self.name,
            app=(self.app.slug if self.app else None) or "",
            head_sha=self.head_sha,
            conclusion=(self.conclusion or "neutral") if self.status == "completed" else None,
            url=self.html_url or "",
            started_at=_utc(self.started_at),
            completed_at=_utc(self.completed_at),
        )


class RemarkDocument(BaseModel):
    """GitHub's JSON of a comment on a line of a pull request."""

    user: _Author | None = None
    body: str | None = None
    path: str
    line: int | None = None
    original_line: int | None = None
    diff_hunk: str = ""
    created_at: AwareDatetime
    in_reply_to_id: int | None = None

    def as_remark(self) -> RemoteRemark:
        """The same as our value; a hunk ends with the line that is meant, behind its sign."""
        return RemoteRemark(
            author=self.user.login if self.user else "",
            body=self.body or "",
            path=self.path,
            line=self.line or self.original_line,
            reads=self.diff_hunk.rpartition("\n")[2][1:],
            created_at=self.created_at.astimezone(UTC),
            is_answer=self.in_reply_to_id is not None,
        )


class _Output(BaseModel):
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations_count: int = 0


class CheckWordsDocument(BaseModel):
    """What GitHub's JSON of a check run tells of itself."""

    output: _Output | None = None

    @property
    def annotations(self) -> int:
        """How many lines it says something of."""
        return self.output.annotations_count if self.output else 0

    @property
    def words(self) -> str:
        """Its title, summary and text, each a paragraph."""
        told = self.output or _Output()
        return "\n\n".join(dict.fromkeys(part for part in (told.title, told.summary, told.text) if part))


class AnnotationDocument(BaseModel):
    """GitHub's JSON of what a check says of a line."""

    path: str
    start_line: int
    message: str | None = None

    def as_words(self) -> str:
        """As a compiler would say it."""
        return f"{self.path}:{self.start_line}: {self.message or ''}"


class _HookConfig(BaseModel):
    url: str = ""


class HookDocument(BaseModel):
    """GitHub's JSON of a repository's webhook."""

    id: int
    active: bool = True
    config: _HookConfig = _HookConfig()


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

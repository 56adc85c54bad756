"""GitHub's JSON, as far as it is read: shapes that are checked, and become the values of `types`."""

from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from backend.errors import InvalidInput
from backend.github.types import (
    AccessLevel,
    RemoteCheck,
    RemoteComment,
    RemoteIssue,
    RemotePull,
    RemoteRemark,
    RemoteRepository,
    RemoteReview,
)
from backend.words import PullRequestStatus

Document = TypeVar("Document", bound=BaseModel)


class _Author(BaseModel):
    login: str


class _Commenter(_Author):
    id: int


class _Place(BaseModel):
    full_name: str


class _Ref(BaseModel):
    ref: str
    sha: str
    label: str | None = None  # `owner:branch`
    repo: _Place | None = None  # None for a fork that was deleted


class _Owner(_Author):
    type: str = "User"


class _Rights(BaseModel):
    admin: bool = False
    maintain: bool = False
    push: bool = False

    @property
    def level(self) -> AccessLevel:
        """The three levels that we tell apart."""
        if self.admin or self.maintain:
            return "admin"
        return "write" if self.push else "read"


class RepositoryDocument(BaseModel):
    """GitHub's JSON of a repository as a person sees it."""

    id: int
    name: str
    full_name: str
    owner: _Owner
    description: str | None = None
    private: bool
    default_branch: str | None = None
    language: str | None = None
    html_url: str
    clone_url: str
    archived: bool = False
    size: int = 0
    permissions: _Rights = Field(default_factory=_Rights)
    updated_at: AwareDatetime | None = None

    def as_repository(self, *, is_empty: bool) -> RemoteRepository:
        """The same as our value."""
        return RemoteRepository(
            github_id=self.id,
            owner_login=self.owner.login,
            name=self.name,
            full_name=self.full_name,
            description=self.description,
            is_private=self.private,
            default_branch=self.default_branch or "",
            language=self.language,
            url=self.html_url,
            clone_url=self.clone_url,
            access_level=self.permissions.level,
            is_archived=self.archived,
            is_empty=is_empty,
            # A personal repository has an owner (admin) and collaborators, who may write.
            # docs.github.com: "Permission levels for a personal account repository"
            is_collaborator=self.owner.type == "User" and self.permissions.level == "write",
            updated_at=self.updated_at,
        )


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


class InstallationDocument(BaseModel):
    """GitHub's JSON of a GitHub App's installation, of which only the number is needed."""

    id: int


class InstallationTokenDocument(BaseModel):
    """GitHub's JSON of an installation's token, with what it was granted in the end."""

    token: str
    permissions: dict[str, str]


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

    id: int
    body: str | None = None
    user: _Commenter | None = None
    updated_at: AwareDatetime | None = None

    def as_comment(self) -> RemoteComment:
        """The same as our value."""
        author, author_id = (self.user.login, self.user.id) if self.user else ("", 0)
        return RemoteComment(author, self.body or "", self.id, author_id, _utc(self.updated_at))


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

    id: int
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
            github_id=self.id,
            author=self.user.login if self.user else "",
            body=self.body or "",
            path=self.path,
            line=self.line or self.original_line,
            reads=self.diff_hunk.rpartition("\n")[2][1:],
            created_at=self.created_at.astimezone(UTC),
            answers=self.in_reply_to_id,
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

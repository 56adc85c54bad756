"""What GitHub's webhooks hold, as far as we read it.

docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from backend.github.documents import CheckDocument, IssueDocument, PullDocument, ReviewDocument


class IdTold(BaseModel):
    """Something of which only the id is read."""

    id: int


class PersonTold(BaseModel):
    """An account; a bot's `type` is `Bot`."""

    id: int
    type: str = "User"


class LabelTold(BaseModel):
    """A label."""

    name: str


class LabelledPullTold(PullDocument):
    """A pull request with its labels."""

    labels: list[LabelTold] = Field(default_factory=list)
    comments: int = 0


class PullRequestEvent(BaseModel):
    """`pull_request` and `pull_request_review`."""

    action: str
    repository: IdTold
    pull_request: LabelledPullTold
    review: ReviewDocument | None = None
    label: LabelTold | None = None
    sender: PersonTold | None = None


class IssueTold(IssueDocument):
    """An issue, or a pull request as an issue."""

    id: int
    labels: list[LabelTold] = Field(default_factory=list)
    updated_at: AwareDatetime


class IssuesEvent(BaseModel):
    """`issues`."""

    action: str
    repository: IdTold
    issue: IssueTold
    label: LabelTold | None = None
    sender: PersonTold | None = None


class CommentTold(BaseModel):
    """A comment on an issue or a pull request."""

    id: int
    body: str | None = None
    user: PersonTold | None = None
    created_at: AwareDatetime
    performed_via_github_app: dict[str, Any] | None = None


class IssueCommentEvent(BaseModel):
    """`issue_comment`."""

    action: str
    repository: IdTold
    issue: IssueTold
    comment: CommentTold
    sender: PersonTold | None = None


class CheckRunTold(CheckDocument):
    """A check with the pull requests that it belongs to."""

    pull_requests: list[IdTold] = Field(default_factory=list)


class CheckRunEvent(BaseModel):
    """`check_run`."""

    repository: IdTold
    check_run: CheckRunTold


class SuiteTold(BaseModel):
    """A check suite."""

    head_sha: str


class CheckSuiteEvent(BaseModel):
    """`check_suite`."""

    repository: IdTold
    check_suite: SuiteTold


class PushEvent(BaseModel):
    """`push`."""

    ref: str
    repository: IdTold


class RepositoryTold(BaseModel):
    """A repository."""

    id: int
    name: str
    full_name: str
    description: str | None = None
    private: bool
    default_branch: str
    language: str | None = None
    html_url: str
    clone_url: str
    archived: bool = False
    updated_at: AwareDatetime


class RepositoryEvent(BaseModel):
    """`repository`."""

    action: str
    repository: RepositoryTold


class OrganisationTold(BaseModel):
    """An organisation, or a person who is told as one."""

    login: str


class InstallationTold(BaseModel):
    """An installation of a GitHub App."""

    account: OrganisationTold | None = None  # whoever it is installed for


class InstallationEvent(BaseModel):
    """`installation` and `installation_repositories`."""

    action: str
    installation: InstallationTold = Field(default_factory=InstallationTold)
    sender: IdTold | None = None
    repositories: list[IdTold] = Field(default_factory=list)
    repositories_removed: list[IdTold] = Field(default_factory=list)
    repositories_added: list[IdTold] = Field(default_factory=list)


class MembershipTold(BaseModel):
    """Somebody's place in an organisation."""

    user: IdTold | None = None


class OrganisationEvent(BaseModel):
    """`organization`."""

    action: str
    organization: OrganisationTold
    membership: MembershipTold | None = None


class MemberEvent(BaseModel):
    """`member`: somebody's access to a repository."""

    action: str
    repository: IdTold
    member: IdTold | None = None


class TeamMemberEvent(BaseModel):
    """`membership`: somebody's place in a team."""

    member: IdTold | None = None


class TeamEvent(BaseModel):
    """`team`: a team's access to a repository."""

    repository: IdTold | None = None

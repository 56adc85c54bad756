"""Webhooks: whether GitHub sent it, and what it says.

docs.github.com/en/webhooks/webhook-events-and-payloads
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, TypeGuard

from backend.github.changes import (
    AccessChanged,
    Asked,
    Change,
    CheckChanged,
    HeadChanged,
    MemberLeft,
    PullRequestChanged,
    RepositoryChanged,
)
from backend.github.documents import parse_document
from backend.github.types import RemoteIssue
from backend.github.webhook_documents import (
    CheckRunEvent,
    CheckSuiteEvent,
    InstallationEvent,
    IssueCommentEvent,
    IssuesEvent,
    MemberEvent,
    OrganisationEvent,
    PersonTold,
    PullRequestEvent,
    PushEvent,
    RepositoryEvent,
    TeamEvent,
    TeamMemberEvent,
)

_BRANCH = "refs/heads/"
_WHOLE = ("created", "deleted", "suspend", "unsuspend")  # what becomes of an installation as a whole


def verify(secret: str, body: bytes, signature_header: str | None) -> bool:
    """Whether `X-Hub-Signature-256` signs exactly these raw bytes, compared in constant time. Never raises.

    GitHub's documentation: "Validating webhook deliveries". Without a secret nothing is ever valid.
    """
    if not secret or not signature_header:
        return False
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # As bytes: compare_digest raises for text outside ASCII.
    return hmac.compare_digest(expected.encode(), signature_header.encode(errors="replace"))


def parse(event: str, payload: Any) -> Change | None:
    """What a delivery means to us, None for events we do not follow. Raises InvalidInput for a malformed one we do."""
    reader = READERS.get(event)
    return reader(payload) if reader else None


def _pull_request(payload: Any) -> Change:
    told = parse_document(PullRequestEvent, payload)
    review = told.review.as_review() if told.review else None
    return PullRequestChanged(told.repository.id, told.pull_request.as_pull(), review, _pull_label(told))


def _pull_label(told: PullRequestEvent) -> Asked | None:
    if told.action != "labeled" or told.label is None or not _is_human(told.sender):
        return None
    pull = told.pull_request
    return Asked(
        repository_github_id=told.repository.id,
        person_github_id=told.sender.id,
        origin=f"label:{pull.id}:{pull.updated_at.isoformat()}",
        label=told.label.name,
        said="",
        issue=RemoteIssue(
            number=pull.number,
            title=pull.title,
            body=pull.body or "",
            author=pull.user.login if pull.user else "",
            is_open=pull.state == "open",
            is_pull=True,
            comments=pull.comments,
            url=pull.html_url,
        ),
        labels=tuple(one.name for one in pull.labels),
        at=pull.updated_at,
    )


def _issues(payload: Any) -> Change | None:
    """A label that a person put on; it is the moment that tells two of them apart, which GitHub gives no number."""
    told = parse_document(IssuesEvent, payload)
    issue = told.issue
    if told.action != "labeled" or told.label is None or not _is_human(told.sender):
        return None
    return Asked(
        repository_github_id=told.repository.id,
        person_github_id=told.sender.id,
        origin=f"label:{issue.id}:{issue.updated_at.isoformat()}",
        label=told.label.name,
        said="",
        issue=issue.as_issue(),
        labels=tuple(one.name for one in issue.labels),
        at=issue.updated_at,
    )


def _issue_comment(payload: Any) -> Change | None:
    """A comment that a person wrote by hand; one that was edited since says nothing new."""
    told = parse_document(IssueCommentEvent, payload)
    issue, comment = told.issue, told.comment
    is_by_hand = _is_human(comment.user) and _is_human(told.sender) and comment.performed_via_github_app is None
    if told.action != "created" or comment.user is None or not is_by_hand:
        return None
    return Asked(
        repository_github_id=told.repository.id,
        person_github_id=comment.user.id,
        origin=f"comment:{comment.id}",
        label="",
        said=comment.body or "",
        issue=issue.as_issue(),
        labels=tuple(one.name for one in issue.labels),
        at=comment.created_at,
    )


def _is_human(person: PersonTold | None) -> TypeGuard[PersonTold]:
    return person is not None and person.type == "User"


def _check_run(payload: Any) -> Change:
    told = parse_document(CheckRunEvent, payload)
    pulls = tuple(one.id for one in told.check_run.pull_requests)
    return CheckChanged(told.repository.id, told.check_run.as_check(), pulls)


def _check_suite(payload: Any) -> Change:
    told = parse_document(CheckSuiteEvent, payload)
    return HeadChanged(told.repository.id, sha=told.check_suite.head_sha)


def _push(payload: Any) -> Change | None:
    told = parse_document(PushEvent, payload)
    if not told.ref.startswith(_BRANCH):
        return None
    return HeadChanged(told.repository.id, branch=told.ref.removeprefix(_BRANCH))


def _repository(payload: Any) -> Change:
    told = parse_document(RepositoryEvent, payload)
    one = told.repository
    return RepositoryChanged(
        github_id=one.id,
        name=one.name,
        full_name=one.full_name,
        description=one.description,
        is_private=one.private,
        default_branch=one.default_branch,
        language=one.language,
        url=one.html_url,
        clone_url=one.clone_url,
        is_archived=one.archived,
        is_deleted=told.action == "deleted",
        updated_at=one.updated_at,
    )


def _installation(payload: Any) -> Change:
    """A GitHub App's tokens reach what it is installed on, and nothing else."""
    told = parse_document(InstallationEvent, payload)
    is_end = told.action in ("deleted", "suspend")
    lost = told.repositories if is_end else told.repositories_removed
    gained = [] if is_end else [*told.repositories, *told.repositories_added]
    person, account = told.sender.id if told.sender else None, told.installation.account
    ids = [tuple(one.id for one in listed) for listed in (lost, gained)]
    owner = account.login if account and not any(ids) and told.action in _WHOLE else ""
    return AccessChanged(
        person,
        ids[0],
        is_for_all=True,
        gained=ids[1],
        lost_owner=owner if is_end else "",
        gained_owner="" if is_end else owner,
    )


def _member(payload: Any) -> Change | None:
    told = parse_document(MemberEvent, payload)
    if told.member is None:
        return None
    return AccessChanged(told.member.id, (told.repository.id,) if told.action == "removed" else ())


def _team_member(payload: Any) -> Change | None:
    told = parse_document(TeamMemberEvent, payload)
    return AccessChanged(told.member.id) if told.member else None


def _team(payload: Any) -> Change | None:
    """Nobody says who is in the team: whoever reaches its repository looks anew."""
    told = parse_document(TeamEvent, payload)
    return AccessChanged(None, gained=(told.repository.id,)) if told.repository else None


def _organization(payload: Any) -> Change | None:
    told = parse_document(OrganisationEvent, payload)
    if told.action != "member_removed" or told.membership is None or told.membership.user is None:
        return None
    return MemberLeft(told.membership.user.id, told.organization.login)


READERS: dict[str, Callable[[Any], Change | None]] = {
    "pull_request": _pull_request,
    "pull_request_review": _pull_request,
    "pull_request_review_comment": _pull_request,
    "issues": _issues,
    "issue_comment": _issue_comment,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "push": _push,
    "repository": _repository,
    "installation": _installation,
    "installation_repositories": _installation,
    "member": _member,
    "membership": _team_member,
    "organization": _organization,
    "team": _team,
}

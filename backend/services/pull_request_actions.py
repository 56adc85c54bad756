"""What can be done to a task's pull request from here: merge, close, open again, call it ready for review.

GitHub does it in the name of the person who clicked, and decides; what it says afterwards is kept at once, so that a
click whose answer was lost, a second one, and one that came too late are all told how the pull request stands.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from sqlmodel import Session, col, select

from backend.db import transaction
from backend.errors import Conflict, Forbidden, GitHubError, GitHubNotFound, GitHubUnauthorized, NotFound
from backend.github.client import GitHub
from backend.github.types import RemotePull
from backend.models import PullRequest, Repository, Task, User
from backend.services import access, pull_requests, repositories
from backend.words import PullRequestStatus

_DRAFT, _OPEN = PullRequestStatus.DRAFT, PullRequestStatus.OPEN
_MERGED, _CLOSED = PullRequestStatus.MERGED, PullRequestStatus.CLOSED


class Deed(StrEnum):
    """What a click does; a merge is one with a merge commit."""

    MERGE = "merge"
    SQUASH = "squash"
    READY = "ready"
    CLOSE = "close"
    REOPEN = "reopen"


_MERGES = (Deed.MERGE, Deed.SQUASH)
_ENDS = {
    Deed.MERGE: (_MERGED,),
    Deed.SQUASH: (_MERGED,),
    Deed.READY: (_OPEN,),
    Deed.CLOSE: (_CLOSED,),
    Deed.REOPEN: (_OPEN, _DRAFT),
}
_OFFERED = {
    _DRAFT: [Deed.READY, Deed.CLOSE],
    _OPEN: [Deed.MERGE, Deed.SQUASH, Deed.CLOSE],
    _CLOSED: [Deed.REOPEN],
    _MERGED: list[Deed](),
}
_REFUSALS = {
    _DRAFT: "It is a draft. Mark it ready for review first.",
    _OPEN: "It is open and ready already.",
    _CLOSED: "It is closed. Open it again first.",
    _MERGED: "It is merged already.",
}


@dataclass(frozen=True)
class _Target:
    full_name: str
    repository_id: UUID
    number: int
    github_id: int
    status: PullRequestStatus


def offered(status: PullRequestStatus, *, may_push: bool) -> list[Deed]:
    """What somebody may do to a pull request in this state, the likeliest first."""
    return _OFFERED[status] if may_push else []


def do(user_id: UUID, task_id: UUID, deed: Deed, sha: str = "") -> PullRequestStatus:
    """Does it to the task's pull request, and gives its state from then on; what is so already is done.

    A merge names the head that was looked at. Raises NotFound, Forbidden for whoever may not push, Conflict for another
    state or another head, and GitHub's refusals.
    """
    target = _target(user_id, task_id)
    if target.status in _ENDS[deed]:
        return target.status
    if deed not in _OFFERED[target.status]:
        raise Conflict(_REFUSALS[target.status])
    if deed in _MERGES and not sha:
        raise Conflict("Its head is not known yet. Sync the pull request, then try again.")
    now, refused = repositories.with_github(user_id, lambda github: _asked(github, target, deed, sha))
    with transaction() as session:
        pull_requests.observe(session, target.repository_id, now)
    if refused is None or now.status in _ENDS[deed]:
        return now.status
    if deed in _MERGES and now.head_sha != sha and now.status in (_OPEN, _DRAFT):
        raise Conflict(f"Somebody pushed to it: its head is {now.head_sha[:7]} now. Look at that, then merge it.")
    raise refused


def _target(user_id: UUID, task_id: UUID) -> _Target:
    with transaction() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotFound("The person no longer exists.")
        task = access.readable(session, user, task_id)
        return _found(session, user, task)


def _found(session: Session, user: User, task: Task) -> _Target:
    statement = (
        select(PullRequest, Repository, access.pushable(user))
        .join(Repository, col(Repository.id) == PullRequest.repository_id)
        .where(PullRequest.task_id == task.id)
    )
    found = session.exec(statement).first()
    if found is None:
        raise NotFound("This task has no pull request.")
    pull, repository, may_push = found
    if not may_push:
        raise Forbidden("Only who may push to the repository can do this.")
    status = PullRequestStatus(pull.status)
    return _Target(repository.full_name, repository.id, pull.pr_number, pull.github_pr_id, status)


def _asked(github: GitHub, target: _Target, deed: Deed, sha: str) -> tuple[RemotePull, GitHubError | None]:
    """How it stands once GitHub was asked, and GitHub's refusal: a click before this one may have done it.

    Raises GitHubNotFound where another repository has the name by now, and its own pull request this number.
    """
    refused = None
    if _looked(github, target).github_id != target.github_id:
        raise GitHubNotFound(f"Another repository is called {target.full_name} on GitHub now. Sync your repositories.")
    try:
        _ask(github, target, deed, sha)
    except GitHubError as error:
        if isinstance(error, GitHubUnauthorized) or error.retry_after is not None:
            raise
        refused = error
    return _looked(github, target), refused


def _looked(github: GitHub, target: _Target) -> RemotePull:
    now = github.pull(target.full_name, target.number)
    assert isinstance(now, RemotePull)  # without an ETag nothing is "not modified"
    return now


def _ask(github: GitHub, target: _Target, deed: Deed, sha: str) -> None:
    match deed:
        case Deed.MERGE:
            github.merge_pull(target.full_name, target.number, sha=sha, method="merge")
        case Deed.SQUASH:
            github.merge_pull(target.full_name, target.number, sha=sha, method="squash")
        case Deed.READY:
            github.mark_ready(target.full_name, target.number)
        case Deed.CLOSE:
            github.update_pull(target.full_name, target.number, state="closed")
        case Deed.REOPEN:
            github.update_pull(target.full_name, target.number, state="open")
        case _:
            assert_never(deed)

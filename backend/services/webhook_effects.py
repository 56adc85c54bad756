"""What GitHub's webhooks change of our world: each twice as good as once, and the older never over the newer."""

from sqlalchemy import delete, text, update
from sqlmodel import Session, col, or_, select

from backend.db import for_update
from backend.github.changes import (
    AccessChanged,
    Asked,
    Change,
    CheckChanged,
    HeadChanged,
    PullRequestChanged,
    RepositoryChanged,
)
from backend.models import PullRequest, Repository, Task, User, UserRepositoryAccess
from backend.services import pull_requests, pull_signals, triggers


def apply(session: Session, change: Change) -> None:
    """Applies it; what it says of repositories and people that nobody here has seen is left alone."""
    match change:
        case PullRequestChanged():
            _pull_request(session, change)
        case Asked():
            triggers.note(session, change)
        case CheckChanged():
            _check(session, change)
        case HeadChanged():
            _head(session, change)
        case RepositoryChanged():
            _repository(session, change)
        case AccessChanged():
            _access(session, change)


def _pull_request(session: Session, change: PullRequestChanged) -> None:
    known = _repository_of(session, change.repository_github_id)
    if known is None:
        return
    pull_requests.observe(session, known.id, change.pull)
    if change.asked is not None:
        triggers.note(session, change.asked)
    ours = col(PullRequest.github_pr_id) == change.pull.github_id
    # A new head's checks may have been told before it, and whether it merges is told later: nobody says when.
    pull_requests.ask_soon(session, ours, col(PullRequest.is_mergeable).is_(None))
    if change.review is None:
        return
    found = session.exec(for_update(select(PullRequest).where(ours))).first()
    if found is not None and pull_signals.note_reviews(found, [change.review]):
        _keep(session, found)


def _check(session: Session, change: CheckChanged) -> None:
    known = _repository_of(session, change.repository_github_id)
    if known is None:
        return
    here = col(PullRequest.repository_id) == known.id
    at_head = select(PullRequest).where(here, col(PullRequest.head_sha) == change.check.head_sha)
    for found in session.exec(for_update(at_head)).all():
        if pull_signals.note_checks(found, [change.check]):
            _keep(session, found)
    # It may be a head that we have not been told of yet.
    unknown = col(PullRequest.head_sha).is_distinct_from(change.check.head_sha)
    pull_requests.ask_soon(session, here, col(PullRequest.github_pr_id).in_(change.pulls), unknown)


def _head(session: Session, change: HeadChanged) -> None:
    known = _repository_of(session, change.repository_github_id)
    if known is None:
        return
    is_meant = col(PullRequest.head_sha) == change.sha
    if change.branch:  # a moved base may make a conflict or end one; a moved or deleted source changes everything
        ends = (PullRequest.source_branch, PullRequest.target_branch)
        is_meant = or_(*(col(end) == change.branch for end in ends))
    pull_requests.ask_soon(session, col(PullRequest.repository_id) == known.id, is_meant)


def _repository(session: Session, change: RepositoryChanged) -> None:
    known = session.exec(for_update(select(Repository).where(Repository.github_id == change.github_id))).first()
    if known is None or (known.observed_at is not None and change.updated_at < known.observed_at):
        return
    if change.full_name != known.full_name:  # renamed or transferred: who may do what is to be asked anew
        _forget_syncs(session, known)
    known.name, known.full_name, known.description = change.name, change.full_name, change.description
    known.is_private, known.is_archived = change.is_private, change.is_archived
    known.default_branch, known.language = change.default_branch, change.language
    known.url, known.clone_url = change.url, change.clone_url
    known.is_active = not change.is_deleted
    known.observed_at = change.updated_at
    session.add(known)


def _access(session: Session, change: AccessChanged) -> None:
    person = session.exec(select(User.id).where(User.github_id == change.person_github_id)).first()
    lost = select(Repository.id).where(col(Repository.github_id).in_(change.lost))
    gone = delete(UserRepositoryAccess).where(col(UserRepositoryAccess.repository_id).in_(lost))
    if not change.is_for_all:
        gone = gone.where(col(UserRepositoryAccess.user_id) == person)
    session.execute(gone)
    if person is not None:  # what was added is fetched at their next look
        session.execute(text("UPDATE users SET repositories_synced_at = NULL WHERE id = :id"), {"id": person})


def _forget_syncs(session: Session, known: Repository) -> None:
    with_access = select(UserRepositoryAccess.user_id).where(UserRepositoryAccess.repository_id == known.id)
    session.execute(update(User).where(col(User.id).in_(with_access)).values(repositories_synced_at=None))


def _repository_of(session: Session, github_id: int) -> Repository | None:
    return session.exec(select(Repository).where(Repository.github_id == github_id)).first()


def _keep(session: Session, found: PullRequest) -> None:
    session.add(found)
    if found.task_id is not None:
        pull_requests.ring(session, session.get_one(Task, found.task_id))

"""What GitHub's webhooks change of our world: each twice as good as once, and the older never over the newer."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from backend import events
from backend.db import after_commit, for_update
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
from backend.models import LostAccess, PullRequest, Repository, Task, User, UserRepositoryAccess
from backend.queue import ring_chore
from backend.services import (
    membership,
    notices,
    pull_requests,
    pull_signals,
    repositories,
    repository_syncs,
    triggers,
)
from backend.settings import get_settings


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
        case MemberLeft():
            _organisation(session, change)


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
    was_active = known.is_active
    # Who may do what is to be asked anew: what a new owner or privacy takes from people, nobody else tells.
    is_elsewhere = _owner(change.full_name) != _owner(known.full_name)
    if is_elsewhere or (change.is_private and not known.is_private):
        _sync_all(session, known)
    known.name, known.full_name, known.description = change.name, change.full_name, change.description
    known.is_private, known.is_archived = change.is_private, change.is_archived
    known.default_branch, known.language = change.default_branch, change.language
    known.url, known.clone_url = change.url, change.clone_url
    known.is_active = not change.is_deleted
    known.observed_at = change.updated_at
    session.add(known)
    session.flush()
    if change.is_deleted:
        repositories.lose(session, "repository_id = :id", id=known.id)
    elif not was_active:  # restored
        _forget_syncs(session, _with_ids([known.github_id]))
    _ring_lists(session, known)


def _access(session: Session, change: AccessChanged) -> None:
    person = session.exec(select(User.id).where(User.github_id == change.person_github_id)).first()
    whose = "" if change.is_for_all else " AND user_id = :person"
    lost = "repository_id IN (SELECT id FROM repositories WHERE github_id = ANY(:lost))"
    if change.lost and (change.is_for_all or person is not None):
        repositories.lose(session, lost + whose, lost=list(change.lost), person=person)
    if change.lost_owner:
        ids = session.exec(_of_owner(change.lost_owner)).all()
        repositories.lose(session, "repository_id = ANY(:ids)", ids=list(ids))
    if change.gained:
        _forget_syncs(session, _with_ids(change.gained))
    if change.gained_owner:
        _forget_syncs(session, _of_owner(change.gained_owner))
    if person is not None:
        _sync(session, person)


def _organisation(session: Session, change: MemberLeft) -> None:
    """Asked of GitHub itself, at once: whether they may still come in, and what they still reach."""
    person = session.exec(select(User.id).where(User.github_id == change.person_github_id)).first()
    if person is None:
        return
    if change.organisation.lower() in get_settings().allowed_orgs:
        session.execute(update(User).where(col(User.id) == person).values(organisations_checked_at=None))
        after_commit(session, lambda: ring_chore(membership.CHORE))
    _sync(session, person)


def _sync_all(session: Session, known: Repository) -> None:
    """For whoever reaches it; in one order for everyone."""
    reaching = select(UserRepositoryAccess.user_id).where(UserRepositoryAccess.repository_id == known.id)
    for person in session.exec(reaching.order_by(col(UserRepositoryAccess.user_id))).all():
        _sync(session, person)


def _sync(session: Session, person: UUID) -> None:
    """What they reach is asked of GitHub now, where they are connected, else at their next look."""
    _forget_sync_of(session, col(User.id) == person)
    if session.get_one(User, person).is_github_connected:
        repository_syncs.ask(session, person)


def _with_ids(github_ids: Sequence[int]) -> SelectOfScalar[UUID]:
    return select(Repository.id).where(col(Repository.github_id).in_(github_ids))


def _of_owner(login: str) -> SelectOfScalar[UUID]:
    return select(Repository.id).where(func.lower(func.split_part(Repository.full_name, "/", 1)) == login.lower())


def _owner(full_name: str) -> str:
    return full_name.partition("/")[0].lower()


def _forget_syncs(session: Session, ids: SelectOfScalar[UUID]) -> None:
    """Has whoever reaches these, or did once, ask GitHub at their next look."""
    for known in (UserRepositoryAccess, LostAccess):
        with_access = select(known.user_id).where(col(known.repository_id).in_(ids))
        _forget_sync_of(session, col(User.id).in_(with_access))


def _forget_sync_of(session: Session, whose: ColumnElement[bool]) -> None:
    session.execute(update(User).where(whose).values(repositories_synced_at=None))
    repository_syncs.ask_anew(session, whose)


def _ring_lists(session: Session, known: Repository) -> None:
    """Rings for those whose lists show it, or have just stopped to."""
    topics = [
        events.user_topic(user_id)
        for model in (UserRepositoryAccess, LostAccess)
        for user_id in session.exec(select(model.user_id).where(model.repository_id == known.id))
    ]
    if topics:
        after_commit(session, partial(events.ring_all, topics, str(known.id), 0, notices.LIST))


def _repository_of(session: Session, github_id: int) -> Repository | None:
    return session.exec(select(Repository).where(Repository.github_id == github_id)).first()


def _keep(session: Session, found: PullRequest) -> None:
    session.add(found)
    if found.task_id is not None:
        pull_requests.ring(session, session.get_one(Task, found.task_id))

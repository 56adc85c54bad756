"""Pull requests as GitHub tells them: by webhook, by poll, or in an answer to us. Newer wins, twice is once."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, case, text, update
from sqlmodel import Session, col, func, select

from backend import clock, events, jsonb, log
from backend.db import after_commit, for_update, lock, transaction
from backend.errors import AsyncCoderError, GitHubError, GitHubUnauthorized, Unavailable
from backend.github.client import GitHub
from backend.github.lines import Lines
from backend.github.types import Listed, NotModified, RemoteCheck, RemotePull, RemoteReview
from backend.models import PullRequest, Repository, Task, TaskRun, User, UserRepositoryAccess
from backend.queue import ring_chore
from backend.services import analytics, notices, progress, pull_signals, repositories
from backend.services.progress import Report
from backend.words import EventKind, Outcome, PullRequestStatus, Status

CHORE = "poll_pull_requests"
SYNC = "pull_requests"
SYNC_REST_SECONDS = 10
SYNCERS = 2  # at once for one person's own wish: the pages share this process's connections
POLLERS = 8  # at once; each needs a database connection, and db.POOL_SIZE holds more
POLL_AFTER_SECONDS = 45  # since the last question; the schedule looks every 15 s, so that none waits for over a minute
CLOSED_DAYS = 30  # after which nobody asks any more whether it was opened again
_TITLE = 1_000  # bytes of a title in the log; GitHub takes 256 characters
_log = log.get(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class PollTarget:
    """A pull request that GitHub is to be asked about, as its task's owner."""

    id: UUID
    user_id: UUID
    full_name: str
    repository_id: UUID
    number: int
    etag: str | None
    head_sha: str | None
    checks_etag: str | None
    reviews_etag: str | None


@dataclass(frozen=True)
class Polled:
    """How many pull requests had changed, were left for lack of time, were to be asked about; the first trouble."""

    changed: int
    left: int
    wanted: int = 0
    trouble: AsyncCoderError | None = None


def observe(session: Session, repository_id: UUID, pull: RemotePull, *, task_id: UUID | None = None) -> bool:
    """Keeps what GitHub says of a pull request, unless something newer is known. Returns whether anything changed.

    Only pull requests that belong to a task of ours are kept: `task_id` names it the first time, and again where
    the task goes on with another one, which then takes the first one's place. Locks the task first.
    """
    known = session.exec(select(PullRequest).where(PullRequest.github_pr_id == pull.github_id)).first()
    owner_task = known.task_id if known else task_id
    if owner_task is None:
        return False
    task = lock(session, Task, owner_task)
    known = session.exec(for_update(select(PullRequest).where(PullRequest.github_pr_id == pull.github_id))).first()
    if known is None:
        known = session.exec(select(PullRequest).where(PullRequest.task_id == task.id)).first() or PullRequest(
            task_id=task.id,
            repository_id=repository_id,
            github_pr_id=pull.github_id,
            pr_number=pull.number,
            title=pull.title,
            source_branch=pull.source_branch,
            target_branch=pull.target_branch,
            status=pull.status,
            url=pull.url,
        )
        known.github_pr_id, known.pr_number, known.source_branch = pull.github_id, pull.number, pull.source_branch
        known.etag = known.head_sha = before = None
    elif _is_stale(known, pull):
        return False
    else:
        before = known.status
    signals = (known.head_sha, known.is_mergeable)
    _copy(known, pull)
    session.add(known)
    session.flush()
    if before == pull.status:
        if signals != (known.head_sha, known.is_mergeable):
            ring(session, task)
        return False
    _tell(session, task, known)
    return True


def ring(session: Session, task: Task) -> None:
    """Rings for whoever sees the task's pull request: more than its status has changed."""
    notices.ring_list(session, task.user_id, task.id)
    notices.ring_readers(session, task)


def ask_soon(session: Session, *which: ColumnElement[bool]) -> None:
    """Has GitHub asked about these pull requests at the next opportunity, and rings for that."""
    wanted = update(PullRequest).where(*which, col(PullRequest.status) != PullRequestStatus.MERGED)
    if session.execute(wanted.values(polled_at=None).returning(col(PullRequest.id))).first():
        after_commit(session, partial(ring_chore, CHORE))


def due(session: Session, limit: int = 500) -> list[PollTarget]:
    """The pull requests that GitHub was not asked about for a while, those first that are due for longest.

    A closed one may be opened again and merged: it is asked about more and more rarely, and at last no more.
    """
    polled_at, status = col(PullRequest.polled_at), col(PullRequest.status)
    closed_for = func.now() - func.coalesce(PullRequest.closed_at, PullRequest.observed_at, PullRequest.created_at)
    pause = case(
        (status != PullRequestStatus.CLOSED, timedelta(seconds=POLL_AFTER_SECONDS)),
        (closed_for < timedelta(days=1), timedelta(minutes=10)),
        else_=timedelta(hours=1),
    )
    is_watched = (status == PullRequestStatus.CLOSED) & (closed_for < timedelta(days=CLOSED_DAYS))
    return _targets(
        session,
        status.in_([PullRequestStatus.OPEN, PullRequestStatus.DRAFT]) | is_watched,
        polled_at.is_(None) | (polled_at + pause < func.now()),
        col(User.is_github_connected),  # a dead token is not tried again
        col(User.disabled_at).is_(None),
        order=(polled_at + pause).asc().nulls_first(),
        limit=limit,
    )


def poll(may_go_on: Callable[[], bool] = lambda: True) -> Polled:
    """Asks GitHub about the pull requests that are due, those first that were not asked about for longest.

    One person's trouble (a dead token, a rate limit, a vanished repository) does not keep the others waiting. The first
    few are asked in any case, the others while `may_go_on()`.
    """
    with transaction() as session:
        targets = due(session)
    return _ask_all(targets, may_go_on=may_go_on)


def sync(user_id: UUID) -> Polled:
    """Asks GitHub about all open pull requests of this person, at most every ten seconds.

    Raises Conflict where that was done a moment ago, or the first trouble after all were asked about.
    """

    def work(report: Report) -> Polled:
        with transaction() as session:
            targets = _targets(
                session,
                Task.user_id == user_id,
                col(PullRequest.status).in_([PullRequestStatus.OPEN, PullRequestStatus.DRAFT]),
                order=col(PullRequest.polled_at).asc().nulls_first(),
            )
        answered = itertools.count(1)
        polled = _ask_all(targets, pollers=SYNCERS, heard=lambda: report(next(answered), len(targets)))
        if polled.trouble:
            raise polled.trouble
        return polled

    return progress.once(user_id, SYNC, work, rest=SYNC_REST_SECONDS)


_is_reachable = (col(UserRepositoryAccess.user_id) == Task.user_id) & (  # GitHub has nothing to say of any other
    col(UserRepositoryAccess.repository_id) == PullRequest.repository_id
)


def _targets(session: Session, *conditions: Any, order: Any, limit: int = 500) -> list[PollTarget]:
    wanted = (
        PullRequest.id, Task.user_id, Repository.full_name, PullRequest.repository_id, PullRequest.pr_number,
        PullRequest.etag, PullRequest.head_sha, PullRequest.checks_etag, PullRequest.reviews_etag,
    )  # fmt: skip
    rows = session.execute(
        sqlalchemy.select(*(col(one) for one in wanted))
        .select_from(PullRequest)
        .join(Task, col(Task.id) == PullRequest.task_id)
        .join(User, col(User.id) == Task.user_id)
        .join(Repository, col(Repository.id) == PullRequest.repository_id)
        .join(UserRepositoryAccess, _is_reachable)
        .where(col(Task.deleted_at).is_(None), col(Repository.is_active), *conditions)
        .order_by(order, col(PullRequest.id))
        .limit(limit)
    )
    return [PollTarget(*row) for row in rows]


def _ask_all(
    targets: list[PollTarget],
    *,
    may_go_on: Callable[[], bool] = lambda: True,
    pollers: int = POLLERS,
    heard: Callable[[], None] = lambda: None,
) -> Polled:
    first, refused = targets[:pollers], set[UUID]()  # whom GitHub told to come back later, or not at all
    troubles: list[AsyncCoderError] = []

    def ask(target: PollTarget) -> bool | None:
        try:
            return _ask(target, refused, lines) if target in first or may_go_on() else None
        except Unavailable:
            raise
        except GitHubError as error:
            troubles.append(error)
            if isinstance(error, GitHubUnauthorized) or error.retry_after is not None:
                refused.add(target.user_id)
            _log.info("a pull request could not be read", number=target.number, error=str(error))
        except (AsyncCoderError, RedisError) as error:
            _log.warning("polling stopped for a pull request", number=target.number, error=str(error))
        except Exception:  # the others must not wait for this one
            _log.exception("a pull request could not be polled", number=target.number)
        finally:
            heard()
        return False

    with Lines() as lines, ThreadPoolExecutor(pollers, thread_name_prefix="poll") as pool:
        answers = list(pool.map(ask, targets))
    return Polled(answers.count(True), answers.count(None), len(targets), troubles[0] if troubles else None)


def _ask(target: PollTarget, refused: set[UUID], lines: Lines) -> bool:
    with transaction() as session:  # before the question: whatever becomes of it, the next in line comes first now
        session.execute(text("UPDATE pull_requests SET polled_at = now() WHERE id = :id"), {"id": target.id})
    if target.user_id in refused:
        return False
    return repositories.with_github(target.user_id, lambda github: _look(github, target), lines)


def _look(github: GitHub, target: PollTarget) -> bool:
    answer = github.pull(target.full_name, target.number, target.etag)
    head, is_changed = target.head_sha or "", False
    if isinstance(answer, RemotePull):
        with transaction() as session:
            is_changed = observe(session, target.repository_id, answer)
        if answer.status not in (PullRequestStatus.OPEN, PullRequestStatus.DRAFT):
            return is_changed
        head = answer.head_sha
    checks_etag = target.checks_etag if head == target.head_sha else None
    checks = _if_shown(lambda: github.checks(target.full_name, head, checks_etag)) if head else None
    reviews = _if_shown(lambda: github.first_reviews(target.full_name, target.number, target.reviews_etag))
    return _keep_signals(target.id, head, checks, reviews) or is_changed


def _if_shown(ask: Callable[[], Listed[T] | NotModified]) -> Listed[T] | None:
    """What is new, or nothing: an app may lack the permission to see checks, and the rest counts all the same."""
    try:
        told = ask()
    except GitHubUnauthorized:
        raise
    except GitHubError as error:
        if error.retry_after is not None:
            raise
        _log.info("checks or reviews could not be read", error=str(error))
        return None
    return None if isinstance(told, NotModified) else told


def _keep_signals(
    pull_id: UUID, head: str, checks: Listed[RemoteCheck] | None, reviews: Listed[RemoteReview] | None
) -> bool:
    if checks is None and reviews is None:
        return False
    with transaction() as session:
        found = session.exec(for_update(select(PullRequest).where(PullRequest.id == pull_id))).one()
        is_changed = False
        if checks is not None and found.head_sha == head:
            is_changed = pull_signals.note_checks(found, checks.items, is_all=True)
            found.checks_etag = checks.etag
        if reviews is not None:
            is_changed = pull_signals.note_reviews(found, reviews.items) or is_changed
            found.reviews_etag = reviews.etag
        session.add(found)
        if is_changed and found.task_id:
            ring(session, session.get_one(Task, found.task_id))
        return is_changed


def _is_stale(known: PullRequest, pull: RemotePull) -> bool:
    """Whether what is known stands against what was just told; GitHub's times are whole seconds, so they may tie.

    A merge is final. A close that ties with an opening is taken to be the later one; where that is wrong, GitHub's next
    change puts it right.
    """
    if known.status == PullRequestStatus.MERGED and pull.status != PullRequestStatus.MERGED:
        return True
    if known.observed_at is None or pull.updated_at != known.observed_at:
        return known.observed_at is not None and pull.updated_at < known.observed_at
    ended = (PullRequestStatus.CLOSED, PullRequestStatus.MERGED)
    return known.status in ended and pull.status not in ended


def _copy(known: PullRequest, pull: RemotePull) -> None:
    if known.head_sha != pull.head_sha:
        pull_signals.forget_head(known)
    if pull.is_mergeable is not None or known.target_branch != pull.target_branch or pull.closed_at:
        known.is_mergeable = pull.is_mergeable
    known.title = pull.title
    known.description = pull.body
    known.target_branch = pull.target_branch
    known.status = pull.status
    known.url = pull.url
    known.head_sha = pull.head_sha
    known.merged_at = pull.merged_at
    known.closed_at = pull.closed_at
    known.observed_at = pull.updated_at
    known.etag = pull.etag  # of what is kept here, or none: with another's, GitHub would say that nothing has changed
    known.updated_at = clock.now()


def _tell(session: Session, task: Task, pull: PullRequest) -> None:
    """Writes the change into the log and to the person; merging is the task's outcome, never the run's."""
    run = session.exec(select(TaskRun).where(TaskRun.task_id == task.id).order_by(col(TaskRun.number).desc())).first()
    if run is None or task.deleted_at is not None:
        return
    if Status(task.status).is_end:
        task.outcome = Outcome.MERGED if pull.status == PullRequestStatus.MERGED else run.outcome
        session.add(task)
        session.flush()
        analytics.write(session, task.id)
    payload: dict[str, Any] = {
        "number": pull.pr_number,
        "url": pull.url,
        "status": pull.status,
        "title": jsonb.cut(pull.title, _TITLE),
        "at": _iso(pull.merged_at or pull.closed_at or pull.observed_at),
    }
    events.append(session, task_id=task.id, run_id=run.id, kind=EventKind.PULL_REQUEST, payload=payload)
    notices.tell(session, task.user_id, notices.PULL_REQUEST, {"task_id": str(task.id), "status": pull.status})
    notices.ring_readers(session, task)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

"""Syncs of people's repositories with GitHub: asked for, done page by page by a chore, and how far each is.

What PostgreSQL knows decides: a sync is one row a person, a worker that has it holds a lease with a fence, and each
page is kept with its ETag as it is read. So a worker that takes over goes on behind the last page, and a page that
is as it was costs nothing of the rate limit (docs.github.com/en/rest: "Best practices", "Use conditional requests").
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, String, bindparam, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, delete, select

from backend import clock, events, log
from backend.db import after_commit, transaction
from backend.errors import AsyncCoderError, Forbidden, GitHubError, GitHubUnauthorized, NotFound, Unavailable
from backend.github.client import GitHub
from backend.github.connection import PAGE
from backend.github.types import NotModified, RemoteRepository
from backend.models import RepositoryPage, RepositorySync, SyncState, User
from backend.queue import ring_chore
from backend.services import membership, progress, repositories

CHORE = "sync_repositories"
STALE = timedelta(seconds=300)
LEASE_SECONDS = 60
ATTEMPTS = 4
_WAITS = (5, 15, 45)  # seconds after each attempt that GitHub let fail
_BEAT_SECONDS = 10
_LOOKS = 3  # at a list that moves while it is read
_RECONNECT = "GitHub is not connected. Sign in with GitHub again."
_MOST_WORDS = 300  # bytes of a reason
_NAMES = {one.name for one in fields(RemoteRepository)}
_log = log.get(__name__)


@dataclass(frozen=True)
class Standing:
    """How far a person's sync is. It waits or failed for `trouble`, and goes on by itself at `until`."""

    state: Literal["idle", "waiting", "running", "done", "failed"] = "idle"
    pages: int = 0
    pages_known: int = 0
    found: int = 0
    trouble: str = ""
    until: datetime | None = None
    needs_reconnect: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it goes on, now or later."""
        return self.state in ("waiting", "running")


@dataclass(frozen=True)
class _Claim:
    user_id: UUID
    fence: int
    attempts: int
    pages: int
    asked_at: datetime


class _Overtaken(Exception):
    """Another worker has this sync, or nobody wants it any more."""


class _GivesWay(Exception):
    """Other chores wait: the rest is read after them."""


def ask(session: Session, user_id: UUID) -> bool:
    """Asks for a sync; while one waits or goes on it is that one. Returns whether it is new.

    Where GitHub takes the person's token no more it has failed at once, and GitHub is not asked.
    """
    user = session.get_one(User, user_id)
    if not user.is_github_connected:
        _put(session, user_id, SyncState.FAILED, _RECONNECT)
        return False
    is_new = _put(session, user_id, SyncState.WAITING)
    after_commit(session, lambda: ring_chore(CHORE))
    return is_new


def ask_anew(session: Session, whose: ColumnElement[bool]) -> None:
    """Has the open syncs of these people begin again: what they have read may be older than what is known by now.

    A wait that GitHub asked for stays. A worker that reads is overtaken; reading again costs nothing of the rate.
    """
    anew = {"pages": 0, "attempts": 0, "asked_at": func.now()}
    running = {"state": SyncState.WAITING.value, "fence": RepositorySync.fence + 1, "next_at": func.now()}
    is_of = col(RepositorySync.user_id).in_(select(User.id).where(whose))
    for state, changes in ((SyncState.RUNNING, running), (SyncState.WAITING, dict[str, Any]())):
        is_it = col(RepositorySync.state) == state.value
        session.execute(update(RepositorySync).where(is_of, is_it).values(**anew, **changes))


def _put(session: Session, user_id: UUID, state: SyncState, trouble: str | None = None) -> bool:
    """The person's row as it begins, unless a sync waits or goes on."""
    put = session.execute(
        text(
            "INSERT INTO repository_syncs (user_id, state, trouble, needs_reconnect)"
            " VALUES (:id, :state, :trouble, :trouble IS NOT NULL) ON CONFLICT (user_id) DO UPDATE"
            " SET state = excluded.state, trouble = excluded.trouble, needs_reconnect = excluded.needs_reconnect,"
            " attempts = 0, next_at = now(), leased_until = NULL, pages = 0, found = 0, asked_at = now(),"
            " ended_at = NULL WHERE repository_syncs.state IN ('done', 'failed') RETURNING 1"
        ).bindparams(bindparam("trouble", type_=String)),
        {"id": user_id, "state": state.value, "trouble": trouble},
    ).first()
    _tell(session, user_id)
    return put is not None


def ask_if_stale(session: Session, user_id: UUID) -> bool:
    """Asks for a sync where the last was over 300 s ago. Returns whether one goes on.

    Raises GitHubUnauthorized where the person must reconnect GitHub first.
    """
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("The person no longer exists.")
    synced = user.repositories_synced_at
    is_stale = synced is None or clock.now() - synced > STALE
    if is_stale and not user.is_github_connected:
        raise GitHubUnauthorized(_RECONNECT)
    if is_stale or (user.is_github_connected and standing(session, user_id).needs_reconnect):
        ask(session, user_id)
    return standing(session, user_id).is_open


def standing(session: Session, user_id: UUID) -> Standing:
    """How far the person's sync is, or how the last one ended."""
    row = session.get(RepositorySync, user_id, populate_existing=True)
    if row is None:
        return Standing()
    until = row.next_at if row.state == "waiting" and row.trouble else None
    figures = (row.pages, row.pages_known, row.found)
    return Standing(row.state, *figures, row.trouble or "", until, row.needs_reconnect)  # type: ignore[arg-type]


def due(session: Session) -> bool:
    """Whether some sync is to be taken up, or over."""
    return session.execute(text(f"SELECT 1 FROM ({_DUE} LIMIT 1) due")).first() is not None  # noqa: S608 ours


def work_all(may_go_on: Callable[[], bool] = lambda: True) -> bool:
    """Carries out the syncs that are due, until other chores wait. Returns whether some are left."""
    while (claim := _claim()) is not None:
        _carry_out(claim, may_go_on)
        if not may_go_on():
            break
    with transaction() as session:
        return due(session)


# A disabled person's waits until they are let in again.
_DUE = (
    "SELECT s.user_id FROM repository_syncs s JOIN users u ON u.id = s.user_id"
    " WHERE s.state IN ('waiting', 'running')"
    " AND CASE s.state WHEN 'waiting' THEN s.next_at ELSE s.leased_until END <= now()"
    " AND u.disabled_at IS NULL AND u.deleted_at IS NULL ORDER BY s.next_at"
)


def _claim() -> _Claim | None:
    with transaction() as session:
        row = session.execute(
            text(
                "UPDATE repository_syncs SET state = 'running', fence = fence + 1, attempts = attempts + 1,"  # noqa: S608
                " trouble = NULL, leased_until = now() + make_interval(secs => :lease)"
                f" WHERE user_id = ({_DUE} LIMIT 1 FOR UPDATE OF s SKIP LOCKED)"
                " RETURNING user_id, fence, attempts, pages, asked_at"
            ),
            {"lease": LEASE_SECONDS},
        ).first()
        return _Claim(*row) if row else None


def _carry_out(claim: _Claim, may_go_on: Callable[[], bool]) -> None:
    """Does it to its end, and tells that. Only a database that is away ends it otherwise: then the lease runs out."""
    try:
        if claim.attempts > ATTEMPTS:
            raise AsyncCoderError("The sync broke off several times. Try again later.")
        if claim.pages == 0:
            membership.check(claim.user_id)
        _Reading(claim, may_go_on).read()
    except (_Overtaken, Unavailable) as error:
        _log.info("a sync was left", user_id=str(claim.user_id), error=type(error).__name__)
    except _GivesWay:
        _change(claim, "state = 'waiting', next_at = now(), attempts = 0")
    except (GitHubUnauthorized, Forbidden) as error:
        _fail(claim, str(error), needs_reconnect=isinstance(error, GitHubUnauthorized))
    except GitHubError as error:
        _wait_or_fail(claim, error)
    except AsyncCoderError as error:
        _fail(claim, str(error))
    except Exception:  # the others must not wait for this one
        _log.exception("a sync broke", user_id=str(claim.user_id))
        _fail(claim, "Something went wrong on our side. Try again.")


class _Reading:
    """One worker's way through a person's pages."""

    def __init__(self, claim: _Claim, may_go_on: Callable[[], bool]) -> None:
        self._claim = claim
        self._may_go_on = may_go_on
        self._beaten_at = time.monotonic()
        with transaction() as session:
            rows = session.exec(select(RepositoryPage).where(RepositoryPage.user_id == claim.user_id))
            self._pages = {row.number: (row.etag, _opened(row.items)) for row in rows if _is_known(row.items)}
            self._reached = repositories.reached(session, claim.user_id)

    def read(self) -> None:
        """Reads all pages and keeps what is in them. Raises _Overtaken, _GivesWay, GitHubError."""
        first, may_go_on = self._claim.pages + 1, self._may_go_on
        if any(number not in self._pages for number in range(1, first)):
            first = 1
        for _ in range(_LOOKS):
            read = partial(self._read_from, first, may_go_on)
            last, has_changed = repositories.with_github(self._claim.user_id, read)
            found = [one for number in range(1, last + 1) for one in self._pages[number][1]]
            # What has gone may have slipped onto a page that was read before: a look more, which costs nothing
            # where that is not so.
            is_missed = self._reached - {one.github_id for one in found}
            if last == 1 or not has_changed or not is_missed:
                break
            first, may_go_on = 1, lambda: True
        with transaction() as session:
            repositories.store(session, self._claim.user_id, found, asked_at=self._claim.asked_at)
            session.exec(delete(RepositoryPage).where(_is_behind(self._claim.user_id, last)))
            _change_in(session, self._claim, "state = 'done', ended_at = now(), found = :found", found=len(found))

    def _read_from(self, number: int, may_go_on: Callable[[], bool], github: GitHub) -> tuple[int, bool]:
        """Reads on from that page. The number of the last one, and whether any was other than before."""
        has_changed = number > 1
        while True:
            etag, items = self._pages.get(number, (None, ()))
            told = github.repositories(number, etag, self._beat)
            last = len(self._pages)
            if not isinstance(told, NotModified):
                has_changed, items, last = True, told.items, told.last
                self._pages[number] = (told.etag, items)
            found = sum(len(self._pages[one][1]) for one in range(1, number + 1))
            with transaction() as session:
                if not isinstance(told, NotModified):
                    _keep_page(session, self._claim.user_id, number, told.etag, items)
                figures = {"pages": number, "known": max(last, number), "found": found}
                _change_in(session, self._claim, "pages = :pages, pages_known = :known, found = :found", **figures)
            if len(items) < PAGE:
                return number, has_changed
            if not may_go_on():
                raise _GivesWay
            number += 1

    def _beat(self) -> None:
        if time.monotonic() - self._beaten_at > _BEAT_SECONDS:
            self._beaten_at = time.monotonic()
            _change(self._claim, "trouble = NULL")


def _keep_page(
    session: Session, user_id: UUID, number: int, etag: str | None, items: Sequence[RemoteRepository]
) -> None:
    values: dict[str, Any] = {"etag": etag, "items": [_closed(one) for one in items]}
    keep = insert(RepositoryPage).values(user_id=user_id, number=number, **values)
    session.execute(keep.on_conflict_do_update(index_elements=["user_id", "number"], set_=values))


def _is_behind(user_id: UUID, last: int) -> Any:
    return (col(RepositoryPage.user_id) == user_id) & (col(RepositoryPage.number) > last)


def _wait_or_fail(claim: _Claim, error: GitHubError) -> None:
    """GitHub's own wait is waited out however often; a fault is tried again a few times."""
    if error.retry_after is not None:
        seconds = error.retry_after + 1
        # What was read long before the rest is read anew.
        pages = "0" if seconds > STALE.total_seconds() else "pages"
        words = "GitHub limits how much may be asked, so this waits."
        change = f"state = 'waiting', attempts = 0, pages = {pages}"
    elif claim.attempts < ATTEMPTS:
        seconds, words, change = _WAITS[claim.attempts - 1], str(error), "state = 'waiting'"
    else:
        _fail(claim, str(error))
        return
    _log.info("a sync waits", user_id=str(claim.user_id), seconds=round(seconds), error=str(error))
    change += ", next_at = now() + make_interval(secs => :seconds), trouble = :trouble"
    _change(claim, change, seconds=seconds, trouble=words[:_MOST_WORDS])


def _fail(claim: _Claim, words: str, *, needs_reconnect: bool = False) -> None:
    _log.warning("a sync failed", user_id=str(claim.user_id), error=words)
    change = "state = 'failed', ended_at = now(), trouble = :trouble, needs_reconnect = :reconnect"
    _change(claim, change, trouble=words[:_MOST_WORDS], reconnect=needs_reconnect)


def _change(claim: _Claim, change: str, **values: Any) -> None:
    """Changes the row while it is this worker's; otherwise the other one tells."""
    try:
        with transaction() as session:
            _change_in(session, claim, change, **values)
    except _Overtaken:
        _log.info("a sync was taken over", user_id=str(claim.user_id))


def _change_in(session: Session, claim: _Claim, change: str, **values: Any) -> None:
    changed = session.execute(
        text(
            f"UPDATE repository_syncs SET {change}, leased_until = now() + make_interval(secs => :lease)"  # noqa: S608
            " WHERE user_id = :id AND fence = :fence AND state = 'running' RETURNING 1"
        ),
        {"id": claim.user_id, "fence": claim.fence, "lease": LEASE_SECONDS, **values},
    ).first()
    if changed is None:
        raise _Overtaken
    _tell(session, claim.user_id)


def _tell(session: Session, user_id: UUID) -> None:
    after_commit(session, lambda: events.ring(progress.topic(user_id), str(user_id), 0, CHORE))


def _closed(one: RemoteRepository) -> dict[str, Any]:
    return {**asdict(one), "updated_at": one.updated_at.isoformat() if one.updated_at else None}


def _is_known(items: list[dict[str, Any]]) -> bool:
    """Whether it has today's shape; what an earlier version kept is read anew."""
    return all(set(item) == _NAMES for item in items)


def _opened(items: list[dict[str, Any]]) -> tuple[RemoteRepository, ...]:
    return tuple(RemoteRepository(**{**item, "updated_at": _moment(item["updated_at"])}) for item in items)


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None

"""A worker's hold on a run: a thread that hears what the person orders, and beats."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from backend import log
from backend.db import ask, transaction
from backend.engine.assignment import Orders, QueuedMessage
from backend.errors import StaleFence, Unavailable
from backend.services import attachments, credits
from backend.services.claims import LEASE_SECONDS, Claim
from backend.services.waiting_messages import untaken

_log = log.get(__name__)
LISTEN_SECONDS = 1.0  # a stop is heard so soon
BEAT_SECONDS = 5.0
_OWN = "WHERE id = :id AND fence = :fence AND status = 'running'"
# Whoever is disabled has nothing more done for them.
_IS_STOPPED = (
    "cancel_requested_at IS NOT NULL OR EXISTS (SELECT 1 FROM tasks t JOIN users u ON u.id = t.user_id"
    " WHERE t.id = task_runs.task_id AND u.disabled_at IS NOT NULL)"
)
_WISHES = (
    f"task_id, {_IS_STOPPED}, finish_requested_at IS NOT NULL,"
    " CASE WHEN own_key THEN budget ELSE held END, margin"  # TaskRun.limit
)
_LISTEN = text(f"SELECT {_WISHES} FROM task_runs {_OWN}")  # noqa: S608  our own text
_BEAT = text(
    f"UPDATE task_runs SET lease_expires_at = now() + make_interval(secs => {LEASE_SECONDS}) {_OWN} RETURNING {_WISHES}"  # noqa: S608  our own text
)


class Lease:
    """Keeps a claim alive while the block lasts, and knows what the person ordered a second ago at most.

    A database that is away for a while is waited for: a late beat revives the lease while the fence is unchanged.
    """

    def __init__(self, claim: Claim, *, listen: float = LISTEN_SECONDS, beat: float = BEAT_SECONDS) -> None:
        self.claim = claim
        self._listen_seconds, self._beat_seconds = listen, beat
        self._stop = threading.Event()
        self._orders = Orders(cancelled=False, finish_now=False, hold_micro=0)
        self._is_lost = False
        self._beat_at = time.monotonic()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._hear()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=BEAT_SECONDS)

    def poll(self) -> Orders:
        """What the person ordered, read anew, with their messages. Raises StaleFence when the run is no longer ours."""
        try:
            return self._hear(with_messages=True)
        except Unavailable as error:
            _log.warning("orders are as they were last heard", error=str(error))
        if self._is_lost:
            raise StaleFence
        return self._orders

    def cancelled(self) -> bool:
        """Whether to stop what is going on: the person said so, or the run is no longer ours."""
        return self._orders.cancelled or self._is_lost

    def _keep(self) -> None:
        while not self._stop.wait(self._listen_seconds):
            try:
                self._hear()
            except StaleFence:
                return
            except Unavailable as error:
                _log.warning("a beat was missed", run_id=str(self.claim.run_id), error=str(error))
            except Exception:  # a beat that breaks must not end the beating: the lease would run out unseen
                _log.exception("a beat broke", run_id=str(self.claim.run_id))

    def _hear(self, *, with_messages: bool = False) -> Orders:
        now = time.monotonic()
        beats = now >= self._beat_at
        try:
            if beats or with_messages:
                with transaction() as session:
                    orders, task_id = listen(session, self.claim, beats=beats)
                    messages = _messages(session, task_id) if with_messages else []
            else:
                orders, messages = _told(ask(_LISTEN, {"id": self.claim.run_id, "fence": self.claim.fence}))[0], []
        except StaleFence:
            self._is_lost = True
            raise
        if beats:
            self._beat_at = now + self._beat_seconds
        self._orders = orders
        return replace(orders, messages=messages)


def listen(session: Session, claim: Claim, *, beats: bool = False) -> tuple[Orders, UUID]:
    """What the person ordered, without their messages, and the task's id; who `beats` keeps the lease, late or not.

    Raises StaleFence once another worker has the run, or it has ended.
    """
    return _told(session.execute(_BEAT if beats else _LISTEN, {"id": claim.run_id, "fence": claim.fence}).first())


def _told(found: Sequence[Any] | None) -> tuple[Orders, UUID]:
    if found is None:
        raise StaleFence
    task_id, cancelled, finish_now, limit, margin = found
    return Orders(cancelled, finish_now, credits.buys(limit, margin)), task_id


def _messages(session: Session, task_id: UUID) -> list[QueuedMessage]:
    waiting = untaken(session, task_id)
    images = attachments.of_messages(session, task_id, [one.id for one in waiting]) if waiting else {}
    return [QueuedMessage(str(one.id), one.text, images.get(one.id, ())) for one in waiting]

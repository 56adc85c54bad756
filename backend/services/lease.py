"""A worker's hold on a run: a thread that beats, and hears what the person ordered meanwhile."""

import threading
from types import TracebackType
from typing import Self

from sqlmodel import Session

from backend import log
from backend.db import transaction
from backend.engine.assignment import Orders, QueuedMessage
from backend.errors import StaleFence, Unavailable
from backend.models import TaskRun
from backend.services import attachments, credits, runs
from backend.services.claims import Claim
from backend.services.runs import untaken

_log = log.get(__name__)
BEAT_SECONDS = 1.0


class Lease:
    """Keeps a claim alive while the block lasts. `poll` and `cancelled` answer from what the last beat read.

    A database that is away for a while is waited for: a late beat revives the lease while the fence is unchanged.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._stop = threading.Event()
        self._orders = Orders(cancelled=False, finish_now=False, hold_micro=0, messages=[])
        self._is_lost = False
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._read()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=5 * BEAT_SECONDS)

    def poll(self) -> Orders:
        """What the person ordered, read anew. Raises StaleFence when the run is no longer ours."""
        try:
            self._read()
        except Unavailable as error:
            _log.warning("orders are as of the last beat", error=str(error))
        if self._is_lost:
            raise StaleFence
        return self._orders

    def cancelled(self) -> bool:
        """Whether to stop what is going on: the person said so, or the run is no longer ours."""
        return self._orders.cancelled or self._is_lost

    def _keep(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._read()
            except StaleFence:
                return
            except Unavailable as error:
                _log.warning("a beat was missed", run_id=str(self.claim.run_id), error=str(error))
            except Exception:  # a beat that breaks must not end the beating: the lease would run out unseen
                _log.exception("a beat broke", run_id=str(self.claim.run_id))

    def _read(self) -> None:
        try:
            with transaction() as session:
                run = runs.beat(session, self.claim.run_id, self.claim.fence)
                self._orders = _orders(run, _messages(session, run))
        except StaleFence:
            self._is_lost = True
            raise


def _messages(session: Session, run: TaskRun) -> list[QueuedMessage]:
    waiting = untaken(session, run.task_id)
    images = attachments.of_messages(session, run.task_id, [one.id for one in waiting]) if waiting else {}
    return [QueuedMessage(str(one.id), one.text, images.get(one.id, ())) for one in waiting]


def _orders(run: TaskRun, messages: list[QueuedMessage]) -> Orders:
    return Orders(
        cancelled=run.cancel_requested_at is not None,
        finish_now=run.finish_requested_at is not None,
        hold_micro=run.limit * credits.MICRO_PER_CREDIT,
        messages=messages,
    )

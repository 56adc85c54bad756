"""The sweeps and pollers: one process does them at a time, by an advisory lock on a connection of its own.

`python -m jobs.schedule`
"""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from backend import db, log
from backend.db import transaction
from backend.errors import AsyncCoderError, Unavailable
from backend.queue import CHORES, RUNS, ring_chore, ring_runs, waiting
from backend.services import (
    analytics_rollup,
    announcements,
    attachments,
    attempts,
    catalog,
    claims,
    deliveries,
    idempotency,
    membership,
    monthly_credits,
    pull_requests,
    repository_hooks,
    repository_syncs,
    sweeps,
    trigger_comments,
    triggers,
)
from backend.services.tasks import plans
from backend.settings import get_settings

SWEEP_SECONDS = 5.0
POLL_SECONDS = 15.0  # how often it is looked whether any is due
TIDY_SECONDS = 600.0
PRICES_SECONDS = 6 * 3600.0
LOCK_SECONDS = 2.0  # between two tries for the lock, or for the database
# After an outage workers need a moment to beat again before their leases count as expired.
GRACE_SECONDS = 10.0
_log = log.get(__name__)


@dataclass
class Timer:
    """Something to do every so often; `due` is on the monotonic clock."""

    name: str
    seconds: float
    work: Callable[[], None]
    due: float = field(default=0.0)


def sweep() -> None:
    """Rings while runs wait, takes expired leases over, rings for deliveries, for what is to be told on GitHub, and for
    figures that are stale; open pages are told of announcements that begin or end.

    What waits for people who are disabled is ended.
    """
    with transaction() as session:
        expired, of_nobody = attempts.expired(session), attempts.of_nobody(session)
    taken = [run_id for run_id in expired if _each(attempts.take_over, run_id)]
    if taken:
        _log.warning("took runs over from workers that went away", runs=[str(one) for one in taken])
    for run_id in of_nobody:
        _each(attempts.give_up, run_id)
    with transaction() as session:
        open_runs = claims.claimable(session)
        unapplied = deliveries.waiting(session, older_than_seconds=SWEEP_SECONDS)
        has_triggers_due = bool(trigger_comments.due(session, limit=1))
        has_syncs_due = repository_syncs.due(session)
        has_stale_figures = analytics_rollup.is_stale(session)
        announcements.ring_due(session)
    for _ in range(open_runs - waiting(RUNS)):
        ring_runs()
    if unapplied and not waiting(CHORES):
        deliveries.ring()
    if has_triggers_due and not waiting(CHORES):
        ring_chore(triggers.CHORE)
    if has_syncs_due and not waiting(CHORES):
        ring_chore(repository_syncs.CHORE)
    if has_stale_figures and not waiting(CHORES):
        ring_chore(analytics_rollup.CHORE)
    sweeps.tell()


def _each(work: Callable[[Session, UUID], bool], run_id: UUID) -> bool:
    try:
        with transaction() as session:
            return work(session, run_id)
    except Unavailable:
        raise
    except Exception:  # one run that cannot be taken over or ended must not keep the others waiting
        _log.exception("the sweep could not settle a run", run_id=str(run_id))
        return False


def poll() -> None:
    """Asks the chore worker to look at the open pull requests and webhooks that are due, unless it has other work."""
    with transaction() as session:
        is_due = bool(pull_requests.due(session, limit=1))
        has_hooks_due = bool(repository_hooks.due(session, limit=1))
        has_members_due = bool(membership.due(session, limit=1))
    if is_due and not waiting(CHORES):
        ring_chore(pull_requests.CHORE)
    if has_hooks_due and not waiting(CHORES):
        ring_chore(repository_hooks.CHORE)
    if has_members_due and not waiting(CHORES):
        ring_chore(membership.CHORE)


def tidy() -> None:
    """Asks the chore worker to remove the images that were never sent, the answers that nobody asks for again, and what
    old deliveries said, and to give the month's credits.

    What waits for an answer to a plan that does not come is ended.
    """
    with transaction() as session:
        unanswered = plans.expired(session)
        due = {
            attachments.CHORE: attachments.has_old_unsent(session),
            idempotency.CHORE: idempotency.has_old(session),
            monthly_credits.CHORE: bool(monthly_credits.due(session, limit=1)),
            deliveries.EMPTYING: deliveries.has_old(session),
        }
    for run_id in unanswered:
        _each(plans.give_up, run_id)
    for chore, is_due in due.items():
        if is_due:
            ring_chore(chore)


def reread_prices() -> None:
    """Asks the chore worker to read the installed price list anew."""
    ring_chore(catalog.CHORE)


def main() -> None:
    """Runs the timers while this process holds the lock, until TERM."""
    log.configure()
    get_settings().check()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keep_serving(
        stop,
        [
            Timer("sweep", SWEEP_SECONDS, sweep),
            Timer("poll", POLL_SECONDS, poll),
            Timer("tidy", TIDY_SECONDS, tidy),
            Timer("prices", PRICES_SECONDS, reread_prices),
        ],
    )


def keep_serving(stop: threading.Event, timers: list[Timer]) -> None:
    """Serves until `stop`, through every outage; after one the timers rest for the grace."""
    grace = 0.0
    while not stop.is_set():
        try:
            with db.engine().connect() as connection:
                for timer in timers:
                    timer.due = time.monotonic() + grace
                serve(connection.execution_options(isolation_level="AUTOCOMMIT"), stop, timers)
        except DBAPIError as error:
            _log.warning("the database is away", error=str(error.orig))
            grace = GRACE_SECONDS
            stop.wait(LOCK_SECONDS)


def serve(connection: Connection, stop: threading.Event, timers: list[Timer]) -> None:
    """Waits for the lock, then does what is due until `stop`.

    Raises DBAPIError when the connection, and with it the lock, is lost.
    """
    while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": sweeps.LOCK}).scalar_one():
        if stop.wait(LOCK_SECONDS):
            return
    while not stop.wait(0.2):
        for timer in timers:
            if time.monotonic() < timer.due:
                continue
            timer.due = time.monotonic() + timer.seconds
            connection.execute(text("SELECT 1"))  # the lock lives as long as this connection: lost, another may have it
            _do(timer)
    # The connection goes back to the pool alive, and would keep the lock with it.
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": sweeps.LOCK})


def _do(timer: Timer) -> None:
    try:
        timer.work()
    except (AsyncCoderError, RedisError) as error:
        _log.warning("a timer could not do its work", timer=timer.name, error=str(error))
        timer.due = time.monotonic() + GRACE_SECONDS
    except Exception:  # the other timers must go on
        _log.exception("a timer broke", timer=timer.name)


if __name__ == "__main__":
    main()

"""What RQ calls, by name. Each asks PostgreSQL what there is to do; being called for nothing costs nothing."""

import os
import socket

import structlog

from backend import log
from backend.db import transaction
from backend.queue import ring_runs
from backend.services import executor, pull_requests, runs

_log = log.get(__name__)


def look() -> None:
    """Takes the next run, if one waits, and works on it until it ends, parks or is taken over.

    Before that it clears away what workers that were killed have left on this machine.
    """
    executor.sweep_workspaces()
    with transaction() as session:
        claim = runs.claim(session, f"{socket.gethostname()}:{os.getpid()}")
    if claim is None:
        return
    executor.run(claim)
    with transaction() as session:
        more = runs.claimable(session)
    if more:
        ring_runs()


def apply_delivery(delivery_id: str) -> None:
    """Applies one of GitHub's deliveries; one that is applied already is left alone."""
    with structlog.contextvars.bound_contextvars(delivery_id=delivery_id):
        with transaction() as session:
            pull_requests.count_attempt(session, delivery_id)
        with transaction() as session:
            pull_requests.apply_delivery(session, delivery_id)


def poll_pull_requests() -> None:
    """Asks GitHub about the open pull requests, for where its webhooks cannot reach us."""
    changed = pull_requests.poll()
    if changed:
        _log.info("polled pull requests", changed=changed)

"""What RQ calls, by name. Each asks PostgreSQL what there is to do; being called for nothing costs nothing."""

import os

from backend import log
from backend.db import transaction
from backend.errors import Unavailable
from backend.queue import hear_chore, others_wait, ring_chore, ring_runs
from backend.services import (
    analytics_rollup,
    attachments,
    catalog,
    claims,
    deliveries,
    executor,
    idempotency,
    machines,
    membership,
    monthly_credits,
    pull_requests,
    repository_hooks,
    repository_syncs,
    trigger_comments,
    triggers,
    workplace,
)

_log = log.get(__name__)


def look() -> None:
    """Takes the next run, if one waits, and works on it until it ends, parks or is taken over.

    Before that it clears away what workers that were killed have left on this machine. A database that is away is no
    fault of this process: the sweep rings again.
    """
    try:
        _look()
    except Unavailable as error:
        _log.warning("looked for a run in vain", error=str(error))


def _look() -> None:
    workplace.sweep_workspaces()
    with transaction() as session:
        claim = claims.claim(session, claims.owner_of(os.getpid()))
    if claim is None:
        return
    executor.run(claim)
    with transaction() as session:
        more = claims.claimable(session)
    if more:
        ring_runs()


def apply_deliveries() -> None:
    """Applies all of GitHub's deliveries that wait."""
    hear_chore(deliveries.CHORE)
    applied = deliveries.apply_all()
    if applied:
        _log.info("applied deliveries", applied=applied)


def poll_pull_requests() -> None:
    """Asks GitHub about the open pull requests, for where its webhooks cannot reach us; other chores go before."""
    hear_chore(pull_requests.CHORE)
    polled = pull_requests.poll(may_go_on=lambda: not others_wait(pull_requests.CHORE))
    if polled.left:
        ring_chore(pull_requests.CHORE)
    if polled.changed:
        _log.info("polled pull requests", changed=polled.changed, left=polled.left)


def keep_hooks() -> None:
    """Makes and mends the webhooks of repositories that are worked on."""
    hear_chore(repository_hooks.CHORE)
    repository_hooks.keep_all()


def sync_repositories() -> None:
    """Carries out the syncs that are due, page by page; other chores go before."""
    hear_chore(repository_syncs.CHORE)
    if repository_syncs.work_all(may_go_on=lambda: not others_wait(repository_syncs.CHORE)):
        ring_chore(repository_syncs.CHORE)


def check_members() -> None:
    """Asks GitHub whether people are still in the organisations that the operator named."""
    hear_chore(membership.CHORE)
    if membership.check_all(may_go_on=lambda: not others_wait(membership.CHORE)):
        ring_chore(membership.CHORE)


def answer_triggers() -> None:
    """Starts the tasks that labels and mentions on GitHub ask for, and tells there how they stand; others go before."""
    hear_chore(triggers.CHORE)
    if trigger_comments.answer_all(may_go_on=lambda: not others_wait(triggers.CHORE)):
        ring_chore(triggers.CHORE)


def remove_unsent_attachments() -> None:
    """Removes the images that nobody has sent for a day."""
    hear_chore(attachments.CHORE)
    with transaction() as session:
        removed = attachments.remove_unsent(session)
    if removed:
        _log.info("removed unsent images", removed=removed)


def remove_old_idempotency_keys() -> None:
    """Forgets what was answered to requests over a day ago."""
    hear_chore(idempotency.CHORE)
    with transaction() as session:
        removed = idempotency.remove_old(session)
    if removed:
        _log.info("removed old idempotency keys", removed=removed)


def give_monthly_credits() -> None:
    """Gives people what their tier gives each month."""
    hear_chore(monthly_credits.CHORE)
    if given := monthly_credits.give_all():
        _log.info("gave this month's credits", people=given)


def refresh_prices() -> None:
    """Reads the installed price list anew: some prices begin on a day that it names."""
    hear_chore(catalog.CHORE)
    with transaction() as session:
        changes = catalog.refresh(session)
    for change in changes:
        _log.info("a list price changed", model=change.name, before=change.before, now=change.now)


def empty_old_deliveries() -> None:
    """Removes what GitHub's deliveries said over 30 days ago, so many at a time; other chores go before."""
    hear_chore(deliveries.EMPTYING)
    with transaction() as session:
        emptied = deliveries.empty_old(session)
    if emptied:
        _log.info("removed old deliveries' payloads", emptied=emptied)
        ring_chore(deliveries.EMPTYING)


def refresh_analytics() -> None:
    """Sums the days anew whose tasks have changed; other chores go before."""
    hear_chore(analytics_rollup.CHORE)
    if analytics_rollup.refresh_all(may_go_on=lambda: not others_wait(analytics_rollup.CHORE)):
        ring_chore(analytics_rollup.CHORE)


def keep_machine() -> None:
    """Empties the caches of this machine that somebody asked for; other chores go before. Other machines' workers do
    theirs by themselves.
    """
    hear_chore(machines.CHORE)
    if not machines.keep(measures=False, may_go_on=lambda: not others_wait(machines.CHORE)):
        ring_chore(machines.CHORE)

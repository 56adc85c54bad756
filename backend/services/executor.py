"""The road of one run: claim → brief → workplace → engine → ending.

The one place beside the doors that opens transactions: many short ones, never one around the network. A process that
dies anywhere leaves a log from which the next attempt goes on; every step asks first whether it was done.
"""

import errno
from datetime import timedelta

import structlog

from backend import clock, jsonb, log
from backend.db import patiently
from backend.engine import agent
from backend.engine.assignment import Assignment
from backend.engine.tools import Toolbox
from backend.engine.transcript import is_approved
from backend.errors import AsyncCoderError, GitHubError, RunFailed, SandboxUnavailable, StaleFence
from backend.providers import open_provider
from backend.providers.base import Provider
from backend.services import attachments, attempts, brief, credits, handover, runs, target_merge, workplace
from backend.services.brief import Brief
from backend.services.claims import Claim
from backend.services.lease import Lease
from backend.services.provider_keys import OwnKeyProvider
from backend.services.runs import End
from backend.services.workplace import Workplace
from backend.settings import get_settings
from backend.words import PLANNING, Failure, Phase, Status

RATE_LIMITED = "github_rate_limited"
_log = log.get(__name__)
_LAST_WORDS = 4_000  # bytes of what a failure says: git, GitHub and providers may say much


def run(claim: Claim) -> None:
    """Works on a claimed run until it ends, parks, or is taken over; whatever breaks becomes the run's failure."""
    structlog.contextvars.bind_contextvars(run_id=str(claim.run_id), fence=claim.fence)
    try:
        with Lease(claim) as lease:
            facts = patiently(lambda session: brief.read(session, claim))
            structlog.contextvars.bind_contextvars(task_id=str(facts.task_id))
            with workplace.ready(facts, lease) as place:
                _work(place)
    except StaleFence:
        _log.info("the run went to another worker")
    except GitHubError as error:
        _wait(claim, error)
    except RunFailed as failed:
        _fail(claim, failed.failure, str(failed))
    except SandboxUnavailable as error:
        _fail(claim, Failure.SANDBOX_UNAVAILABLE, f"{error} {error.fix}")
    except Exception as error:
        _log.exception("a run broke")
        is_full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        failure = Failure.DISK_FULL if is_full else Failure.INTERNAL_ERROR
        _fail(claim, failure, failure.sentence)
    finally:
        structlog.contextvars.clear_contextvars()


def _work(place: Workplace) -> None:
    facts = place.facts
    is_planning = facts.plan_first and not is_approved(facts.log)
    place.enter(Phase.RUNNING, PLANNING if is_planning else None)
    ending = target_merge.settled(facts, place.merge) or agent.run(
        _assignment(place),
        _provider(facts),
        _toolbox(place),
        facts.log,
        place.recorder,
        place.lease,
    )
    match ending.kind:
        case "finished":
            handover.finish(place, ending)
        case "cancelled":
            place.end(End(Status.CANCELLED, "Stopped."))
        case "parked":
            place.park(ending)


def _toolbox(place: Workplace) -> Toolbox:
    facts, tree = place.facts, place.checkout.work_tree
    own = place.changes, place.setup.environment
    return Toolbox(tree, place.sandbox, facts.task_type, *own, plan_first=facts.plan_first)


def _assignment(place: Workplace) -> Assignment:
    facts = place.facts
    return Assignment(
        task_type=facts.task_type,
        prompt=facts.prompt,
        model=facts.model,
        prices=facts.prices,
        context_window=facts.context_window,
        max_output=facts.max_output,
        hold_micro=credits.buys(facts.limit, facts.margin),
        run_key=str(facts.claim.run_id),
        guidance=place.guidance,
        subject=place.subject,
        effort=facts.effort,
        picture=attachments.reader(facts.task_id) if facts.takes_images else lambda image_id: None,
    )


def _provider(facts: Brief) -> Provider:
    if facts.own_key:
        return OwnKeyProvider(facts.provider, facts.user_id)
    settings = get_settings()
    return open_provider(
        facts.provider,
        api_key=settings.provider_key(facts.provider),
        base_url=settings.provider_base_url(facts.provider),
    )


def _wait(claim: Claim, error: GitHubError) -> None:
    """Parks the run for as long as GitHub limits the rate: what is done is done, and the next attempt finds it."""
    if error.retry_after is None:
        _fail(claim, Failure.INTERNAL_ERROR, str(error))
        return
    until = clock.now() + timedelta(seconds=max(1.0, error.retry_after))
    try:
        patiently(lambda session: runs.park(session, claim.run_id, claim.fence, reason=RATE_LIMITED, until=until))
    except StaleFence:
        _log.info("the run went to another worker before it could wait")


def _fail(claim: Claim, failure: Failure, sentence: str) -> None:
    """Gives the run its next attempt where that can help, otherwise ends it as failed."""
    sentence = jsonb.cut(sentence, _LAST_WORDS)
    how = End(Status.FAILED, sentence, failure=failure)
    try:
        if patiently(lambda session: attempts.retry_later(session, claim.run_id, claim.fence, failure, sentence)):
            return
        patiently(lambda session: runs.end(session, claim.run_id, claim.fence, how))
    except StaleFence:
        _log.info("the run went to another worker while failing", failure=failure)
    except AsyncCoderError as error:
        # The lease runs out and the sweep gives the run to another worker.
        _log.error("a failed run could not be ended", failure=failure, error=str(error))

"""How a run ends that hands over words: an answer, a plan, a review, which also goes to GitHub."""

from sqlmodel import Session

from backend import jsonb
from backend.db import patiently
from backend.engine.assignment import Ending
from backend.errors import RunFailed
from backend.models import TaskResult
from backend.services import review_post, runs
from backend.services.runs import End
from backend.services.workplace import Workplace
from backend.words import Failure, Outcome, Status, TaskType
from backend.workspace import checkpoint, push


def finish(place: Workplace, ending: Ending) -> None:
    """Keeps the words as an analysis and ends the run; a review of a pull request is posted first.

    Raises StaleFence, RunFailed(not_allowed) where a file has changed, and GitHubError with `retry_after` where the
    review has to wait.
    """
    facts, checkout = place.facts, place.checkout
    if checkpoint.write(checkout) != push.tree_of(checkout, checkout.base_sha):
        raise RunFailed(Failure.NOT_ALLOWED)
    findings = list(jsonb.clean(ending.findings))
    posted = None
    if place.subject and facts.review_of is not None:
        if not patiently(lambda session: runs.begin_hand_over(session, place.claim.run_id, place.claim.fence)):
            return
        findings, posted = review_post.post(place, ending, findings)

    def store(session: Session) -> None:
        run = runs.require(session, place.claim.run_id, place.claim.fence)
        told = {"findings": findings} | ({"review": posted} if posted else {})
        session.add(
            TaskResult(
                task_id=facts.task_id,
                run_id=run.id,
                result_type="analysis",
                content=ending.text,
                summary=ending.title or None,
                meta=told if findings or posted else None,
            )
        )
        outcome = Outcome.REVIEWED if facts.task_type is TaskType.PR_REVIEW else Outcome.ANSWERED
        runs.end(session, run.id, place.claim.fence, End(Status.COMPLETED, ending.text, outcome=outcome))

    patiently(store)

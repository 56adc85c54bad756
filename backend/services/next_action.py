"""What a person would best do next with a task: one sentence and one button above the reply box."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from backend.errors import Conflict
from backend.models import User
from backend.services import access, target_merge, tasks
from backend.services.back_again import Kind
from backend.services.credits import WARN_AT, buys
from backend.words import Failure, Outcome, PullRequestStatus, Status, Verdict

BUDGET, FIX, RESOLVE, REPLY, NEW_TASK, BRING = "budget", "fix", "resolve", "reply", "new_task", "bring"
LIMIT, MODEL_LIMIT, PLAN = "limit", "model_limit", "plan"
_LIMITS = {
    Failure.MODEL_RATE_LIMITED: "The model's provider limits the rate.",
    Failure.MODEL_OVERLOADED: "The model's provider is overloaded.",
}
_NAMED = 3  # checks that fail


@dataclass(frozen=True)
class Action:
    """`kind` is what the button does; `text` is what FIX and RESOLVE send; BRING has a button for each of `brings`.

    LIMIT and MODEL_LIMIT are waits that end by themselves: either may be cut short, the second also with another model.
    """

    kind: str
    sentence: str
    button: str
    text: str = ""
    brings: tuple[Kind, ...] = ()


def next_action(page: tasks.TaskPage) -> Action | None:
    """The best next step, from what is known of the task; None where there is no better one than waiting or writing."""
    if "add_credits" in page.actions:
        return Action(BUDGET, "The budget of this run is used up. The work is kept.", "Add as many again")
    if page.can_decide:
        return Action(PLAN, "The plan waits for your answer. Nothing is changed before.", "Read the plan")
    if page.can_cancel and _is_nearly_used(page.run):
        return Action(BUDGET, f"{WARN_AT:.0%} of what this run may cost is used.", "Add as many again")
    if page.can_cancel and page.row.is_paused:
        return _limited(page.row.reason or "")
    if not Status(page.row.status).is_end:
        return None
    pull_status = page.pull_request.status if page.pull_request else None
    if pull_status == PullRequestStatus.MERGED:
        return Action(NEW_TASK, "The pull request is merged, and this task with it.", "New task")
    if not page.can_follow_up:
        return None
    if pull_status == PullRequestStatus.CLOSED:
        return Action(REPLY, "The pull request is closed. A follow-up opens it again.", "Write a follow-up")
    if page.pull_request and page.pull_request.conflicts:
        target = page.pull_request.target_branch
        return Action(RESOLVE, f"The pull request conflicts with {target}.", "Resolve", target_merge.asked(target))
    if page.pull_request and (action := _brought(page.pull_request)):
        return action
    if page.evidence and page.evidence.verdict == Verdict.FAILED:
        return Action(FIX, _failing(page.evidence), "Fix", _fix(page.evidence))
    if page.row.outcome == Outcome.NO_CHANGES:
        return Action(REPLY, "The run ended without a change. Say what is missing.", "Write a follow-up")
    return None


def take(session: Session, user: User, task_id: UUID) -> None:
    """Sends the follow-up of the next action; a second click finds the run alive and is refused.

    Raises NotFound, Forbidden, Conflict, and what a follow-up is refused with.
    """
    access.owned(session, user, task_id, lock=True)
    action = next_action(tasks.page(session, user, task_id))
    if action is None or not action.text:
        raise Conflict("There is nothing to mend here any more.")
    tasks.follow_up(session, user, task_id, action.text, merges_target=action.kind == RESOLVE)


def _is_nearly_used(run: tasks.RunRow) -> bool:
    return run.charged is None and 0 < WARN_AT * buys(run.limit, run.margin) <= run.cost_micro


def _limited(reason: str) -> Action:
    if reason in _LIMITS:
        return Action(MODEL_LIMIT, _LIMITS[Failure(reason)], "Try now")
    return Action(LIMIT, "GitHub limits the rate.", "Try now")


def _brought(pull: tasks.PullRequestRow) -> Action | None:
    """What others say of the pull request."""
    parts: dict[Kind, str] = {}
    if pull.failing:
        listed = ", ".join(pull.failing[:_NAMED]) + (" and more" if len(pull.failing) > _NAMED else "")
        parts[Kind.CHECKS] = f"{_counted(len(pull.failing), 'check fails', 'checks fail')}: {listed}."
    if pull.said:
        parts[Kind.REVIEW] = f"{_counted(pull.said, 'review', 'reviews')} since the last run."
    return Action(BRING, " ".join(parts.values()), "", brings=tuple(parts)) if parts else None


def _counted(number: int, one: str, more: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {more}"


def _failing(seen: tasks.EvidenceRow) -> str:
    ended = "" if seen.exit_code is None else f" (exit {seen.exit_code})"
    return f"The tests fail on {seen.sha[:7]}{ended}." if seen.sha else f"The tests fail{ended}."


def _fix(seen: tasks.EvidenceRow) -> str:
    """What the worker saw, for the model to mend."""
    ended = "did not end by itself" if seen.exit_code is None else f"ended with exit code {seen.exit_code}"
    lines = [
        f"The tests fail on commit {seen.sha[:7]}: `{seen.command}` {ended}. {seen.reason}".strip(),
        "Find the cause and fix it. Do not remove, skip or weaken a test to make them pass.",
    ]
    if seen.log_end.strip():
        fence = "~~~"
        while fence in seen.log_end:
            fence += "~"
        lines.append(f"The end of the log:\n\n{fence}\n{seen.log_end.strip()}\n{fence}")
    return "\n\n".join(lines)

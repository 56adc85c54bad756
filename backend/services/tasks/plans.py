"""A plan that waits for its person: read, changed, approved, sent back, discarded; given up when nobody answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text as sql
from sqlmodel import Session, col, select

from backend import clock, jsonb
from backend.engine.tools import MAX_PLAN, MAX_PLAN_BYTES
from backend.errors import Conflict, InvalidInput, TooLarge
from backend.models import TaskEvent, TaskRun, User
from backend.services import access, runs
from backend.words import APPROVAL, Decision, EventKind, Phase, Status

PATIENCE = timedelta(days=14)  # a plan that waits longer ends its run: the hold is wanted elsewhere by then
MAX_WORDS, MAX_WORDS_BYTES = 8_000, 20_000  # characters; bytes in the log, whose entry also holds the plan
_BECAME = {
    Decision.APPROVE: "was approved already",
    Decision.CHANGE: "was sent back for changes already",
    Decision.DISCARD: "was discarded already",
}


@dataclass(frozen=True)
class Said:
    """What a person says of a plan: with an approval the `plan` as they edited it, None as it is; and words.

    `number` is the plan that they saw, None for whichever waits.
    """

    decision: Decision
    text: str = ""
    plan: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class PlanRow:
    """A task's newest plan. `text` is what was approved, once it was; `decision` is None until there is one.

    `words` are what the person said with it, `by` is their name, `until` when it is given up.
    """

    number: int
    title: str
    text: str
    decision: Decision | None
    words: str
    by: str
    is_edited: bool
    until: datetime


def decide(session: Session, user: User, task_id: UUID, said: Said) -> None:
    """Takes the answer to the plan that waits: the run goes on with it or, discarded, ends. The same again is once.

    What the run used by then is charged, the rest of its hold given back. Raises NotFound, Forbidden, InvalidInput,
    TooLarge, and Conflict where another answer came first, a newer plan is there, or none waits.
    """
    said = _checked(said)
    task = access.owned(session, user, task_id, lock=True)
    found, decided = _newest(session, task_id)
    if found is None:
        raise Conflict("There is no plan to decide on.")
    number, proposed = found.payload["number"], found.payload["text"]
    if said.number not in (None, number):
        raise Conflict(f"The newest plan is number {number}. Look at that one.")
    payload = _payload(said, number, proposed)
    if decided is not None:
        _require_same(decided.payload, payload)
        return
    run = runs.alive(session, task_id)
    if run is None or not _waits(run):
        raise Conflict("No plan waits for an answer: the run has ended, or is just about to hand it in.")
    runs.record(session, run, EventKind.PLAN_DECIDED, payload | {"by": user.name}, f"plan:{number}")
    if said.decision is Decision.DISCARD:
        _discard(session, user, run)
    else:
        runs.wake(session, run, task)


def newest(session: Session, task_id: UUID) -> PlanRow | None:
    """The task's newest plan, with what was said of it. The caller has checked that the task may be read."""
    found, decided = _newest(session, task_id)
    if found is None:
        return None
    said = decided.payload if decided else {}
    return PlanRow(
        number=found.payload["number"],
        title=found.payload["title"],
        text=said.get("plan") or found.payload["text"],
        decision=Decision(said["decision"]) if said else None,
        words=said.get("text", ""),
        by=said.get("by", ""),
        is_edited=said.get("is_edited", False),
        until=found.created_at + PATIENCE,
    )


def expired(session: Session) -> Sequence[UUID]:
    """The runs whose plan has waited for too long."""
    found = session.execute(
        sql(
            """
            SELECT r.id FROM task_runs r
            WHERE r.status = 'pending' AND r.phase = 'parked' AND r.reason = :reason AND
                  (SELECT max(e.created_at) FROM task_events e WHERE e.run_id = r.id AND e.kind = 'plan')
                  < now() - make_interval(secs => :seconds)
            """
        ),
        {"reason": APPROVAL, "seconds": PATIENCE.total_seconds()},
    )
    return found.scalars().all()


def give_up(session: Session, run_id: UUID) -> bool:
    """Ends such a run, charged for what it used; the rest of its hold is free again. False where it waits no more."""
    _, run = runs.locked(session, run_id)
    if run_id not in expired(session):
        return False
    words = f"The plan waited {PATIENCE.days} days for an answer, so the run was ended. Retry makes a new plan."
    runs.end(session, run_id, run.fence, runs.End(Status.CANCELLED, words))
    return True


def _discard(session: Session, user: User, run: TaskRun) -> None:
    run.cancelled_by, run.cancel_requested_at = user.id, clock.now()
    session.add(run)
    session.flush()
    runs.end(session, run.id, run.fence, runs.End(Status.CANCELLED, f"{user.name} discarded the plan."))


def _require_same(known: dict[str, Any], payload: dict[str, Any]) -> None:
    """Raises Conflict where another answer was given."""
    if {**known, "by": ""} != {**payload, "by": ""}:
        raise Conflict(f"This plan {_BECAME[Decision(known['decision'])]}.")


def _waits(run: TaskRun) -> bool:
    return (run.status, run.phase, run.reason) == (Status.PENDING, Phase.PARKED, APPROVAL)


def _newest(session: Session, task_id: UUID) -> tuple[TaskEvent | None, TaskEvent | None]:
    """The task's last plan, and what was said of it, if anything."""
    found = session.exec(
        select(TaskEvent)
        .where(TaskEvent.task_id == task_id, col(TaskEvent.kind).in_([EventKind.PLAN, EventKind.PLAN_DECIDED]))
        .order_by(col(TaskEvent.seq).desc())
        .limit(2)
    ).all()
    if not found or found[0].kind == EventKind.PLAN:
        return (found[0] if found else None), None
    return found[1], found[0]


def _payload(said: Said, number: int, proposed: str) -> dict[str, Any]:
    plan = proposed if said.plan is None else said.plan
    is_approval = said.decision is Decision.APPROVE
    return {
        "number": number,
        "decision": said.decision,
        "text": "" if said.decision is Decision.DISCARD else said.text,
        "plan": plan if is_approval else "",
        "is_edited": is_approval and plan.strip() != proposed.strip(),
    }


def _checked(said: Said) -> Said:
    words = _fitting(said.text, "text", MAX_WORDS, MAX_WORDS_BYTES)
    if said.decision is Decision.CHANGE and not words:
        raise InvalidInput("Say what should be different.", field="text")
    if said.plan is None or said.decision is not Decision.APPROVE:
        return Said(said.decision, words, None, said.number)
    plan = _fitting(said.plan, "plan", MAX_PLAN, MAX_PLAN_BYTES)
    if not plan:
        raise InvalidInput("The plan is empty.", field="plan")
    return Said(said.decision, words, plan, said.number)


def _fitting(words: str, field: str, most: int, most_bytes: int) -> str:
    if "\x00" in words:
        raise InvalidInput("There is a NUL character in it.", field=field)
    words = jsonb.clean_text(words).strip()
    if len(words) > most or jsonb.size(words) > most_bytes:
        raise TooLarge(f"The {'plan' if field == 'plan' else 'answer'} is at most {most:,} characters long.")
    return words

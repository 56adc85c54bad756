"""A run's life in the database: started, kept, parked, ended. Every step names its fence.

PostgreSQL decides who works on what; RQ only delivers a "look". Locks are taken task first, then user.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select

from backend import clock, events, jsonb, log
from backend.db import after_commit, for_update, lock
from backend.engine.assignment import Orders
from backend.engine.transcript import with_images
from backend.errors import AsyncCoderError, Conflict, StaleFence
from backend.models import AiModel, PullRequest, Task, TaskRun, User
from backend.queue import ring_runs
from backend.services import (
    access,
    analytics,
    attachments,
    catalog,
    credits,
    estimates,
    line,
    notices,
    provider_keys,
    waiting_messages,
)
from backend.words import APPROVAL, EventKind, Failure, Outcome, Phase, Priority, PullRequestStatus, Status, TaskType

_log = log.get(__name__)
WAITING = "waiting for a worker"


@dataclass(frozen=True)
class End:
    """How a run ended; `text` is the last word the log shows."""

    status: Status
    text: str
    outcome: Outcome | None = None
    failure: Failure | None = None
    details: dict[str, Any] = field(default_factory=dict)


def enter(session: Session, run_id: UUID, fence: int, phase: Phase, reason: str | None = None) -> None:
    """Moves a running run to a phase, `reason` says what it does there. Raises StaleFence."""
    task, run = locked(session, run_id)
    require_own(run, fence)
    if (run.phase, run.reason) == (phase, reason):
        return
    run.phase, run.reason = phase, reason
    mirror(session, task, run)


def begin_hand_over(
    session: Session, run_id: UUID, fence: int, evidence: dict[str, Any] | None = None, name: str = ""
) -> bool:
    """Keeps the evidence under its name and begins to push; False where the person said stop, which ends the run.

    A review has no evidence and is posted.

    Here alone it is decided which of the two comes first: whoever says stop afterwards is refused. Raises StaleFence.
    """
    run = require(session, run_id, fence)
    if run.cancel_requested_at is not None:
        words = "Stopped before anything was pushed. The changes are kept as a patch."
        words = words if evidence is not None else "Stopped before anything was posted."
        end(session, run_id, fence, End(Status.CANCELLED, words))
        return False
    if evidence is not None:
        record(session, run, EventKind.EVIDENCE, jsonb.fit(evidence), name)
    enter(session, run_id, fence, Phase.FINISHING)
    return True


def is_handed_over(session: Session, run_id: UUID) -> bool:
    """Whether the run has begun to push: it can no longer be stopped, for its pull request may be open on GitHub."""
    found = session.execute(
        text("SELECT 1 FROM task_events WHERE run_id = :id AND kind = 'phase' AND payload->>'phase' = 'finishing'"),
        {"id": run_id},
    )
    return found.first() is not None


def park(
    session: Session,
    run_id: UUID,
    fence: int,
    *,
    reason: str,
    until: datetime | None,
    heard: Orders | None = None,
) -> None:
    """Frees lease and worker while the hold stays; the run goes on at `until`, or when the person answers.

    `heard` are the orders that the engine has acted on: what the person ordered since then is an answer already.
    """
    task, run = locked(session, run_id)
    require_own(run, fence)
    if run.cancel_requested_at is not None:
        end(session, run_id, fence, End(Status.CANCELLED, "Stopped."))
        return
    run.status, run.phase, run.reason, run.until = Status.PENDING, Phase.PARKED, reason, until
    run.fence += 1
    run.lease_owner = run.lease_expires_at = None
    mirror(session, task, run)
    if heard is not None and _has_answered(run, heard, reason):
        wake(session, run, task)


def _has_answered(run: TaskRun, heard: Orders, reason: str) -> bool:
    wants_end = run.finish_requested_at is not None and not heard.finish_now
    if reason == APPROVAL:  # more credits are no answer to a plan
        return wants_end
    return wants_end or credits.buys(run.limit, run.margin) > heard.hold_micro


def wake(session: Session, run: TaskRun, task: Task) -> None:
    """Puts a parked run back into the queue; the caller holds the task's lock."""
    if run.status != Status.PENDING or run.phase != Phase.PARKED:
        return
    run.phase, run.reason, run.until = Phase.QUEUED, WAITING, None
    mirror(session, task, run)
    after_commit(session, ring_runs)


def end(session: Session, run_id: UUID, fence: int, how: End) -> None:
    """Ends a run: status, settlement, the log's last entries, the person's notice. Twice is once.

    Messages that came too late for this run start the next one. What cannot be told as it was is told in short: a run
    that cannot end would keep its hold for ever.
    """
    try:
        with session.begin_nested():
            _end(session, run_id, fence, how)
    except (AsyncCoderError, OperationalError, InterfaceError):  # ours, or a database that is away
        raise
    except Exception:
        _log.exception("a run could not be ended as it should", run_id=str(run_id))
        _end(session, run_id, fence, replace(how, text="", details={}), in_short=True)


def _end(session: Session, run_id: UUID, fence: int, how: End, *, in_short: bool = False) -> None:
    task, run = locked(session, run_id)
    if Status(run.status).is_end:
        return
    if run.fence != fence:
        raise StaleFence
    if how.status is Status.FAILED and run.cancel_requested_at is not None:
        how = End(Status.CANCELLED, "Stopped.")  # what breaks after the person said stop was stopped
    cost = run.cost_micro
    run.status, run.phase, run.reason, run.until = how.status, Phase.ENDED, None, None
    run.outcome, run.failure = how.outcome, how.failure
    run.ended_at = clock.now()
    run.lease_owner = run.lease_expires_at = None
    refund = how.failure is not None and how.failure.is_platform_fault
    charged = credits.settle(session, task.user_id, run, credits.to_credits(cost, run.margin), refund=refund)
    task.credits_used += 0 if refund else charged
    task.completed_at = run.ended_at
    record(
        session,
        run,
        EventKind.SETTLED,
        {
            "charged": charged,
            "held": run.held,
            "released": run.held - charged,
            "refunded": refund and charged > 0,
            "cost_micro": cost,
            "own_key": run.own_key,
            "margin": run.margin,
        },
        "settled",
    )
    record(
        session,
        run,
        EventKind.ENDED,
        {
            "status": how.status,
            "outcome": how.outcome,
            "failure": how.failure,
            "text": jsonb.cut(how.text),
            **how.details,
        },
        "ended",
    )
    mirror(session, task, run, notice=notices.COMPLETED)
    analytics.write(session, task.id)
    if how.status is not Status.CANCELLED and not in_short:
        _start_leftovers(session, task, run)


def start(
    session: Session, task: Task, user: User, prompt: str, *, hold: int, messages: Sequence[UUID] = ()
) -> TaskRun:
    """Adds the task's next run with its own hold and first event, which names the images that came with the task or
    these messages. The caller holds the task's lock, if it is old.

    Where the person has a key of their own for the model's provider the run is on that key: nothing is held, and `hold`
    is what it may cost. Raises NotEnoughCredits.
    """
    number = session.execute(
        text("SELECT coalesce(max(number), 0) + 1 FROM task_runs WHERE task_id = :id"), {"id": task.id}
    ).scalar_one()
    run = TaskRun(task_id=task.id, number=number, ai_model_id=task.ai_model_id, prompt=prompt)
    session.add(run)
    session.flush()
    session.refresh(run)
    run.own_key = provider_keys.pays_for(session, user.id, task.ai_model_id)
    if run.own_key:
        credits.allow(session, user.id, run, hold)
    else:
        # Fixed here: whatever becomes of the model's margin, the run costs what was agreed.
        run.margin = session.exec(select(AiModel.margin).where(AiModel.id == task.ai_model_id)).one()
        credits.hold(session, user.id, run, hold, key=f"run:{run.id}:hold")
    run.turn = line.turn(session, user.id, Priority(task.priority))
    run.reason = WAITING
    task.outcome = task.failure = None
    task.completed_at = task.archived_at = None
    images = attachments.hand_over(session, task.id, run.id, [None, *messages])
    asked = {"text": prompt, "run": number, "held": run.held} | with_images(images)
    record(session, run, EventKind.PROMPT, asked, "prompt")
    mirror(session, task, run)
    notices.tell(session, user.id, notices.CREDITS, {"task_id": str(task.id)})
    after_commit(session, ring_runs)
    return run


def alive(session: Session, task_id: UUID) -> TaskRun | None:
    """The task's run that is pending or running, locked; the caller holds the task's lock."""
    is_alive = col(TaskRun.status).in_([Status.PENDING, Status.RUNNING])
    return session.exec(for_update(select(TaskRun).where(TaskRun.task_id == task_id, is_alive))).first()


def require(session: Session, run_id: UUID, fence: int) -> TaskRun:
    """The run, locked behind its task, if this fence still has it. Raises StaleFence."""
    _, run = locked(session, run_id)
    require_own(run, fence)
    return run


def is_merged(session: Session, task_id: UUID) -> bool:
    """Whether the task's pull request is merged: then nothing more can be added to it."""
    found = session.exec(select(PullRequest.status).where(PullRequest.task_id == task_id)).first()
    return found == PullRequestStatus.MERGED


def locked(session: Session, run_id: UUID) -> tuple[Task, TaskRun]:
    """The run behind its task, both locked in that order and read anew."""
    task_id = session.exec(select(TaskRun.task_id).where(TaskRun.id == run_id)).one()
    return lock(session, Task, task_id), lock(session, TaskRun, run_id)


def require_own(run: TaskRun, fence: int) -> None:
    """Raises StaleFence unless the locked run is running under this fence."""
    if run.fence != fence or run.status != Status.RUNNING:
        raise StaleFence


def follow_up(session: Session, user: User, task: Task, prompt: str = "", *, merges_target: bool = False) -> TaskRun:
    """Starts the next run with the messages that wait, oldest first; those that no longer fit wait to be read by it.

    A `prompt` that is given again stands before them; with `merges_target` it begins with that branch merged.

    The caller holds the task's lock. Raises Conflict, NotFound, Forbidden, InvalidInput, NotEnoughCredits.
    """
    if is_merged(session, task.id):
        raise Conflict("This task's pull request is merged. Start a new task for what comes next.")
    access.require_to_work(session, user, task.repository_id, TaskType(task.type))
    model = catalog.usable(session, task.ai_model_id, user)
    messages = waiting_messages.fitting(waiting_messages.untaken(session, task.id), beside=prompt)
    prompt = "\n\n".join([*([prompt] if prompt else []), *(message.text for message in messages)])
    ids = [message.id for message in messages]
    images = sum(map(len, attachments.of_messages(session, task.id, ids).values()))
    of = TaskType(task.type), task.repository_id
    own = provider_keys.held_by(session, user.id)
    estimate = estimates.estimate(session, model.id, *of, length=len(prompt), images=images, own=own)
    task.estimated_credits = estimate.hold
    run = start(session, task, user, prompt, hold=estimate.hold, messages=ids)
    run.merges_target = merges_target
    session.add(run)
    for message in messages:
        message.taken_at, message.run_id = clock.now(), run.id
        session.add(message)
    return run


def _start_leftovers(session: Session, task: Task, run: TaskRun) -> None:
    """Messages that came too late for a run start the next, as if they were sent now."""
    user = session.get(User, task.user_id)
    if user is None or not waiting_messages.untaken(session, task.id):
        return
    if run.own_key and not provider_keys.pays_for(session, user.id, task.ai_model_id):
        # Nobody agreed to pay for it with credits.
        words = (
            "The follow-up did not start: the run was on your own key, which was removed. Send it again to start it."
        )
        record(session, run, EventKind.NOTE, {"text": words, "code": "own_key"}, "late")
        return
    try:
        with session.begin_nested():  # a refused hold leaves no run behind
            follow_up(session, user, task)
    except AsyncCoderError as error:
        note = {"text": f"The follow-up did not start. {error}", "code": error.code}
        record(session, run, EventKind.NOTE, note, "late")
    except (OperationalError, InterfaceError):  # a database that is away
        raise
    except Exception:  # the end of this run must not depend on the next one's beginning
        _log.exception("a follow-up could not be started", task_id=str(task.id))
        words = "The follow-up did not start: something went wrong on our side. Send it again."
        record(session, run, EventKind.NOTE, {"text": words, "code": "not_started"}, "late")


def mirror(session: Session, task: Task, run: TaskRun, *, notice: str = notices.STATUS) -> None:
    """Gives the task its newest run's state, and tells the log and the person. Both are locked by the caller."""
    task.status, task.phase, task.reason, task.until = run.status, run.phase, run.reason, run.until
    is_done = Status(run.status).is_end and is_merged(session, task.id)
    task.outcome, task.failure = Outcome.MERGED if is_done else run.outcome, run.failure
    task.updated_at = clock.now()
    session.add(task)
    session.add(run)
    session.flush()
    payload = {"status": run.status, "phase": run.phase, "reason": run.reason, "until": run.until}
    events.append(
        session,
        task_id=task.id,
        run_id=run.id,
        kind=EventKind.PHASE,
        payload={key: value.isoformat() if isinstance(value, datetime) else value for key, value in payload.items()},
    )
    notices.tell(session, task.user_id, notice, {"task_id": str(task.id), "status": run.status, "phase": run.phase})
    notices.ring_readers(session, task)
    after_commit(session, lambda: events.ring(events.WORK_TOPIC, "", 0, str(EventKind.PHASE)))


def record(session: Session, run: TaskRun, kind: EventKind, payload: dict[str, Any], name: str) -> bool:
    """Adds an entry of which the run has one by that name: a second time it is not written. Whether it was."""
    seq = events.append(
        session, task_id=run.task_id, run_id=run.id, kind=kind, payload=payload, event_id=uuid5(run.id, name)
    )
    return seq is not None

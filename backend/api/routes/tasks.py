"""Tasks: started, listed, told whole, steered."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from sqlmodel import Session

from backend import db
from backend.api import bearer, pages
from backend.api.bearer import Caller
from backend.api.once import Once
from backend.api.pages import Page, Turn, Whose
from backend.api.schemas.tasks import (
    AttachmentShown,
    ChangesGiven,
    EvidenceShown,
    FollowUpGiven,
    FollowUpShown,
    GoingOnGiven,
    MessageShown,
    OpinionShown,
    PlanGiven,
    PlanShown,
    RetryGiven,
    RunShown,
    TaskGiven,
    TaskShown,
    TaskWhole,
)
from backend.models import User
from backend.services import access, attachments, tasks
from backend.services.tasks import Opened, State, TaskEntry
from backend.settings import get_settings
from backend.words import Outcome, Priority, Status, TaskType

router = bearer.router("/tasks", "Tasks")


@router.post("", status_code=201, response_model=TaskShown)
def create_task(caller: Caller, given: TaskGiven, once: Once) -> Response:
    """Starts a task: its estimate is held, and a worker takes it."""
    answered = once.answered()
    if answered is not None:
        return answered
    asked = tasks.Asked(**given.model_dump(exclude={"type"}), task_type=given.type)
    with db.transaction() as session:
        draft = tasks.draft(session, caller.user, asked)
    found = tasks.found_on_github(caller.user.id, draft)

    def submit(session: Session) -> tuple[TaskShown, str]:
        task = tasks.submit(session, caller.user, found)
        return shown(tasks.entry(session, caller.user, task.id), caller.user), f"/api/tasks/{task.id}"

    return once.make(submit)


@router.get("", response_model=Page[TaskShown])
def list_tasks(
    caller: Caller,
    turn: Turn,
    whose: Whose = "mine",
    status: Status | None = None,
    type: TaskType | None = None,
    priority: Priority | None = None,
    repository_id: UUID | None = None,
    model_id: UUID | None = None,
    q: Annotated[str, Query(max_length=200, description="Words of the title or the prompt.")] = "",
    archived: Annotated[bool, Query(description="Only those that were put away, instead of the others.")] = False,
    with_archived: Annotated[bool, Query(description="Those that were put away among the others.")] = False,
    outcome: Outcome | None = None,
    pull_request: Annotated[Opened | None, Query(description="Those that opened one, or whose one is merged.")] = None,
    first_day: Annotated[date | None, Query(description="Sent on this day (UTC) or later.")] = None,
    last_day: Annotated[date | None, Query(description="Sent on this day (UTC) or before.")] = None,
) -> Response:
    """The person's own tasks that fit, or all that they may read, newest first."""
    state = State.ARCHIVED if archived else None
    wanted = tasks.Filters(
        *(state, status, type, repository_id, model_id, priority, q, whose == "all"),
        *(outcome, pull_request, first_day, last_day, with_archived),
    )
    with db.transaction() as session:
        found = tasks.following(session, caller.user, wanted, turn.after(pages.Moment), size=turn.limit)
    return turn.page(found, pages.Moment, lambda entry: _told(entry, caller.user))


@router.get("/{task_id}")
def read_task(caller: Caller, task_id: UUID) -> TaskWhole:
    """A task of the person's own, or one that is shared with them."""
    with db.transaction() as session:
        prompt = access.readable(session, caller.user, task_id).prompt
        images = attachments.sent(session, task_id)
        entry, page = tasks.entry(session, caller.user, task_id), tasks.page(session, caller.user, task_id)
    return TaskWhole(
        **_told(entry, caller.user),
        prompt=prompt,
        run=RunShown.model_validate(page.run),
        evidence=EvidenceShown.model_validate(page.evidence) if page.evidence else None,
        opinion=OpinionShown.model_validate(page.opinion) if page.opinion else None,
        file_count=page.file_count,
        waiting_messages=[MessageShown.model_validate(one) for one in page.queued_messages],
        attachments=[AttachmentShown.model_validate(one) for one in images],
        plan=PlanShown.model_validate(page.plan) if page.plan else None,
        can_decide=page.can_decide,
        can_cancel=page.can_cancel,
        can_follow_up=page.can_follow_up,
    )


@router.put("/{task_id}")
def update_task(caller: Caller, task_id: UUID, given: ChangesGiven) -> TaskShown:
    """Names the task otherwise, or shares it with whoever has access to its repository; for its owner."""
    with db.transaction() as session:
        access.owned(session, caller.user, task_id)
        if given.title is not None:
            tasks.rename(session, caller.user, task_id, given.title)
        if given.visibility is not None:
            tasks.set_visibility(session, caller.user, task_id, given.visibility)
        return shown(tasks.entry(session, caller.user, task_id), caller.user)


@router.delete("/{task_id}", status_code=204)
def delete_task(caller: Caller, task_id: UUID) -> None:
    """Takes an ended task away for good; its pull request stays on GitHub, what it cost in the ledger."""
    with db.transaction() as session:
        tasks.delete(session, caller.user, task_id)


@router.put("/{task_id}/archive")
def archive_task(caller: Caller, task_id: UUID) -> TaskShown:
    """Takes an ended task out of the lists; twice is once."""
    with db.transaction() as session:
        tasks.archive(session, caller.user, task_id)
        return shown(tasks.entry(session, caller.user, task_id), caller.user)


@router.delete("/{task_id}/archive")
def unarchive_task(caller: Caller, task_id: UUID) -> TaskShown:
    """Brings an archived task back into the lists; twice is once."""
    with db.transaction() as session:
        tasks.unarchive(session, caller.user, task_id)
        return shown(tasks.entry(session, caller.user, task_id), caller.user)


@router.post("/{task_id}/retry", status_code=201, response_model=TaskShown)
def retry_task(caller: Caller, task_id: UUID, once: Once, given: RetryGiven | None = None) -> Response:
    """Tries a task again that ended without a result: the next run begins, with its own hold."""

    def again(session: Session) -> tuple[TaskShown, None]:
        wanted = given or RetryGiven()
        tasks.retry(session, caller.user, task_id, model_id=wanted.model_id, prompt=wanted.prompt)
        session.flush()
        return shown(tasks.entry(session, caller.user, task_id), caller.user), None

    return once.make(again)


@router.put("/{task_id}/cancel")
def cancel_task(caller: Caller, task_id: UUID) -> TaskShown:
    """Stops the task's run: at once while it waits, within a second or so while it works."""
    with db.transaction() as session:
        tasks.cancel(session, caller.user, task_id)
        session.flush()
        return shown(tasks.entry(session, caller.user, task_id), caller.user)


@router.put("/{task_id}/plan")
def decide_on_plan(caller: Caller, task_id: UUID, given: PlanGiven) -> TaskShown:
    """Answers the plan that waits: approved, the run goes on with it; changed, it plans again; discarded, it ends."""
    with db.transaction() as session:
        tasks.decide(session, caller.user, task_id, tasks.Said(**given.model_dump()))
        session.flush()
        return shown(tasks.entry(session, caller.user, task_id), caller.user)


@router.put("/{task_id}/continue")
def continue_task(caller: Caller, task_id: UUID, given: GoingOnGiven | None = None) -> TaskShown:
    """Lets a run that is parked `until` a limit is over go on now, with another model if one is given."""
    with db.transaction() as session:
        tasks.go_on(session, caller.user, task_id, model_id=given.model_id if given else None)
        session.flush()
        return shown(tasks.entry(session, caller.user, task_id), caller.user)


@router.post("/{task_id}/follow-ups", status_code=201, response_model=FollowUpShown)
def create_follow_up(caller: Caller, task_id: UUID, given: FollowUpGiven, once: Once) -> Response:
    """Says more: the run that is alive reads it, otherwise a new one begins with it, with its own hold."""

    def say(session: Session) -> tuple[FollowUpShown, None]:
        message = tasks.follow_up(session, caller.user, task_id, given.text, images=given.attachments)
        session.flush()
        session.refresh(message)
        return FollowUpShown.model_validate(message), None

    return once.make(say)


@router.delete("/{task_id}/follow-ups/{message_id}", status_code=204)
def withdraw_follow_up(caller: Caller, task_id: UUID, message_id: UUID) -> None:
    """Takes back what no run has read yet; twice is once."""
    with db.transaction() as session:
        tasks.withdraw(session, caller.user, message_id, of=task_id)


def shown(entry: TaskEntry, user: User) -> TaskShown:
    """A task as it is told to this person."""
    return TaskShown.model_validate(_told(entry, user))


def _told(entry: TaskEntry, user: User) -> dict[str, Any]:
    """The same as lists tell it: what comes from our own columns is not checked against the model fifty times."""
    has_pull = entry.pr_number is not None
    told = entry._asdict()
    number, status, url = told.pop("pr_number"), told.pop("pr_status"), told.pop("pr_url")
    told["pull_request"] = {"number": number, "status": status, "url": url} if has_pull else None
    told["short_id"], told["is_mine"] = entry.short_id, told.pop("user_id") == user.id
    told["url"] = f"{get_settings().origin}/tasks/{entry.id}"
    return told

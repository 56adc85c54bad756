"""What admins look after with a token of the scope admin: everyone's tasks, GitHub's deliveries, announcements."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from sqlmodel import Session

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.once import Once
from backend.api.pages import Moment, Page, Turn
from backend.api.schemas.admin import (
    AnnouncementGiven,
    AnnouncementShown,
    AnnouncementsShown,
    DeliveryPayloadShown,
    DeliveryShown,
    Empty,
    OverseenTaskShown,
    ReplayGiven,
    RetriedShown,
)
from backend.services import announcements, delivery_log, oversight, tasks
from backend.services.announcements import Draft
from backend.services.delivery_log import State, Wanted
from backend.services.paging import Slice
from backend.words import Failure, Outcome, TaskType

router = bearer.router("/admin", "Admin", route_class=bearer.AdminRoute)


async def _wanted(
    state: oversight.State | None = None,
    type: TaskType | None = None,
    outcome: Outcome | None = None,
    failure: Failure | None = None,
    person: Annotated[str, Query(max_length=200, description="The login of whose they are.")] = "",
    repository_id: UUID | None = None,
    model_id: UUID | None = None,
    q: Annotated[str, Query(max_length=200, description="A part of the title.")] = "",
    days: Annotated[int | None, Query(ge=1, le=3660, description="Sent in the last so many days.")] = None,
) -> oversight.Wanted:
    return oversight.Wanted(state, type, outcome, failure, person, repository_id, model_id, q, days)


TaskFilters = Annotated[oversight.Wanted, Depends(_wanted)]
readers = bearer.router("/announcements", "Announcements")


@router.get("/tasks", response_model=Page[OverseenTaskShown])
def list_everyones_tasks(caller: Caller, turn: Turn, wanted: TaskFilters) -> Response:
    """Everyone's tasks by title, state and cost, newest first; not what stands in them."""
    after = turn.after(Moment)
    with db.transaction() as session:
        found = oversight.window(session, caller.user, wanted, after, size=turn.limit)
    return turn.page(Slice(found.rows, found.older), Moment, OverseenTaskShown.model_validate)


@router.put("/tasks/{task_id}/cancel", status_code=204)
def stop_anybodys_task(caller: Caller, task_id: UUID) -> None:
    """Stops somebody's run: it is charged for what it used, and its person is told."""
    with db.transaction() as session:
        tasks.stop_for_admin(session, caller.user, task_id, address=caller.address)


@router.post("/tasks/{task_id}/retry", status_code=201, response_model=RetriedShown)
def retry_anybodys_task(caller: Caller, task_id: UUID, once: Once, given: Empty | None = None) -> Response:
    """Tries somebody's task again that failed or was stopped: in their name, and what it holds is theirs."""

    def again(session: Session) -> tuple[RetriedShown, None]:
        run = tasks.retry_for_admin(session, caller.user, task_id, address=caller.address)
        session.flush()
        return RetriedShown(task_id=task_id, run=run.number, held=run.held), None

    return once.make(again)


@router.get("/deliveries", response_model=Page[DeliveryShown])
def list_deliveries(
    caller: Caller,
    turn: Turn,
    event: Annotated[str, Query(max_length=100, description="GitHub's name of the event.")] = "",
    state: State | None = None,
    q: Annotated[str, Query(max_length=200, description="A part of the repository's name, or GitHub's id.")] = "",
) -> Response:
    """GitHub's deliveries, newest first."""
    after = turn.after(Moment)
    with db.transaction() as session:
        found = delivery_log.window(session, caller.user, Wanted(event, state, q), after, size=turn.limit)
    return turn.page(Slice(found.rows, found.older), Moment, DeliveryShown.model_validate)


@router.get("/deliveries/{delivery_id}")
def get_delivery(caller: Caller, delivery_id: UUID) -> DeliveryPayloadShown:
    """One of them, with what it says."""
    with db.transaction() as session:
        found = delivery_log.entry(session, caller.user, delivery_id)
        payload = delivery_log.payload(session, caller.user, delivery_id)
    return DeliveryPayloadShown(**DeliveryShown.model_validate(found).model_dump(), payload=payload)


@router.put("/deliveries/{delivery_id}/replay")
def replay_delivery(caller: Caller, delivery_id: UUID, given: ReplayGiven | None = None) -> DeliveryShown:
    """Has one tried again, with all its attempts; twice is once."""
    even_done = given.even_done if given else False
    with db.transaction() as session:
        found = delivery_log.again(session, caller.user, delivery_id, even_done=even_done, address=caller.address)
        return DeliveryShown.model_validate(found)


@readers.get("")
def list_announcements(caller: Caller) -> AnnouncementsShown:
    """What admins tell everybody now, also what the caller has put away."""
    with db.transaction() as session:
        found = announcements.current(session, caller.user, with_dismissed=True)
    return AnnouncementsShown(items=[AnnouncementShown.model_validate(row) for row in found])


@router.get("/announcements")
def list_all_announcements(caller: Caller) -> AnnouncementsShown:
    """The newest 200 announcements, past ones and those to come too."""
    with db.transaction() as session:
        found = announcements.listing(session, caller.user)
        return AnnouncementsShown(items=[AnnouncementShown.model_validate(row) for row, _ in found])


@router.post("/announcements", status_code=201, response_model=AnnouncementShown)
def create_announcement(caller: Caller, given: AnnouncementGiven, once: Once) -> Response:
    """Tells everybody who is signed in."""

    def announce(session: Session) -> tuple[AnnouncementShown, None]:
        row = announcements.announce(session, caller.user, _draft(given), address=caller.address)
        return AnnouncementShown.model_validate(row), None

    return once.make(announce)


@router.put("/announcements/{announcement_id}")
def change_announcement(caller: Caller, announcement_id: UUID, given: AnnouncementGiven) -> AnnouncementShown:
    """Replaces all of it; who has put it away sees other words again."""
    with db.transaction() as session:
        row = announcements.change(session, caller.user, announcement_id, _draft(given), address=caller.address)
        return AnnouncementShown.model_validate(row)


@router.put("/announcements/{announcement_id}/end", status_code=204)
def end_announcement(caller: Caller, announcement_id: UUID) -> None:
    """Takes it from the pages now; twice is once."""
    with db.transaction() as session:
        announcements.end(session, caller.user, announcement_id, address=caller.address)


@router.delete("/announcements/{announcement_id}", status_code=204)
def delete_announcement(caller: Caller, announcement_id: UUID) -> None:
    """Removes it."""
    with db.transaction() as session:
        announcements.delete(session, caller.user, announcement_id, address=caller.address)


def _draft(given: AnnouncementGiven) -> Draft:
    return Draft(given.words, given.tone, given.link, given.link_words, given.starts_at, given.ends_at)

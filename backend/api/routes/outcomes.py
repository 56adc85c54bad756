"""What came of a task: its log, its results, its changes."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlmodel import Session

from backend import db
from backend.api import bearer, deps, pages, streams
from backend.api.bearer import Caller
from backend.api.pages import Page, Turn
from backend.api.schemas.tasks import DiffShown, EventShown, FileShown, ResultShown
from backend.api.streams import Numbered, Stream
from backend.events import EventRow, task_topic
from backend.models import TaskResult, User
from backend.services import access, export, logs, results, tasks

router = bearer.router("/tasks/{task_id}", "Outcomes")


class _Patch(StreamingResponse):
    media_type = "text/x-patch"


class _Page(StreamingResponse):
    media_type = "text/html; charset=utf-8"


class _Lines(StreamingResponse):
    media_type = "application/jsonl"


@router.get("/events", response_model=Page[EventShown], responses={200: {"content": {Stream.media_type: {}}}})
def list_events(
    request: Request,
    caller: Caller,
    turn: Turn,
    task_id: UUID,
    after: Annotated[int, Query(ge=0, lt=2**31, description="The number of the last entry that is known.")] = 0,
) -> Response:
    """The entries of the task's log after that number, in order.

    With `Accept: text/event-stream` as it happens, after `after` or `Last-Event-ID`; text that a model writes comes as
    `task:delta` meanwhile.
    """
    if streams.wanted(request):
        with db.transaction() as session:
            access.readable(session, caller.user, task_id)
        known = streams.last_known(request, after)
        read = partial(_entries, task_id)
        return streams.stream(request, caller, task_topic(task_id), known, read, _told)
    with db.transaction() as session:
        found = logs.since(session, caller.user, task_id, after, turn.limit)
    more = {"after": str(found[-1].seq)} if len(found) == turn.limit else {}
    return turn.answer([EventShown.model_validate(row) for row in found], more)


@router.get("/results", response_model=Page[ResultShown])
def list_results(caller: Caller, turn: Turn, task_id: UUID) -> Response:
    """What the task's runs produced, oldest first."""
    with db.transaction() as session:
        found = results.stored(session, caller.user, task_id, turn.after(pages.Moment), size=turn.limit)
    return turn.page(found, pages.Moment, _result)


@router.get("/diff")
def read_diff(caller: Caller, task_id: UUID) -> DiffShown:
    """The task's changed files with their diffs."""
    with db.transaction() as session:
        files = tasks.diff(session, caller.user, task_id)
    return DiffShown(files=[FileShown.model_validate(one) for one in files])


@router.get("/patch", response_class=_Patch)
def read_patch(caller: Caller, task_id: UUID) -> _Patch:
    """The task's changes as `git apply` takes them; a run that failed or was stopped keeps what it got to."""
    with db.transaction() as session:
        return _Patch(tasks.patch(session, caller.user, task_id))


@router.get("/export.html", response_class=_Page)
def export_page(caller: Caller, task_id: UUID) -> _Page:
    """The task as one page that needs nothing else: prompt, evidence, cost, changes, log, without secrets."""
    with db.transaction() as session:
        facts = export.read(session, caller.user, task_id)
    return _Page(export.as_page(facts), headers=deps.attached(f"{facts.name}.html"))


@router.get("/export.jsonl", response_class=_Lines)
def export_lines(caller: Caller, task_id: UUID) -> _Lines:
    """The task as JSON lines, an entry of its log each, without secrets: `asynccoder replay` runs it again."""
    with db.transaction() as session:
        facts = export.read(session, caller.user, task_id)
    return _Lines(export.as_lines(facts), headers=deps.attached(f"{facts.name}.jsonl"))


def _entries(task_id: UUID, session: Session, user: User, after: int, limit: int) -> list[EventRow]:
    return logs.since(session, user, task_id, after, limit)


def _told(row: Numbered) -> tuple[str, EventShown]:
    return "task:event", EventShown.model_validate(row)


def _result(row: TaskResult) -> ResultShown:
    return ResultShown.model_validate({**row.model_dump(), "metadata": row.meta})

"""Downloads and attached images, for the browser, by the session's cookie."""

from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from backend import clock, db
from backend.api import deps, pictures
from backend.services import access, analytics_report, attachments, audit_reading, export, ledger, logs, tasks
from backend.services.analytics_report import Days, Scope
from backend.services.attachments import AttachmentRow
from backend.services.ledger import Kind, Period, Wanted
from backend.words import Act

router = APIRouter(prefix="/files", include_in_schema=False)
Words = Annotated[str, Query(max_length=200)]


class AuditFile(StrEnum):
    """How the audit log is taken away."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def export(self) -> str:
        """The service's name of it."""
        return "csv" if self is AuditFile.CSV else "json"

    @property
    def media_type(self) -> str:
        """As a browser is told."""
        return "text/csv; charset=utf-8" if self is AuditFile.CSV else "application/x-ndjson"


@router.get("/tasks/{task_id}/patch")
def patch(request: Request, task_id: UUID) -> StreamingResponse:
    """The task's changes as `git apply` takes them; 404 for whoever may not see the task."""
    with db.transaction() as session:
        user = deps.person(request, session)
        pieces = tasks.patch(session, user, task_id)
    name = f"asynccoder-{task_id.hex[:8]}.patch"
    return StreamingResponse(
        pieces, media_type="text/x-patch", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.get("/tasks/{task_id}/export.html")
def export_page(request: Request, task_id: UUID) -> StreamingResponse:
    """The task as one page that opens anywhere; 404 as above."""
    with db.transaction() as session:
        facts = export.read(session, deps.person(request, session), task_id)
    headers = deps.attached(f"{facts.name}.html")
    return StreamingResponse(export.as_page(facts), media_type="text/html; charset=utf-8", headers=headers)


@router.get("/tasks/{task_id}/export.jsonl")
def export_lines(request: Request, task_id: UUID) -> StreamingResponse:
    """The task as JSON lines, which `asynccoder replay` runs again; 404 as above."""
    with db.transaction() as session:
        facts = export.read(session, deps.person(request, session), task_id)
    headers = deps.attached(f"{facts.name}.jsonl")
    return StreamingResponse(export.as_lines(facts), media_type="application/jsonl", headers=headers)


@router.get("/tasks/{task_id}/log")
def log(request: Request, task_id: UUID) -> JSONResponse:
    """The newest entries of the task's log, which its page opens with before its connection stands; 404 as above."""
    with db.transaction() as session:
        rows = logs.newest(session, deps.person(request, session), task_id)
    return JSONResponse(logs.message(rows))


@router.get("/credits.csv")
def credits(
    request: Request, type: Kind = Kind.ALL, task: UUID | None = None, days: Period = Period.ALL
) -> StreamingResponse:
    """The person's own ledger as CSV, with the filters of its page."""
    with db.transaction() as session:
        user = deps.person(request, session)
    return StreamingResponse(
        ledger.as_csv(user, Wanted(type, task, days)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="asynccoder-credits.csv"'},
    )


@router.get("/analytics.csv")
def analytics(request: Request, scope: Scope = Scope.OWN, days: Days = Days.MONTH) -> StreamingResponse:
    """What the analytics page shows by model, type and repository, as CSV; 403 for everyone's where one is no admin."""
    with db.transaction() as session:
        found = analytics_report.report(session, deps.person(request, session), scope, days)
    return StreamingResponse(
        analytics_report.as_csv(found),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="asynccoder-analytics.csv"'},
    )


@router.get("/audit.{format}")
def audit(
    request: Request,
    format: AuditFile,
    person: Words = "",
    act: Act | None = None,
    days: Period = Period.ALL,
    q: Words = "",
) -> StreamingResponse:
    """The audit log, oldest first, with the filters of its page; 403 for who is no admin."""
    with db.transaction() as session:
        access.require_admin(deps.person(request, session))
    since = None if days.days is None else clock.now() - timedelta(days=days.days)
    wanted = audit_reading.Wanted(actor=person, act=act, since=since, words=q)
    return StreamingResponse(
        audit_reading.EXPORTS[format.export](wanted),
        media_type=format.media_type,
        headers={"Content-Disposition": f'attachment; filename="asynccoder-audit.{format.value}"'},
    )


@router.post("/attachments", status_code=201)
async def attach(request: Request, name: str = "") -> JSONResponse:
    """Takes an image as the request's body, to be sent with a task; 403 for another origin, 413 past 5 MB."""
    deps.require_own_origin(request)
    await run_in_threadpool(_require_person, request)  # a stranger's body is not read
    content = await deps.bounded_body(request, attachments.MAX_BYTES)
    row = await run_in_threadpool(_store, request, name, content)
    return JSONResponse({**asdict(row), "id": str(row.id)}, status_code=201)


@router.get("/attachments/{attachment_id}")
def attachment(request: Request, attachment_id: UUID) -> Response:
    """An image, for whoever may see it."""
    with db.transaction() as session:
        user = deps.person(request, session)
        shown = attachments.picture(session, user, attachment_id)
    return pictures.answer(request, attachment_id, shown)


@router.delete("/attachments/{attachment_id}", status_code=204)
def detach(request: Request, attachment_id: UUID) -> Response:
    """Removes an image that is not sent yet; 404 for one that is not there, 409 for one that was sent."""
    deps.require_own_origin(request)
    with db.transaction() as session:
        attachments.remove(session, deps.person(request, session), attachment_id)
    return Response(status_code=204)


def _require_person(request: Request) -> None:
    with db.transaction() as session:
        deps.person(request, session)


def _store(request: Request, name: str, content: bytes) -> AttachmentRow:
    with db.transaction() as session:
        return attachments.store(session, deps.person(request, session), name, content)

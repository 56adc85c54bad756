"""Downloads for the browser, by the session's cookie."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from backend import db
from backend.api import deps
from backend.services import ledger, tasks
from backend.services.ledger import Kind, Period, Wanted

router = APIRouter(prefix="/files")


@router.get("/tasks/{task_id}/patch")
def patch(request: Request, task_id: UUID) -> Response:
    """The task's changes as `git apply` takes them; 404 for whoever may not see the task."""
    with db.transaction() as session:
        user = deps.person(request, session)
        content = tasks.patch(session, user, task_id)
    name = f"asynccoder-{task_id.hex[:8]}.patch"
    return Response(
        content, media_type="text/x-patch", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


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

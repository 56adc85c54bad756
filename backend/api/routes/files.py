"""Downloads for the browser, by the session's cookie."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from backend import db
from backend.api import deps
from backend.services import tasks

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

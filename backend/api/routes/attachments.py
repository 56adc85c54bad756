"""Images that go with a prompt: sent first, then named by the task or the follow-up that they belong to."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlmodel import Session

from backend import db
from backend.api import bearer, deps, pictures
from backend.api.bearer import Caller, Taken, TokenRoute
from backend.api.once import Once
from backend.api.schemas.tasks import AttachmentShown
from backend.errors import UnsupportedMedia
from backend.services import attachments

_KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")
_CONTENT: dict[str, Any] = {kind: {"schema": {"type": "string", "contentMediaType": kind}} for kind in _KINDS}


class ImageRoute(TokenRoute):
    """A route whose body, where it takes one, is an image."""

    async def taken(self, request: Request) -> Request:
        """The request with the image. Raises TooLarge past 5 MB, UnsupportedMedia."""
        if request.method != "POST":
            return request
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        content = await deps.bounded_body(request, attachments.MAX_BYTES)
        if kind not in _KINDS:
            raise UnsupportedMedia(f"Send an image as the body, with its Content-Type: {', '.join(_KINDS)}.")
        return Taken(request, content)


router = bearer.router("/attachments", "Tasks", route_class=ImageRoute)


@router.post(
    "",
    status_code=201,
    response_model=AttachmentShown,
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
async def create_attachment(
    request: Request, caller: Caller, once: Once, name: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Keeps an image for a day, until a task or a follow-up names it; of more than twenty the oldest give way."""
    content = await request.body()

    def keep(session: Session) -> tuple[AttachmentShown, str]:
        row = attachments.store(session, caller.user, name, content)
        return AttachmentShown.model_validate(row), f"/api/attachments/{row.id}"

    return await run_in_threadpool(once.make, keep)


@router.get(
    "/{attachment_id}",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in _KINDS}}, 304: {"description": "As `If-None-Match` knows it."}},
)
def read_attachment(request: Request, caller: Caller, attachment_id: UUID) -> Response:
    """An image of the person's own, or of a task that they may read."""
    with db.transaction() as session:
        shown = attachments.picture(session, caller.user, attachment_id)
    return pictures.answer(request, attachment_id, shown)


@router.delete("/{attachment_id}", status_code=204)
def remove_attachment(caller: Caller, attachment_id: UUID) -> None:
    """Removes an image that no task has yet."""
    with db.transaction() as session:
        attachments.remove(session, caller.user, attachment_id)

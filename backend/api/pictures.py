"""An attached image as an answer."""

from uuid import UUID

from fastapi import Request, Response

from backend.services.attachments import Shown

# Opened by itself, an image runs nothing and loads nothing.
_ALONE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie, Authorization",
}


def answer(request: Request, attachment_id: UUID, shown: Shown) -> Response:
    """The image, or 304 for whoever has it: asked for again each time, so that nobody keeps what they may not see."""
    tag = f'"{attachment_id}"'
    headers = {**_ALONE, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    kind = shown.media_type.removeprefix("image/")
    headers["Content-Disposition"] = f'inline; filename="{attachment_id.hex[:8]}.{kind}"'
    return Response(shown.content, media_type=shown.media_type, headers=headers)

"""GitHub's deliveries: verified on the raw body, stored once, answered at once; a chore applies them."""

import json

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from backend import db
from backend.api import deps
from backend.errors import InvalidInput, SignedOut, UnsupportedMedia
from backend.github import webhooks
from backend.services import deliveries, delivery_log
from backend.settings import get_settings

router = APIRouter(prefix="/api/webhooks", tags=["Webhooks"])
_TOO_DEEP = "The body is nested too deeply."
_DELIVERY = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in ("X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256")
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object", "examples": [{"zen": "Keep it logically awesome."}]}}
        },
    },
}
MAX_BODY = 25 * 1024 * 1024  # GitHub's own cap: "Webhook events and payloads"


@router.post("/github", status_code=202, response_class=Response, openapi_extra=_DELIVERY)
async def receive_webhook(request: Request) -> Response:
    """202 for a signed delivery of any event, 401 for any other body, 413 past 25 MB, 415 for a form.

    A refused one writes nothing.
    """
    body = await deps.bounded_body(request, MAX_BODY)
    if not webhooks.verify(get_settings().webhook_secret, body, request.headers.get("x-hub-signature-256")):
        await run_in_threadpool(delivery_log.note_refused)
        raise SignedOut("The signature does not fit.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("Set the webhook's content type to application/json on GitHub.")
    delivery_id = request.headers.get("x-github-delivery", "")
    event = request.headers.get("x-github-event", "")
    if not delivery_id or not event or len(delivery_id) > 100 or len(event) > 100:
        raise InvalidInput("X-GitHub-Delivery and X-GitHub-Event are required.")
    try:
        payload = json.loads(body, parse_constant=_refuse)
    except ValueError as error:
        raise InvalidInput("The body is not JSON.") from error
    except RecursionError as error:
        raise InvalidInput(_TOO_DEEP) from error
    if not isinstance(payload, dict):
        raise InvalidInput("The body is not a JSON object.")
    await run_in_threadpool(_store, delivery_id, event, payload)
    return Response(status_code=202)


def _store(delivery_id: str, event: str, payload: dict[str, object]) -> None:
    try:
        with db.transaction() as session:
            deliveries.store(session, delivery_id, event, payload)
    except RecursionError as error:
        raise InvalidInput(_TOO_DEEP) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")

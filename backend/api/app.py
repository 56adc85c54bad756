"""The FastAPI app: routes, and errors as RFC 9457 problems that carry our names."""

import math

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from backend import jsonb, log
from backend.api import bearer
from backend.api.heads import Heads
from backend.api.metering import Metering
from backend.api.request_ids import RequestIds
from backend.api.routes import (
    account,
    admin,
    analytics,
    attachments,
    auth,
    catalog,
    description,
    device,
    events,
    files,
    health,
    lists,
    metrics,
    outcomes,
    oversight,
    pull_requests,
    repositories,
    setup,
    tasks,
    tokens,
    webhooks,
)
from backend.errors import AsyncCoderError, GitHubError, InvalidInput, NotFound, TooMany, Unavailable, WrongMethod

_log = log.get(__name__)
PROBLEM = "application/problem+json"
_OURS = "Something went wrong on our side."

app = FastAPI(
    title="Async Coder",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,  # we serve our own
    redirect_slashes=False,  # it would lead to wherever the request's Host says
    generate_unique_id_function=lambda route: route.name,
)
for part in (
    *(auth.router, device.router, webhooks.router, files.router, health.router, metrics.router),
    *(account.router, repositories.router, tasks.router, outcomes.router, events.router),
    *(attachments.router, pull_requests.router, pull_requests.of_task),
    *(lists.models, lists.money, analytics.router, tokens.router, oversight.readers, description.router),
    *(admin.router, catalog.router, setup.router, oversight.router),
):
    app.include_router(part)
app.add_middleware(Metering)  # the first is the innermost
app.add_middleware(RequestIds)
app.add_middleware(Heads)


def problem(error: AsyncCoderError, status: int | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error of ours as RFC 9457 wants it; `code` is its name for programs, `field` what of the input is meant."""
    status = status or error.status
    body: dict[str, object] = {"type": "about:blank", "title": type(error).__name__, "status": status}
    body |= {"code": error.code, "detail": str(error) if _is_told(error, status) else _OURS}
    if isinstance(error, InvalidInput) and error.field:
        body["field"] = error.field
    return JSONResponse(body, status_code=status, media_type=PROBLEM, headers={**_patience(error), **(headers or {})})


def _is_told(error: AsyncCoderError, status: int) -> bool:
    return status < 500 or isinstance(error, Unavailable | GitHubError)


def _patience(error: AsyncCoderError) -> dict[str, str]:
    """How long to wait, in whole seconds, where waiting helps."""
    seconds = getattr(error, "retry_after", None)
    if seconds is None and isinstance(error, Unavailable):
        seconds = 5
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}


@app.exception_handler(AsyncCoderError)
def refused(request: Request, error: Exception) -> Response:
    """Renders our own errors; those of our making are logged with their cause."""
    assert isinstance(error, AsyncCoderError)
    if isinstance(error, TooMany):
        request.state.standing = error.headers
    if error.status >= 500:
        _log.error("a request failed", path=request.url.path, code=error.code, error=str(error))
    return problem(error, headers=bearer.challenge(request, error))


@app.exception_handler(RequestValidationError)
def malformed(_: Request, error: Exception) -> Response:
    """What FastAPI could not parse is the caller's: 422, about the first of it."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = jsonb.clean_text(".".join(str(part) for part in first["loc"][1:]))[:200]
    field = where or str(first["loc"][0])
    return problem(InvalidInput(f"{field}: {jsonb.clean_text(first['msg'])}", field=field))


@app.exception_handler(HTTPException)
def unknown(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, such as an unknown path, in the same shape."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(NotFound("There is nothing here."))
    if error.status_code == 405:
        allowed = ", ".join(sorted(_methods(request)))
        return problem(WrongMethod(f"This takes {allowed}."), headers={"Allow": allowed})
    return problem(InvalidInput(str(error.detail)), error.status_code)


def _methods(request: Request) -> set[str]:
    """Every method that some route takes at this path: Starlette tells those of the first one alone."""
    is_there = (
        (method, route.matches({**request.scope, "method": method})[0])
        for method in ("GET", "POST", "PUT", "DELETE")
        for route in app.routes
    )
    found = {method for method, match in is_there if match is Match.FULL}
    return found | {"HEAD"} if "GET" in found else found


@app.exception_handler(Exception)
def broken(request: Request, error: Exception) -> Response:
    """What nobody expected: logged whole, told as a 500 without its insides."""
    _log.error("a request broke", path=request.url.path, exc_info=error)
    return problem(AsyncCoderError(_OURS))

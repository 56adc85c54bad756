"""The FastAPI app: routes, and errors as RFC 9457 problems that carry our names."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from backend import log
from backend.api.routes import auth, files, health, webhooks
from backend.errors import AsyncCoderError, InvalidInput, NotFound, Unavailable

_log = log.get(__name__)
PROBLEM = "application/problem+json"

app = FastAPI(title="Async Coder", docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(auth.router)
app.include_router(webhooks.router)
app.include_router(files.router)
app.include_router(health.router)


def problem(error: AsyncCoderError, status: int | None = None) -> JSONResponse:
    """An error of ours as RFC 9457 wants it; `code` is its name for programs."""
    status = status or error.status
    body = {"type": "about:blank", "title": type(error).__name__, "status": status, "code": error.code}
    body["detail"] = (
        str(error) if status < 500 or isinstance(error, Unavailable) else "Something went wrong on our side."
    )
    headers = {"Retry-After": "5"} if status == Unavailable.status else None
    return JSONResponse(body, status_code=status, media_type=PROBLEM, headers=headers)


@app.middleware("http")
async def with_request_id(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Gives each request an id, for the logs and the answer."""
    request_id = uuid4().hex
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = await call_next(request)
    response.headers["X-Request-Id"] = request_id
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@app.exception_handler(AsyncCoderError)
def refused(request: Request, error: Exception) -> Response:
    """Renders our own errors; those of our making are logged with their cause."""
    assert isinstance(error, AsyncCoderError)
    if error.status >= 500:
        _log.error("a request failed", path=request.url.path, code=error.code, error=str(error))
    return problem(error)


@app.exception_handler(RequestValidationError)
def malformed(_: Request, error: Exception) -> Response:
    """What FastAPI could not parse is the caller's: 422."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return problem(InvalidInput(f"{where}: {first['msg']}"))


@app.exception_handler(HTTPException)
def unknown(_: Request, error: Exception) -> Response:
    """Starlette's own refusals, such as an unknown path, in the same shape."""
    assert isinstance(error, HTTPException)
    return problem(
        NotFound("There is nothing here.") if error.status_code == 404 else InvalidInput(str(error.detail)),
        error.status_code,
    )


@app.exception_handler(Exception)
def broken(request: Request, error: Exception) -> Response:
    """What nobody expected: logged whole, told as a 500 without its insides."""
    _log.error("a request broke", path=request.url.path, exc_info=error)
    return problem(AsyncCoderError("Something went wrong on our side."))

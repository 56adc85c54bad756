"""What the API says of itself, for programs and for people; both are open to everyone."""

from functools import lru_cache

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from backend.api import handbook
from backend.api.description import Document, describe

router = APIRouter(prefix="/api", include_in_schema=False)


@router.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    """The description, as OpenAPI 3.1."""
    return JSONResponse(_described(request.app))


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The same as a page."""
    return HTMLResponse(handbook.page(_described(request.app)))


@lru_cache(maxsize=1)
def _described(app: object) -> Document:
    return describe(app)  # type: ignore[arg-type]  # a FastAPI app, which is hashable by identity

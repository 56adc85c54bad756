"""Whether this process can serve: for the supervisor and a balancer."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from sqlalchemy import text

from backend import db, redis
from backend.errors import AsyncCoderError
from backend.settings import get_settings

router = APIRouter(include_in_schema=False)


@router.get("/health")
def health() -> JSONResponse:
    """200 with each part's state, 503 when the database is away. Without Redis pages still read: degraded, not down."""
    parts = {"database": _database(), "redis": _redis()}
    return JSONResponse(parts, status_code=200 if parts["database"] == "ok" else 503)


def _database() -> str:
    try:
        with db.transaction() as session:
            session.execute(text("SELECT 1"))
    except AsyncCoderError:
        return "away"
    return "ok"


def _redis() -> str:
    try:
        redis.client(get_settings().resolved_redis_url).ping()
    except (RedisError, AsyncCoderError):
        return "away"
    return "ok"

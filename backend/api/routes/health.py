"""Whether this process lives, and whether it can serve: for the supervisor and a balancer. Open to everyone: names of
parts, and no word of why one is away."""

import threading
from time import monotonic

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from sqlalchemy import text

from backend import db, redis, schema, ui_build
from backend.departure import departure
from backend.errors import AsyncCoderError
from backend.settings import get_settings

router = APIRouter(include_in_schema=False)
ASKED_EVERY = 1.0  # seconds: however many ask, the database is asked this often


@router.get("/health")
def health() -> JSONResponse:
    """200 with each part's state, 503 when the database is away. Without Redis pages still read: degraded, not down."""
    parts = {"database": _database(), "redis": _redis()}
    return JSONResponse(parts, status_code=200 if parts["database"] == "ok" else 503)


@router.get("/health/live")
async def live() -> JSONResponse:
    """200 as long as this process answers at all: it asks nobody else, so that an outage elsewhere restarts nothing."""
    return JSONResponse({"status": "ok"})


@router.get("/health/ready")
def ready() -> JSONResponse:
    """200 where all that serving needs is there, else 503 with the names of what is missing.

    The database at this version's schema, Redis, and the built pages; a process that was told to stop is `leaving`.
    `asynccoder dev` serves pages of its own and is never ready.
    """
    missing = ["leaving"] if departure.is_noted() else _readiness.missing()
    body = {"status": "missing", "missing": missing} if missing else {"status": "ok", "missing": []}
    return JSONResponse(body, status_code=503 if missing else 200)


class _Readiness:
    """What is missing, as it was at most a second ago: one asks, who comes meanwhile waits for the answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due, self._found = 0.0, list[str]()

    def missing(self) -> list[str]:
        """The parts' names: database, schema, redis, pages."""
        with self._lock:
            if monotonic() >= self._due:
                self._found = _missing()
                self._due = monotonic() + ASKED_EVERY
            return self._found

    def forget(self) -> None:
        """The next one asks anew."""
        self._due = 0.0


_readiness = _Readiness()
forget = _readiness.forget


def _missing() -> list[str]:
    found = [name for name, state in (("database", _database()), ("redis", _redis())) if state != "ok"]
    if "database" not in found and not _is_at_head():
        found.append("schema")
    if not (ui_build.folder(get_settings()) / "web" / "build" / "client" / "index.html").is_file():
        found.append("pages")
    return found


def _is_at_head() -> bool:
    try:
        with db.transaction() as session:
            if session.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
                return False
            return session.execute(text("SELECT version_num FROM alembic_version")).scalar() == schema.head()
    except AsyncCoderError:
        return False


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

"""The scheduler's sign of life: the lock that one of them holds, and when it last swept."""

import time
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import text
from sqlmodel import Session

from backend import log, redis
from backend.settings import get_settings

LOCK = 0x61637363  # "acsc"
_KEY = "schedule:swept"
_KEPT_SECONDS = 24 * 3600
_SECONDS = 2.0
_log = log.get(__name__)


def tell() -> None:
    """Says that a sweep has just ended. With Redis away nobody hears it."""
    try:
        redis.client(get_settings().resolved_redis_url).set(_KEY, repr(time.time()), ex=_KEPT_SECONDS)
    except RedisError as error:
        _log.warning("a sweep could not be told", error=str(error))


def last() -> datetime | None:
    """When the last sweep ended; None where it is not known. Raises RedisError, at once: who asks waits for it."""
    waits = {"socket_connect_timeout": _SECONDS, "socket_timeout": _SECONDS, "retry": Retry(NoBackoff(), 0)}
    with Redis.from_url(get_settings().resolved_redis_url, **waits) as client:
        told: Any = client.get(_KEY)
    return datetime.fromtimestamp(float(told), UTC) if told else None


def holder_since(session: Session) -> datetime | None:
    """Since when somebody holds the scheduler's lock; None where nobody does."""
    found: datetime | None = session.execute(
        text(
            "SELECT backend_start FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
            " AND granted AND classid = 0 AND objid = :key AND objsubid = 1 AND database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database())"
        ),
        {"key": LOCK},
    ).scalar()
    return found

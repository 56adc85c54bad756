"""Long work for one person: once at a time, how far it is, how it ended. Kept in Redis, so that any page can show it.

Losing Redis loses the figures and the lock, never the work.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar
from uuid import UUID

from redis.exceptions import RedisError

from backend import events, log, redis
from backend.cache import Cache
from backend.errors import AsyncCoderError, Conflict, GitHubUnauthorized
from backend.settings import get_settings

T = TypeVar("T")
Report = Callable[[int, int], None]  # so many done, of so many
LEASE_SECONDS = 60  # without a word for so long, the work has died with its process
KEPT_SECONDS = 600  # how long a failure is told to whoever comes back
REPORT_SECONDS = 0.3
_log = log.get(__name__)


@dataclass(frozen=True)
class Progress:
    """How far it is. `sentence` says why it failed; `needs_reconnect` that GitHub takes the person's token no more."""

    state: Literal["running", "done", "failed"]
    done: int = 0
    total: int = 0
    sentence: str = ""
    needs_reconnect: bool = False


def topic(user_id: UUID) -> str:
    """The topic that rings when some work of this person gets on."""
    return f"progress:{user_id}"


def of(user_id: UUID, name: str) -> Progress | None:
    """How far the work of this name is or how it ended; None where nothing is known of any."""
    known: Any = _cache().get_json(_key(user_id, name))
    return Progress(**known) if known else None


def once(user_id: UUID, name: str, work: Callable[[Report], T], *, rest: float = 0) -> T:
    """Does `work`, unless it is going on already or ended less than `rest` seconds ago.

    Raises Conflict then, and whatever the work raises; that is kept as its end.
    """
    if not _begin(user_id, name):
        raise Conflict("This is going on already, or was done a moment ago.")
    _tell(user_id, name, Progress("running"))
    try:
        done = work(_reporter(user_id, name))
    except BaseException as error:
        _tell(user_id, name, _failed(error))
        raise
    else:
        _tell(user_id, name, Progress("done"))
        return done
    finally:
        _end(user_id, name, rest)


def _reporter(user_id: UUID, name: str) -> Report:
    told_at = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < REPORT_SECONDS and done != 1:
            return
        told_at = time.monotonic()
        _tell(user_id, name, Progress("running", done, total))

    return report


def _failed(error: BaseException) -> Progress:
    if isinstance(error, AsyncCoderError):
        return Progress("failed", sentence=str(error), needs_reconnect=isinstance(error, GitHubUnauthorized))
    return Progress("failed", sentence="Something went wrong on our side. Try again.")


def _tell(user_id: UUID, name: str, progress: Progress) -> None:
    seconds = KEPT_SECONDS if progress.state == "failed" else LEASE_SECONDS
    _cache().set_json(_key(user_id, name), asdict(progress), seconds)
    if progress.state == "running":
        _lock("expire", _lock_key(user_id, name), LEASE_SECONDS)
    events.ring(topic(user_id), str(user_id), 0, progress.state)


def _begin(user_id: UUID, name: str) -> bool:
    return bool(_lock("set", _lock_key(user_id, name), 1, nx=True, ex=LEASE_SECONDS, otherwise=True))


def _end(user_id: UUID, name: str, rest: float) -> None:
    _lock("pexpire", _lock_key(user_id, name), int(rest * 1000))  # zero deletes it


def _lock(command: str, *args: Any, otherwise: Any = None, **kwargs: Any) -> Any:
    try:
        return getattr(redis.client(get_settings().resolved_redis_url), command)(*args, **kwargs)
    except RedisError as error:
        _log.warning("the lock of long work is away", command=command, error=type(error).__name__)
        return otherwise


def _cache() -> Cache:
    return Cache(redis.client(get_settings().resolved_redis_url))


def _key(user_id: UUID, name: str) -> str:
    return f"user:{user_id}:progress:{name}"


def _lock_key(user_id: UUID, name: str) -> str:
    return f"lock:{name}:{user_id}"

"""The doorbell: jobs that say "look", named by string. Losing all of them loses nothing."""

from functools import lru_cache
from typing import Any

from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from backend import log, redis
from backend.settings import get_settings

_log = log.get(__name__)
RUNS = "runs"
CHORES = "chores"


@lru_cache(maxsize=4)
def queue(name: str) -> Queue:
    """The RQ queue of that name: runs and chores have workers of their own."""
    return Queue(
        name,
        connection=redis.client(get_settings().resolved_redis_url),
        serializer=JSONSerializer,
        default_timeout=-1,
    )


def ring_runs() -> None:
    """Asks a run worker to look for work. Never raises: the sweep rings again while there is any."""
    _enqueue(RUNS, "jobs.tasks.look")


def ring_chore(function: str, *args: Any) -> None:
    """Asks the chore worker to do `jobs.tasks.<function>(*args)`. Never raises: each chore's rows say what is open."""
    _enqueue(CHORES, f"jobs.tasks.{function}", *args)


def waiting(name: str) -> int:
    """How many jobs of a queue nobody has taken yet. Raises RedisError."""
    return int(queue(name).count)


def _enqueue(name: str, function: str, *args: Any) -> None:
    try:
        queue(name).enqueue(function, *args, result_ttl=0, failure_ttl=3600)
    except RedisError as error:
        _log.warning("a ring was lost", queue=name, error=str(error))

"""The doorbell: jobs that say "look", named by string. Losing all of them loses nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from backend import log, redis
from backend.settings import get_settings

_log = log.get(__name__)
RUNS = "runs"
CHORES = "chores"
# How long a chore's bell stays rung while no worker hears it: a ring that was lost is not missed for longer.
BELL_SECONDS = 5


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
    try:
        _enqueue(RUNS, "jobs.tasks.look")
    except RedisError as error:
        _log.warning("a ring was lost", queue=RUNS, error=str(error))


def ring_chore(function: str, *, at_front: bool = False) -> None:
    """Asks the chore worker to do all there is of `jobs.tasks.<function>()`; who rings while it rings adds nothing.

    Never raises: each chore's rows say what is open, and the schedule rings again.
    """
    try:
        if redis.client(get_settings().resolved_redis_url).set(_bell(function), 1, nx=True, ex=BELL_SECONDS):
            _enqueue(CHORES, _job(function), at_front=at_front)
    except RedisError as error:
        _log.warning("a ring was lost", queue=CHORES, error=str(error))


def hear_chore(function: str) -> None:
    """The first thing that a chore does: whatever is written from now on rings anew. Raises RedisError."""
    redis.client(get_settings().resolved_redis_url).delete(_bell(function))


def waiting(name: str) -> int:
    """How many jobs of a queue nobody has taken yet. Raises RedisError."""
    return int(queue(name).count)


@dataclass(frozen=True)
class WorkerSeen:
    """A worker process as Redis knows it: `is_busy` while a job of its own works; `heard_at` may be a while ago.

    One that was killed counts for up to two minutes more.
    """

    name: str
    queue: str
    host: str
    pid: int
    is_busy: bool
    begun_at: datetime | None
    heard_at: datetime | None


def workers() -> list[WorkerSeen]:
    """The workers of both queues, by host and process. Raises RedisError."""
    found = [
        WorkerSeen(
            str(one.name),
            name,
            one.hostname or "",
            one.pid or 0,
            one.get_state() == WorkerStatus.BUSY,
            one.birth_date and one.birth_date.replace(tzinfo=UTC),
            one.last_heartbeat and one.last_heartbeat.replace(tzinfo=UTC),
        )
        for name in (RUNS, CHORES)
        for one in Worker.all(queue=queue(name), serializer=JSONSerializer)
    ]
    return sorted(found, key=lambda one: (one.queue != RUNS, one.host, one.pid))


def others_wait(function: str) -> bool:
    """Whether another kind of chore than this one waits for the worker. Raises RedisError."""
    return any(job.func_name != _job(function) for job in queue(CHORES).get_jobs(length=10))


def _enqueue(name: str, job: str, *, at_front: bool = False) -> None:
    queue(name).enqueue(job, result_ttl=0, failure_ttl=3600, at_front=at_front)


def _job(function: str) -> str:
    return f"jobs.tasks.{function}"


def _bell(function: str) -> str:
    return f"bell:{function}"

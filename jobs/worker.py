"""A worker process: one queue, a fork per job, everything imported before the fork.

`python -m jobs.worker runs|chores`
"""

import ctypes
import os
import signal
import sys
from typing import Any

from rq import Worker
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

import jobs.tasks  # noqa: F401  # imported before the fork, so that no job pays for it
from backend import db, log, providers, redis
from backend.queue import CHORES, RUNS, queue
from backend.services import workplace
from backend.settings import get_settings

_PR_SET_PDEATHSIG = 1
_TTL_SECONDS = 60  # after which, and a minute more, RQ counts a silent worker no longer


class ForkingWorker(Worker):
    """RQ's worker, whose job process dies with it: a run is never worked on by an orphan."""

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Runs in the fork: binds its life to the worker's, then works."""
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.pid:  # not "is it 1": in a container the worker itself may be process 1
            os._exit(1)  # the worker was gone before the bond was made
        super().main_work_horse(job, queue)


def main(name: str) -> None:
    """Serves one queue until TERM. Raises SystemExit for a name that is no queue."""
    if name not in (RUNS, CHORES):
        raise SystemExit(f"There is no queue {name!r}: runs or chores.")
    log.configure()
    settings = get_settings()
    settings.check()
    if name == RUNS:
        providers.preload(_configured())
        workplace.sweep_workspaces()
        db.dispose()  # nothing is open when the fork happens
    connection = redis.client(settings.resolved_redis_url)
    worker: Any = ForkingWorker(
        [queue(name)], connection=connection, serializer=JSONSerializer, worker_ttl=_TTL_SECONDS
    )
    worker.work(with_scheduler=False, logging_level="WARNING")


def _configured() -> list[str]:
    settings = get_settings()
    ids = ["anthropic", "openai", "compatible"]
    found = [one for one in ids if settings.provider_key(one) or (one == "compatible" and settings.compatible_base_url)]
    return [*found, "demo"]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else RUNS)

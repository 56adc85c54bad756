"""A worker process: one queue, a fork per job, everything imported before the fork.

`python -m jobs.worker runs|chores [COUNT]`: with a count so many of them, forked from this one process.
"""

import os
import signal
import sys
import threading
import time
from typing import Any, NoReturn

import httpx
from rq import Worker
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

import jobs.tasks  # noqa: F401  # imported before the fork, so that no job pays for it
from backend import db, log, providers, redis
from backend.certificates import certificates
from backend.errors import AsyncCoderError, Unavailable
from backend.queue import CHORES, RUNS, queue
from backend.services import attempts, claims, machines, workplace
from backend.settings import get_settings
from jobs import crew

_log = log.get(__name__)
_GRACE_SECONDS = 2.0  # less than a supervisor waits: Part.stop_seconds
_TTL_SECONDS = 60  # after which, and a minute more, RQ counts a silent worker no longer


class ForkingWorker(Worker):
    """RQ's worker, whose job process dies with it: a run is never worked on by an orphan."""

    keeps_machine = True
    last_horse = 0  # the id of the newest job's process
    _keeper = 0  # that of the process that looks after the machine
    _keep_due = 0.0  # on the monotonic clock

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Says that it lives, and lets a process of its own look after the machine where that is due."""
        super().heartbeat(timeout, pipeline)
        if self.keeps_machine and os.getpid() == self.pid:  # a job beats as well
            self._keep_machine(self.pid)

    def _keep_machine(self, pid: int) -> None:
        if self._keeper and os.waitpid(self._keeper, os.WNOHANG)[0] == 0:
            return  # it is still at it
        self._keeper = 0
        if time.monotonic() < self._keep_due:
            return
        self._keep_due = time.monotonic() + machines.KEEP_SECONDS
        self._keeper = os.fork()
        if not self._keeper:
            _keep_machine(pid)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Notes whose job it is."""
        super().fork_work_horse(job, queue)
        self.last_horse = self.horse_pid

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Runs in the fork: binds its life to the worker's, then works."""
        crew.die_with(self.pid or 0)
        super().main_work_horse(job, queue)


class RunWorker(ForkingWorker):
    """Told to stop, it takes nothing more, and leaves the run it is at to others rather than wait for its end."""

    def handle_warm_shutdown_request(self) -> None:
        """A run that is about to end may end; then its process is killed, as a power cut would, and nothing is lost."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ has no types for it
        ending = threading.Timer(_GRACE_SECONDS, self._give_up)
        ending.daemon = True
        ending.start()

    def _give_up(self) -> None:
        if self.horse_pid:
            self.kill_horse()


def _keep_machine(worker: int) -> NoReturn:
    """Looks after the machine in a fork, beside all that works: nothing waits for it, and it ends here."""
    try:
        crew.die_with(worker)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.nice(10)
        machines.keep()
    except AsyncCoderError as error:
        _log.warning("the machine was not looked after", error=str(error))
    except Exception:  # whatever it is, the worker works on, and the next one tries again
        _log.exception("looking after the machine broke")
    finally:
        os._exit(0)


def _hand_over(worker: RunWorker) -> None:
    """Lets another worker go on at once. With the database away the lease runs out by itself."""
    try:
        with db.transaction() as session:
            if attempts.hand_over(session, claims.owner_of(worker.last_horse)):
                _log.info("handed the run over")
    except Unavailable as error:
        _log.warning("the run is handed over by its lease", error=str(error))


def main(name: str, count: int = 0) -> None:
    """Serves one queue until TERM, with a `count` by so many forks. Raises SystemExit for a name that is no queue."""
    if name not in (RUNS, CHORES):
        raise SystemExit(f"There is no queue {name!r}: runs or chores.")
    log.configure()
    get_settings().check()
    if name == RUNS:
        providers.preload(_configured())
        db.prepare()
        httpx.Client(verify=certificates(httpx)).close()  # of the lines to GitHub
        workplace.sweep_workspaces()
        db.dispose()  # nothing is open when the fork happens
        db.keep(2)  # a run's own and its lease's: a hundred runs at once hold no more than they use
    crew.settle()
    if count:
        crew.Crew(count, lambda place: _serve(name, keeps_machine=place == 0)).lead()
    else:
        _serve(name)


def _serve(name: str, *, keeps_machine: bool = True) -> None:
    connection = redis.client(get_settings().resolved_redis_url)
    kind = RunWorker if name == RUNS else ForkingWorker
    worker: Any = kind([queue(name)], connection=connection, serializer=JSONSerializer, worker_ttl=_TTL_SECONDS)
    worker.keeps_machine = keeps_machine  # of a crew one does
    try:
        worker.work(with_scheduler=False, logging_level="WARNING")
    finally:  # a second TERM ends it by SystemExit
        if name == RUNS and worker.last_horse:
            _hand_over(worker)


def _configured() -> list[str]:
    settings = get_settings()
    ids = ["anthropic", "openai", "google", "compatible"]
    found = [one for one in ids if settings.provider_key(one) or (one == "compatible" and settings.compatible_base_url)]
    return [*found, "demo"]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else RUNS, int(sys.argv[2]) if len(sys.argv) > 2 else 0)

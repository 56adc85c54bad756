"""A running `asynccoder up` that can be hit anywhere and is started again when all of it is gone."""

import os
import signal
from contextlib import suppress
from typing import Any

import httpx

from backend import redis
from backend.settings import get_settings
from tests.processes import children
from tests.up import Up

_HUB_SECONDS = 60  # until it is back after a blow of its own
# What each part's command holds.
PARTS = {
    "chores": "jobs.worker chores",
    "scheduler": "jobs.schedule",
    "web": "backend.serve",
    "hub": "backend.localhub",
    "valkey": "valkey-server",
    "postgres": "bin/postgres",
}


class House:
    """One that runs."""

    def __init__(self, up: Up) -> None:
        self.up = up

    def dies_with(self, part: str, which: int) -> list[int]:
        """The job processes that die with such a blow."""
        if part == "supervisor":
            return self._jobs()
        if part == "worker":
            workers = self.up.run_workers
            return children(workers[which % len(workers)]) if workers else []
        jobs = self._jobs() if part == "job" else []
        return [jobs[which % len(jobs)]] if jobs else []

    def kill(self, part: str, which: int) -> str:
        """Kills one of a part's processes as the kernel would; what was hit, empty where there is none just now.

        A `job` is the process that a worker has forked for its run; the `supervisor` is all of it, started again.
        """
        if part == "supervisor":
            return self._kill_supervisor()
        found = self._found(part)
        if not found:
            return ""
        hit = found[which % len(found)]
        with suppress(ProcessLookupError):
            os.kill(hit, signal.SIGKILL)
        return f"{part} {hit}"

    def flush(self) -> str:
        """Empties Valkey."""
        try:
            redis.client(get_settings().resolved_redis_url).flushall()
        except Exception as error:  # it is away just now: what it held is gone as well
            return f"valkey, which was away ({type(error).__name__})"
        return "valkey emptied"

    def order(self, kind: str) -> str:
        """Orders a fault of the hub, which strikes the next request that fits; waits while the hub itself is away."""
        self.up.wait(lambda: self._control("faults", {"kind": kind}) is not None, _HUB_SECONDS, "the hub")
        return kind

    def faults_struck(self) -> dict[str, int]:
        """How often each kind did."""
        return dict(self.up.control("faults", {})["struck"])

    def _control(self, name: str, body: dict[str, Any]) -> dict[str, Any] | None:
        with suppress(httpx.HTTPError):
            return self.up.control(name, body)
        return None

    def _jobs(self) -> list[int]:
        return [job for worker in self.up.run_workers for job in children(worker)]

    def _found(self, part: str) -> list[int]:
        if part == "worker":
            return self.up.run_workers
        return self._jobs() if part == "job" else self.up.parts(PARTS[part])

    def _kill_supervisor(self) -> str:
        assert self.up.process is not None
        self.up.process.kill()
        self.up.process.wait()
        self.up.start()
        return "supervisor"

"""`asynccoder up` as an operator has it, which can be hit anywhere and is started again when all of it is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from backend import redis
from backend.settings import PROJECT_DIR, get_settings
from tests.processes import children

START_SECONDS = 300
# What each part's command holds.
PARTS = {
    "worker": "jobs.worker runs",
    "chores": "jobs.worker chores",
    "scheduler": "jobs.schedule",
    "web": "backend.serve",
    "hub": "backend.localhub",
    "valkey": "valkey-server",
    "postgres": "bin/postgres",
}


class House:
    """One that runs on a data dir and a port: what `start` started, or somebody else's, by the id of its `up`."""

    def __init__(self, data_dir: Path, port: int, up: int = 0) -> None:
        self.origin, self.hub = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
        self._output = data_dir.parent / "output"
        self._up = up
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts all of it, as the settings are, and waits until it answers. Raises RuntimeError with what it said."""
        with self._output.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "backend.cli", "up"],
                cwd=PROJECT_DIR,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._up = self._process.pid
        self.wait(self.is_healthy, START_SECONDS, "all of it to start")

    def stop(self) -> None:
        """Ends what `start` started, as Ctrl-C does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=60)

    def wait(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        """Looks until it holds. Raises RuntimeError after that many seconds."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"waited {seconds} s for {what}:\n{self._output.read_text(errors='replace')[-4000:]}"
                )
            time.sleep(0.2)

    def dies_with(self, part: str, which: int) -> list[int]:
        """The job processes that die with such a blow."""
        if part == "supervisor":
            return self._jobs()
        if part == "worker":
            workers = self._parts(PARTS[part])
            return children(workers[which % len(workers)]) if workers else []
        jobs = self._jobs() if part == "job" else []
        return [jobs[which % len(jobs)]] if jobs else []

    def kill(self, part: str, which: int) -> str:
        """Kills one of a part's processes as the kernel would; what was hit, empty where there is none just now.

        A `job` is the process that a worker has forked for its run; the `supervisor` is all of it, started again.
        """
        if part == "supervisor":
            return self._kill_supervisor()
        found = self._jobs() if part == "job" else self._parts(PARTS[part])
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

    def control(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Asks the hub for something only tests do."""
        answer = httpx.post(f"{self.hub}/_control/{name}", json=body, trust_env=False, timeout=20)
        answer.raise_for_status()
        return dict(answer.json())

    def is_healthy(self) -> bool:
        """Whether it answers that all is well. Raises RuntimeError where it has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"up has ended:\n{self._said()}")
        try:
            answer = httpx.get(f"{self.origin}/health", timeout=5, trust_env=False)
            return answer.status_code == 200 and answer.json()["redis"] == "ok"
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    def _parts(self, words: str) -> list[int]:
        return children(self._up, words)

    def _jobs(self) -> list[int]:
        return [job for worker in self._parts(PARTS["worker"]) for job in children(worker)]

    def _kill_supervisor(self) -> str:
        assert self._process is not None, "somebody else's is not ours to start again"
        self._process.kill()
        self._process.wait()
        self.start()
        return "supervisor"

    def _said(self) -> str:
        return self._output.read_text(errors="replace")[-4000:]

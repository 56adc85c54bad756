"""`asynccoder up` as an operator has it, on a data dir and settings of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from backend.settings import PROJECT_DIR
from tests.conftest import SETTINGS, forget_settings, remove_workspaces
from tests.processes import children

START_SECONDS = 300
RUN_WORKERS = "jobs.worker runs"  # what their command holds


@dataclass
class Up:
    """One on a data dir and two ports, the web's and the hub's behind it; `start` and `stop` may follow each other."""

    data_dir: Path
    port: int
    workers: int = 2
    more: Mapping[str, str] = field(default_factory=dict)  # settings by their names
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def origin(self) -> str:
        """Where the dashboard is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def hub(self) -> str:
        """Where the local GitHub is."""
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def environment(self) -> dict[str, str]:
        """What it is started with."""
        own = {"DATA_DIR": str(self.data_dir), "PORT": str(self.port), "WORKERS": str(self.workers)}
        others = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        return others | {f"ASYNCCODER_{name}": value for name, value in own.items()} | dict(self.more)

    @contextmanager
    def running(self) -> Iterator["Up"]:
        """All of it until the block ends."""
        try:
            self.start()
            yield self
        finally:
            self.stop()
            remove_workspaces(self.data_dir)

    def start(self) -> None:
        """Starts all of it and waits until it answers. Raises RuntimeError with what it said."""
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        with self._output.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "backend.cli", "up"],
                cwd=PROJECT_DIR,
                env=self.environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.wait_healthy(START_SECONDS)

    def stop(self) -> None:
        """Ends it as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)

    def wait(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        """Looks until it holds. Raises RuntimeError after that many seconds."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {seconds} s for {what}:\n{self._said()}")
            time.sleep(0.2)

    def wait_healthy(self, seconds: float = 30) -> None:
        """Waits until it answers that all is well. Raises RuntimeError where it does not, or has ended."""
        self.wait(self.is_healthy, seconds, "all of it to be healthy")

    def is_healthy(self) -> bool:
        """Whether it answers that all is well. Raises RuntimeError where it has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"up has ended:\n{self._said()}")
        try:
            answer = httpx.get(f"{self.origin}/health", timeout=5, trust_env=False)
            return answer.status_code == 200 and answer.json()["redis"] == "ok"
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    def parts(self, words: str) -> list[int]:
        """The process ids of the parts whose command holds these words."""
        return children(self.process.pid, words) if self.process else []

    def kill(self, words: str) -> None:
        """Ends the part whose command holds these words, as the kernel would."""
        os.kill(self.parts(words)[0], signal.SIGKILL)

    @property
    def run_workers(self) -> list[int]:
        """The process ids of those who take runs; one process leads them all."""
        return [worker for leader in self.parts(RUN_WORKERS) for worker in children(leader, RUN_WORKERS)]

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Meanwhile nobody takes a run."""
        pids = self.run_workers
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def control(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Asks the hub for something that only tests do."""
        answer = httpx.post(f"{self.hub}/_control/{name}", json=body, trust_env=False, timeout=20)
        answer.raise_for_status()
        return dict(answer.json())

    @property
    def _output(self) -> Path:
        return self.data_dir.parent / "output"

    def _said(self) -> str:
        return self._output.read_text(errors="replace")[-4000:]


@contextmanager
def as_it(up: Up) -> Iterator[None]:
    """Meanwhile this process has the same settings, and so the same tables."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ |= up.environment
    forget_settings()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
        forget_settings()

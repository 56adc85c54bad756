"""As many bare RQ jobs that sleep as long, on a pool of RQ's own workers: what a process per job costs by itself."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from redis import Redis
from rq import Queue, Worker

from backend.settings import PROJECT_DIR
from benchmarks.load import memory
from benchmarks.nap import nap

_QUEUE, _BEGUN = "load-bare", "load-bare-begun"
_LONGEST = 300.0  # seconds to wait for anything


def measure(url: str, jobs: int, seconds: float) -> tuple[float, list[float]]:
    """The megabytes of a job with its worker while all sleep, and from enqueueing to each one's start in seconds."""
    redis = Redis.from_url(url)
    queue = Queue(_QUEUE, connection=redis)
    with _workers(url, jobs) as pool:
        _wait(lambda: Worker.count(queue=queue) == jobs)
        sent = {}
        for number in range(jobs):
            sent[number] = time.monotonic()
            queue.enqueue(nap, number, seconds, _BEGUN, job_timeout=-1, result_ttl=0)
        _wait(lambda: redis.hlen(_BEGUN) == jobs)
        each = memory.megabytes([one.pid for one in memory.beneath(pool)]) / jobs
        begun = cast("dict[bytes, bytes]", redis.hgetall(_BEGUN))
    redis.delete(_BEGUN)
    return each, [float(at) - sent[int(number)] for number, at in begun.items()]


@contextmanager
def _workers(url: str, count: int) -> Iterator[int]:
    rq = Path(sys.executable).with_name("rq")
    command = [str(rq), "worker-pool", _QUEUE, "-n", str(count), "--url", url, "--logging-level", "ERROR"]
    process = subprocess.Popen(command, cwd=PROJECT_DIR, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        for one in memory.beneath(process.pid):
            _kill(one.pid)
        process.wait()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def _wait(holds: Callable[[], object]) -> None:
    until = time.monotonic() + _LONGEST
    while not holds():
        if time.monotonic() > until:
            raise SystemExit("  The bare jobs did not all begin.")
        time.sleep(0.1)

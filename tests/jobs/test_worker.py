"""A worker's jobs live exactly as long as it does."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from backend.queue import CHORES, queue
from backend.settings import PROJECT_DIR


def test_a_worker_that_is_process_1_as_in_a_container_does_its_jobs(database: str) -> None:
    as_first = [shutil.which("unshare") or "", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--"]
    if not as_first[0] or subprocess.run([*as_first, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no process namespace")
    job = queue(CHORES).enqueue("jobs.tasks.apply_deliveries")
    worker = subprocess.Popen(
        [*as_first, sys.executable, "-m", "jobs.worker", CHORES], cwd=PROJECT_DIR, env={**os.environ}
    )
    try:
        while not (job.is_finished or job.is_failed):
            assert worker.poll() is None
            time.sleep(0.1)
            job.refresh()
    finally:
        worker.kill()
        worker.wait()
    assert job.is_finished

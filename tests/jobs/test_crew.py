"""Many workers from one process: they share what it imported, follow each other, and end with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.queue import CHORES, RUNS, ring_chore, workers
from backend.services import idempotency
from backend.settings import PROJECT_DIR
from tests.backend.services.road import run_of, signed_in, submit
from tests.hub import LocalHub
from tests.processes import children


@contextmanager
def crew(queue: str, count: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A crew whose workers all wait for jobs."""
    leader = subprocess.Popen([sys.executable, "-m", "jobs.worker", queue, str(count)], cwd=PROJECT_DIR)
    try:
        wait(lambda: len(workers()) == count)
        yield leader
    finally:
        leader.kill()
        leader.wait()


def wait(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def kilobytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_worker_that_is_killed_is_followed_by_another_and_all_end_when_their_leader_is_told_to(
    database: str,
) -> None:
    with crew(CHORES, 3) as leader:
        members = children(leader.pid)
        os.kill(members[1], signal.SIGKILL)
        wait(lambda: len(now := children(leader.pid)) == 3 and members[1] not in now)
        wait(lambda: len([one for one in workers() if one.pid in children(leader.pid)]) == 3)
        ring_chore(idempotency.CHORE)
        members = children(leader.pid)
        leader.terminate()
        assert leader.wait(20) == 0
        assert not any(map(is_alive, members))


def test_workers_die_with_a_leader_that_is_killed(database: str) -> None:
    with crew(CHORES, 2) as leader:
        members = children(leader.pid)
        leader.kill()
        wait(lambda: not any(map(is_alive, members)))


def test_a_worker_holds_little_beside_what_its_leader_has_imported(database: str) -> None:
    with crew(RUNS, 2) as leader:
        shared = kilobytes(leader.pid, "Rss")
        assert all(kilobytes(one, "Private_Dirty") < shared / 4 for one in children(leader.pid))


def test_a_crew_that_is_told_to_stop_hands_its_run_over_and_another_finishes_it(hub: LocalHub, database: str) -> None:
    alice = signed_in(hub, "alice")
    task_id = submit(alice)
    with crew(RUNS, 2) as leader:
        wait(lambda: run_of(task_id).lease_owner)
        leader.terminate()
        assert leader.wait(20) == 0
        handed = run_of(task_id)
        assert (handed.status, handed.attempt, handed.lease_owner) == ("pending", 2, None)
    with crew(RUNS, 2):
        wait(lambda: run_of(task_id).status == "completed", 90)

"""A worker's jobs live exactly as long as it does."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from sqlmodel import select

from backend import db
from backend.models import CreditTransaction, Machine, PullRequest, User
from backend.queue import CHORES, RUNS, queue, workers
from backend.services import attempts, credits, tasks
from backend.services.claims import LEASE_SECONDS
from backend.settings import PROJECT_DIR
from backend.words import Phase, Status
from tests.backend.services import worker as worked
from tests.backend.services.road import kinds, run_of, signed_in, submit
from tests.conftest import People
from tests.hub import LocalHub


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


def run_worker() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "jobs.worker", RUNS], cwd=PROJECT_DIR, env={**os.environ})


def wait(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_run_worker_that_is_told_to_stop_hands_its_run_over_and_nothing_is_lost_or_charged_twice(
    hub: LocalHub, database: str
) -> None:
    alice = signed_in(hub, "alice")
    task_id = submit(alice)
    first = run_worker()
    try:
        wait(lambda: "model_turn" in kinds(task_id))
        begun = time.monotonic()
        first.terminate()
        assert first.wait(20) == 0
        took = time.monotonic() - begun
        handed = run_of(task_id)
        assert (handed.status, handed.phase, handed.attempt) == (Status.PENDING, Phase.QUEUED, 2)
        assert handed.lease_owner is None and took < LEASE_SECONDS
        second = run_worker()
        try:
            wait(lambda: run_of(task_id).status == Status.COMPLETED, 90)
        finally:
            second.terminate()
            second.wait(20)
    finally:
        first.kill()
        first.wait()
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        debits = session.exec(select(CreditTransaction).where(CreditTransaction.type == "debit")).all()
        assert len(debits) == 1 and -debits[0].amount == run_of(task_id).charged
        assert session.get_one(User, alice).credits_held == 0
        assert len(session.exec(select(PullRequest)).all()) == len(hub.pulls("alice", "alice/sample-shop")) == 1


def test_an_idle_worker_that_is_told_to_stop_ends_at_once_and_claims_nothing_more(people: People) -> None:
    worker = run_worker()
    try:
        wait(lambda: len(workers()) == 1)
        worker.terminate()
        assert worker.wait(10) == 0
    finally:
        worker.kill()
        worker.wait()
    task_id = worked.submit(people)
    time.sleep(0.5)
    assert run_of(task_id).status == Status.PENDING and workers() == []


def test_being_handed_over_is_no_fault_however_often_it_happens(people: People) -> None:
    task_id = worked.submit(people)
    for attempt in range(2, 8):
        worked.claim()
        with db.transaction() as session:
            assert attempts.hand_over(session, "worker")
            assert not attempts.hand_over(session, "worker")
        assert (run_of(task_id).status, run_of(task_id).attempt) == (Status.PENDING, attempt)


def test_a_run_that_its_person_stopped_ends_when_its_worker_is_stopped(people: People) -> None:
    task_id = worked.submit(people)
    worked.claim()
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task_id)
    with db.transaction() as session:
        assert attempts.hand_over(session, "worker")
    assert run_of(task_id).status == Status.CANCELLED


def test_an_idle_workers_machine_tells_what_it_has(people: People) -> None:
    worker = run_worker()
    try:
        wait(lambda: any(one.measured_at for one in _machines()))
    finally:
        worker.terminate()
        assert worker.wait(10) == 0
    [told] = _machines()
    assert told.host and told.free and (told.sandbox or told.sandbox_trouble) and told.tested_at
    assert [one["store"] for one in told.stores] == ["mirrors", "setups", "workspaces", "pages", "rest"]


def _machines() -> list[Machine]:
    with db.transaction() as session:
        return list(session.exec(select(Machine)))

"""A hundred runs at once: a model that thinks for two seconds a turn, a clone of their own, commands in the jail.

What a run holds in memory and how long it takes from the request that submits it to the model's first one, beside bare
RQ jobs that sleep as long, in the same run. Fails where a target is missed.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from backend import db, queue
from backend.settings import PROJECT_DIR, get_settings
from benchmarks.load import bare, memory, people
from benchmarks.load.model import THINKS, TURNS
from tests.ports import free_port_pair
from tests.up import Up, as_it

RUNS = 100
WATCHED_SECONDS = 10.0
PATIENCE = 600.0  # seconds in which all must have begun, and ended
MOST_MEGABYTES = 60.0  # of a run
MOST_SECONDS = 20.0  # to the model's first request, for 95 of 100 that come at once on two cores


def main(runs: int = RUNS) -> None:
    """Measures both and prints them side by side."""
    port = free_port_pair()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, _model(port) as model:
        more = {"COMPATIBLE_BASE_URL": f"{model}/v1", "COMPATIBLE_MODELS": "scripted"}
        up = Up(Path(folder) / "data", free_port_pair(), runs, more)
        with up.running(), as_it(up), httpx.Client(base_url=model, trust_env=False) as asked:
            began = time.monotonic()
            up.wait(lambda: len(_run_workers()) == runs, PATIENCE, "the workers")
            print(f"  {runs} workers were there {time.monotonic() - began:.0f} s after the pages")
            ours, starts = _measure(up, asked, runs)
            slept = THINKS * TURNS
            each, begun = bare.measure(get_settings().resolved_redis_url, runs, slept)
    _show("submit → the model's first request", starts, "enqueue → start of a bare job", begun)
    print(f"  memory of a run {ours:42.1f} MB   a bare job {each:.1f} MB   {ours / each:5.1f} × bare")
    if ours > MOST_MEGABYTES or _p95(starts) > MOST_SECONDS:
        sys.exit(f"  a run may hold {MOST_MEGABYTES:.0f} MB, and 95 of 100 must begin within {MOST_SECONDS:.0f} s")


def _measure(up: Up, model: httpx.Client, runs: int) -> tuple[float, list[float]]:
    wish = people.move_in(up, runs)
    sent = people.submit(up, wish, runs)
    print(f"  {runs} tasks were taken within {time.monotonic() - min(sent.values()):.1f} s")
    up.wait(lambda: len(_seen(model)["first"]) == runs, PATIENCE, "every run's first turn")
    up.wait(lambda: min(_seen(model)["turn"].values()) >= TURNS // 2, PATIENCE, "every run's fifth turn")
    each = _memory(up, runs)
    _watch(up, model, runs)
    model.post("/end")
    ended = time.monotonic()
    up.wait(lambda: _open() == 0, PATIENCE, "every run's end")
    print(f"  {runs} runs handed over within {time.monotonic() - ended:.0f} s: {_ends()}")
    first = {int(number): at for number, at in _seen(model)["first"].items()}
    return each, [first[number] - sent[number] for number in sent]


def _memory(up: Up, runs: int) -> float:
    """The megabytes of a run: its job, its worker, and what the database keeps for it."""
    assert up.process is not None
    all_parts = memory.beneath(up.process.pid)
    ours = [one for one in all_parts if "jobs.worker runs" in one.command and "launch.py" not in one.command]
    workers = {one.pid for one in _run_workers()}
    jobs = [one.pid for one in ours if one.parent in workers]
    rest = [one.pid for one in ours if one.parent not in workers]
    lines = [one.pid for one in all_parts if one.command.startswith("postgres: ")]
    parts = {"job": jobs, "worker": rest, "database": lines}
    found = {name: memory.megabytes(pids) / runs for name, pids in parts.items()}
    shares = "  ".join(f"{name} {size:.1f} MB" for name, size in found.items())
    print(f"  of {len(jobs)} runs at work each holds: {shares} (of {len(lines)} processes of the database)")
    return sum(found.values())


def _watch(up: Up, model: httpx.Client, runs: int) -> None:
    """Prints how busy the machine is with them."""
    assert up.process is not None
    before, turns = _seconds(up), sum(_seen(model)["turn"].values())
    began = time.monotonic()
    time.sleep(WATCHED_SECONDS)
    took, used = time.monotonic() - began, {name: now - before.get(name, 0) for name, now in _seconds(up).items()}
    turned = sum(_seen(model)["turn"].values()) - turns
    shares = "  ".join(f"{name} {seconds / took:.2f}" for name, seconds in used.items())
    print(f"  {turned / took:.1f} turns a second of {runs / THINKS:.0f} at best; cores at work: {shares}")


def _seconds(up: Up) -> dict[str, float]:
    assert up.process is not None
    parts = {"runs": "jobs.worker runs", "database": "postgres", "valkey": "valkey", "web": "backend.serve"}
    found = dict.fromkeys(parts, 0.0)
    for one in memory.beneath(up.process.pid):
        for name, words in parts.items():
            if words in one.command:
                found[name] += one.seconds
    return found


def _run_workers() -> list[queue.WorkerSeen]:
    return [one for one in queue.workers() if one.queue == queue.RUNS]


def _open() -> int:
    with db.transaction() as session:
        query = "SELECT count(*) FROM task_runs WHERE status IN ('pending', 'running')"
        return int(session.execute(text(query)).scalar_one())


def _ends() -> str:
    with db.transaction() as session:
        query = (
            "SELECT concat_ws(' ', r.status, r.outcome, r.failure), count(*), max(attempt)"
            " FROM task_runs r GROUP BY 1 ORDER BY 1"
        )
        rows = session.execute(text(query)).all()
    return ", ".join(f"{count} {what} (attempt {attempt} at most)" for what, count, attempt in rows)


def _seen(model: httpx.Client) -> Any:
    return model.get("/seen").json()


def _p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def _show(name: str, taken: list[float], other: str, bare: list[float]) -> None:
    middle, plain = statistics.median(taken), statistics.median(bare)
    print(f"  {other:<44} p50 {plain:6.2f} s   p95 {_p95(bare):6.2f} s")
    print(f"  {name:<44} p50 {middle:6.2f} s   p95 {_p95(taken):6.2f} s   {middle / plain:5.1f} × bare")


@contextmanager
def _model(port: int) -> Iterator[str]:
    command = ["granian", "--interface", "asginl", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen([sys.executable, "-m", *command, "benchmarks.load.model:app"], cwd=PROJECT_DIR)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)

"""Five hundred who listen to one task's log: what they cost the web process, and how late they hear of an entry."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
from sqlmodel import select

from backend import db, events
from backend.models import AiModel, Repository, TaskRun
from backend.services import api_tokens, catalog, repositories, tasks
from backend.services.api_tokens import Scope
from backend.settings import PROJECT_DIR
from backend.words import EventKind, Priority, TaskType
from benchmarks import alice
from benchmarks.measure import empty_database
from tests.ports import free_port_pair

LISTENERS = 500
TOKENS = 10
ENTRIES = 20


def measure() -> None:
    """Prints memory before and after, and the delay from the commit to the arrival."""
    with empty_database():
        task_id, run_id, tokens = _content()
        with _served() as (port, process):
            before = _resident(process.pid)
            delays, after = asyncio.run(_listen(port, process.pid, task_id, run_id, tokens))
    memory = f"{before:.0f} MB before, {after:.0f} MB after, {(after - before) / LISTENERS * 1000:.0f} KB each"
    print(f"  {LISTENERS} listeners on one process: {memory}")
    found = sorted(delays)
    p95 = found[int(len(found) * 0.95)]
    print(
        f"  from the commit to all of them ({ENTRIES} entries): p50 {statistics.median(found) * 1000:.0f} ms   "
        f"p95 {p95 * 1000:.0f} ms   last {found[-1] * 1000:.0f} ms"
    )


def _content() -> tuple[UUID, UUID, list[str]]:
    with db.transaction() as session:
        catalog.fill(session)
        user = alice.sign_in(session)
        repositories.store(session, user.id, [alice.REPOSITORY])
        repository = session.exec(select(Repository.id)).one()
        model = session.exec(select(AiModel.id).where(AiModel.provider == "demo")).one()
        draft = tasks.Draft(repository, "main", None, model, TaskType.ASK, Priority.MEDIUM, "Why?")
        task = tasks.submit(session, user, draft)
        run_id = session.exec(select(TaskRun.id)).one()
        made = [api_tokens.create(session, user, f"t{number}", Scope.READ, 30)[1] for number in range(TOKENS)]
        return task.id, run_id, made


@contextmanager
def _served() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    port = free_port_pair()
    quietly = ["--log-level", "error", "--workers-kill-timeout", "2"]
    command = ["--interface", "asgi", "--port", str(port), *quietly, "tests.served:app"]
    environment = {**os.environ, "ASYNCCODER_API_REQUESTS": "0", "ASYNCCODER_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "granian", *command], cwd=PROJECT_DIR, env=environment)
    try:
        for _ in range(200):
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


async def _listen(port: int, pid: int, task_id: UUID, run_id: UUID, tokens: list[str]) -> tuple[list[float], float]:
    """Opens all lines, writes the entries one by one, and waits for each to be everywhere."""
    heard: asyncio.Queue[float] = asyncio.Queue()
    ready: asyncio.Queue[None] = asyncio.Queue()
    lines = []
    for number in range(LISTENERS):
        lines.append(asyncio.create_task(_line(port, task_id, tokens[number % TOKENS], ready, heard)))
        await asyncio.wait_for(ready.get(), 30)
    after = _resident(pid)
    delays: list[float] = []
    for number in range(ENTRIES):
        await asyncio.to_thread(_write, task_id, run_id, number)
        committed = time.monotonic()
        delays += [max(0.0, await asyncio.wait_for(heard.get(), 30) - committed) for _ in range(LISTENERS)]
        await asyncio.sleep(0.3)
    for line in lines:
        line.cancel()
    return delays, max(after, _resident(pid))


async def _line(
    port: int, task_id: UUID, token: str, ready: "asyncio.Queue[None]", heard: "asyncio.Queue[float]"
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"GET /api/tasks/{task_id}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    writer.write(head.encode())
    while said := await reader.readline():
        if said.startswith(b"retry:"):
            ready.put_nowait(None)
        elif said.startswith(b"data:") and b'"text":"Entry ' in said.replace(b'": "', b'":"'):
            heard.put_nowait(time.monotonic())


def _write(task_id: UUID, run_id: UUID, number: int) -> None:
    with db.transaction() as session:
        payload = {"text": f"Entry {number}. " + "x" * 400, "code": "x"}
        events.append(session, task_id=task_id, run_id=run_id, kind=EventKind.NOTE, payload=payload)


def _resident(pid: int) -> float:
    """Megabytes of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_own(int(one)) for one in (pid, *children))


def _own(pid: int) -> float:
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

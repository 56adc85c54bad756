"""The log's socket without a socket: what a page would send and get, and the hub beside it."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlmodel import select

from asynccoder_ui.live import LogNamespace
from backend import db, events
from backend.hub import hub
from backend.models import TaskRun
from backend.settings import get_settings
from backend.words import EventKind
from tests.conftest import People

ORIGIN = "http://127.0.0.1:3000"


class Wire(LogNamespace):
    """The namespace with its socket replaced by lists of what went out."""

    def __init__(self) -> None:
        super().__init__(ORIGIN)
        self.sent: list[tuple[str, Any]] = []
        self.sessions: dict[str, Any] = {}
        self.ended: list[str] = []

    async def emit(self, event: str, data: Any = None, to: str | None = None, **_: Any) -> None:
        self.sent.append((event, data))

    async def save_session(self, sid: str, session: Any, **_: Any) -> None:
        self.sessions[sid] = session

    async def get_session(self, sid: str, **_: Any) -> Any:
        return self.sessions[sid]

    async def disconnect(self, sid: str, **_: Any) -> None:
        self.ended.append(sid)

    def numbers(self) -> list[int]:
        return [event["seq"] for kind, data in self.sent if kind == "events" for event in data["events"]]


def note(task: UUID, text: str) -> None:
    with db.transaction() as session:
        run = session.exec(select(TaskRun.id).where(TaskRun.task_id == task)).one()
        events.append(session, task_id=task, run_id=run, kind=EventKind.NOTE, payload={"text": text})


def environ(cookie: str, origin: str = ORIGIN) -> dict[str, Any]:
    return {
        "HTTP_ORIGIN": origin,
        "asgi.scope": {"headers": [(b"cookie", f"{get_settings().session_cookie}={cookie}".encode())]},
    }


async def connected(people: People, who: str) -> Wire:
    wire = Wire()
    await wire.on_connect("s", environ(people.cookies[who]))
    return wire


async def until(truth: Any, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not truth():
            await asyncio.sleep(0.02)


def with_hub(road: Any) -> Any:
    async def run() -> Any:
        listening = asyncio.create_task(hub.run(get_settings().resolved_redis_url))
        await until(lambda: hub.is_connected)
        try:
            return await road()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    return asyncio.run(run())

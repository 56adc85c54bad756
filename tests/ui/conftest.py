"""A browser tab without a browser: events go through Reflex's real pipeline and our gate, with an in-memory State."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.state import State, StateUpdate
from reflex_base.event import Event
from reflex_base.event.processor import BaseStateEventProcessor
from reflex_base.registry import RegistrationContext

from asynccoder_ui.asynccoder_ui import app
from backend import db, redis
from backend.cache import Cache
from backend.errors import AsyncCoderError
from backend.hub import hub
from backend.services import tasks
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.conftest import People

T = TypeVar("T", bound=rx.State)


class Tab:
    """What a browser's tab would send and get."""

    def __init__(self, processor: BaseStateEventProcessor, states: StateManagerMemory, name: str = "tab-1") -> None:
        self._processor = processor
        self._states = states
        self._name = name
        self.cookie = ""
        self.path = "/home"
        self.headers: dict[str, str] = {}
        self.got: list[Event] = []

    def another(self, name: str) -> "Tab":
        """One more tab of the same browser."""
        tab = Tab(self._processor, self._states, name)
        tab.cookie, tab.path = self.cookie, self.path
        return tab

    async def emit_update(self, update: StateUpdate, token: str) -> None:
        """Takes what the server pushes: here only what the browser is told to do."""
        self.got += update.events

    async def fire(self, handler: Any, *args: Any) -> None:
        """Sends an event and waits for it and all that follows from it."""
        await self._send(handler, *args)

    async def start(self, handler: Any, *args: Any) -> "asyncio.Task[None]":
        """Sends an event that goes on by itself, such as a page that follows its rings."""
        return asyncio.create_task(self._send(handler, *args))

    async def fire_raw(self, name: str, payload: dict[str, Any]) -> None:
        """Sends an event by its name, as whoever has a socket can."""
        future = await self._processor.enqueue(
            self._name, Event(name=name, payload=payload, router_data=self._router())
        )
        await future

    async def state(self, kind: type[T]) -> T:
        """The tab's State as it stands."""
        async with self._states.modify_state(BaseStateToken(ident=self._name, cls=State)) as root:
            return await root.get_state(kind)

    async def until(self, truth: Callable[[], Awaitable[bool]], seconds: float = 5) -> None:
        """Waits for something to become true."""
        async with asyncio.timeout(seconds):
            while not await truth():
                await asyncio.sleep(0.02)

    @property
    def was_sent_away(self) -> bool:
        """Whether the browser was told to load the landing page."""
        return any("location.assign" in str(event.payload) for event in self.got)

    async def _send(self, handler: Any, *args: Any) -> None:
        [event] = Event.from_event_type(handler(*args) if args else handler)
        event = Event(name=event.name, payload=event.payload, router_data=self._router())
        future = await self._processor.enqueue(self._name, event)
        with suppress(AsyncCoderError):  # the pipeline has answered it through our exception handler
            await future

    def _router(self) -> dict[str, Any]:
        return {
            "pathname": self.path,
            "asPath": self.path,
            "path": self.path,
            "origin": get_settings().origin,
            "token": self._name,
            "sid": "sid",
            "ip": "127.0.0.1",
            "query": {},
            "headers": {"cookie": f"{get_settings().session_cookie}={self.cookie}", "origin": get_settings().origin}
            | self.headers,
        }


@asynccontextmanager
async def opened(cookie: str = "", path: str = "/home") -> AsyncIterator[Tab]:
    """A tab of whoever has this cookie."""
    RegistrationContext.set(app._registration_context)
    processor = BaseStateEventProcessor(middleware=app, backend_exception_handler=app.backend_exception_handler)
    states = StateManagerMemory()  # type: ignore[abstract]  # its methods are deprecated aliases to mypy
    tab = Tab(processor, states)
    tab.cookie, tab.path = cookie, path
    listening = asyncio.create_task(hub.run(get_settings().resolved_redis_url))
    async with processor.configure(state_manager=states, event_namespace=tab):  # type: ignore[arg-type]
        await tab.until(_hub_is_connected)
        yield tab
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def _hub_is_connected() -> bool:
    return hub.is_connected


@pytest.fixture
def branches(people: People) -> None:
    """GitHub's answer about branches, as the cache keeps it."""
    cache = Cache(redis.client(get_settings().resolved_redis_url))
    for user in (people.alice, people.bob):
        for repository in (people.sample, people.shop):
            key = f"user:{user.id}:branches:{repository}"
            cache.set_json(key, [["main", True], ["feature/coupons", False]], 300)


@pytest.fixture
def task(people: People) -> UUID:
    """A task of Alice's that waits for a worker."""
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id

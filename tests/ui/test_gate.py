import asyncio
from typing import Any
from uuid import uuid4

import pytest
import reflex as rx
from reflex_base.event import EventHandler
from reflex_base.registry import RegistrationContext
from socketio import AsyncNamespace, AsyncServer
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import gate, given, people
from asynccoder_ui.asynccoder_ui import app
from asynccoder_ui.composer import Composer
from asynccoder_ui.doorway import guard
from asynccoder_ui.session import Session
from asynccoder_ui.shell import Shell
from asynccoder_ui.task_view import TaskView
from backend import clock, db, log
from backend.errors import InvalidInput
from backend.models import User
from backend.services import auth
from backend.settings import get_settings
from tests.conftest import People
from tests.cookies import OTHERS
from tests.ui.conftest import opened

POLICIES = ("public", "signed_in", "refused")


def registered() -> dict[str, EventHandler]:
    RegistrationContext.set(app._registration_context)
    return {name: one.handler for name, one in RegistrationContext.get().event_handlers.items()}


def test_every_registered_handler_has_a_policy():
    without = [name for name, handler in registered().items() if gate.policy_of(handler) not in POLICIES]
    assert without == []


def test_only_what_strangers_need_is_public():
    public = {name.rpartition(".")[2] for name, handler in registered().items() if gate.policy_of(handler) == "public"}
    assert public == {"greet", "hydrate", "hydrate_and_load", "on_load_internal", "set_is_hydrated", "tell"}


def test_a_handler_that_nobody_gave_a_policy_has_none():
    def forgotten(self: rx.State) -> None: ...

    assert gate.policy_of(EventHandler(fn=forgotten)) is None


def test_no_variable_can_be_set_by_name(people: People):
    async def road() -> str:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire_raw(f"{Session.get_full_name()}.setvar", {"var_name": "login", "value": "mallory"})
            return (await tab.state(Session)).login

    assert asyncio.run(road()) == ""


def test_what_a_state_keeps_for_itself_is_no_handler():
    assert not any(name.rpartition(".")[2].startswith("_") for name in registered())


def test_a_stranger_is_sent_to_the_landing_page(people: People):
    async def road() -> tuple[bool, bool]:
        async with opened("not a session") as tab:
            await tab.fire(Composer.pick_priority, "high")
            return tab.was_sent_away, (await tab.state(Composer)).choice.priority == "medium"

    assert asyncio.run(road()) == (True, True)


def sign_out(session: DatabaseSession, people: People) -> None:
    auth.sign_out(session, people.cookies["alice"])


def disable(session: DatabaseSession, people: People) -> None:
    session.get_one(User, people.alice.id).disabled_at = clock.now()


def shut_out(session: DatabaseSession, people: People) -> None:
    auth.shut_out(session, people.alice.id)


ways_out = pytest.mark.parametrize("end", [sign_out, disable, shut_out])


@ways_out
def test_a_session_that_ended_is_refused_at_the_next_event_although_the_gate_remembers_it(people: People, end: Any):
    async def road() -> tuple[str, bool]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Shell.search, "totals")
            with db.transaction() as session:
                end(session, people)
            await tab.fire(Shell.search, "secret")
            return (await tab.state(Shell)).error, tab.was_sent_away

    assert asyncio.run(road()) == ("", True)


@ways_out
def test_what_goes_on_in_the_background_leads_away_too_once_the_session_has_ended(people: People, end: Any):
    async def road() -> bool:
        async with opened(people.cookies["alice"], f"/tasks/{uuid4()}") as tab:
            await tab.fire(Shell.search, "totals")
            with db.transaction() as session:
                end(session, people)
            await tab.fire(TaskView.follow)
            return tab.was_sent_away and not (await tab.state(TaskView)).missing

    assert asyncio.run(road())


@pytest.mark.parametrize("other", OTHERS)
def test_the_cookies_of_other_local_apps_do_not_hide_ours(other: bytes):
    header = f"{other.decode('latin-1')}; {get_settings().session_cookie}=ours; {other.decode('latin-1')}"
    assert people.token_in(header) == "ours"


@pytest.mark.parametrize("payload", ["ab", ["query"], 1])
def test_arguments_that_are_no_mapping_are_refused(payload: Any):
    [search] = [handler for name, handler in registered().items() if name.endswith("shell.search")]
    with pytest.raises(InvalidInput):
        given.require_fitting(search, payload)


class Pages(AsyncNamespace):  # type: ignore[misc]  # socketio has no types
    def __init__(self) -> None:
        super().__init__("/_event")
        self.app = app
        self.heard: list[str] = []

    async def on_event(self, sid: str, data: Any) -> None:
        self.heard.append(data["name"])


@pytest.mark.parametrize(
    ("message", "is_heard"),
    [
        ('["event",{"name":"%s","payload":{}}]', True),
        ('["event",{"name":"nowhere.nothing","payload":{}}]', False),
        ('["event",{"name":"%s","payload":["query"]}]', False),
        ('["event","\\u001b[31mred"]', False),
        ('["event"]', False),
        ("[not json", False),
    ],
)
def test_a_socket_that_sends_what_cannot_be_read_is_closed_with_one_short_line(
    message: str, is_heard: bool, capsys: pytest.CaptureFixture[str]
):
    known = next(iter(registered()))
    log.configure()

    async def road() -> tuple[list[str], list[str]]:
        server, pages, ended = AsyncServer(async_mode="asgi", async_handlers=False), Pages(), []

        async def end(connection: str) -> None:
            ended.append(connection)

        server.eio.disconnect = end
        server.register_namespace(pages)
        guard(server, pages)
        await server.manager.connect("wire", "/_event")
        await server.eio.handlers["message"]("wire", "2/_event," + message.replace("%s", known))
        return pages.heard, ended

    assert asyncio.run(road()) == (([known], []) if is_heard else ([], ["wire"]))
    said = capsys.readouterr().err
    assert len(said.splitlines()) == (0 if is_heard else 1) and len(said) < 1_000


def test_a_tab_forgets_everything_when_somebody_else_signs_in(people: People):
    async def road() -> tuple[str, str, str]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Session.greet)
            before = (await tab.state(Session)).login
            tab.cookie = people.cookies["carol"]
            await tab.fire(Composer.pick_priority, "high")
            emptied = (await tab.state(Session)).login
            await tab.fire(Session.greet)
            return before, emptied, (await tab.state(Session)).login

    assert asyncio.run(road()) == ("alice", "", "carol")

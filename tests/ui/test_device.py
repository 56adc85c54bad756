"""The page on which a program is confirmed."""

import asyncio
from typing import Any

import pytest

from asynccoder_ui.pages.device import Device
from backend import db, rate_limit
from backend.rate_limit import Rule
from backend.services import device_grants
from backend.services.api_tokens import Scope
from backend.services.device_grants import Granted, Refused
from tests.conftest import People
from tests.ui.conftest import opened


def begun() -> device_grants.Begun:
    with db.transaction() as session:
        return device_grants.begin(session, "asynccoder on box", "127.0.0.1", Scope.WRITE)


def polled(device_code: str) -> Granted | Refused:
    with db.transaction() as session:
        return device_grants.poll(session, device_code)


def shown(people: People, *events: tuple[Any, ...], who: str = "alice") -> Device:
    async def road() -> Device:
        async with opened(people.cookies.get(who, ""), "/device") as tab:
            await tab.fire(Device.arrive)
            for handler, *args in events:
                await tab.fire(handler, *args)
            return await tab.state(Device)

    return asyncio.run(road())


def test_the_person_sees_who_asks_and_confirms(people: People):
    asked = begun()
    seen = shown(people, (Device.find, {"code": f" {asked.user_code.lower()} "}))
    assert (seen.asking.name, seen.asking.address, seen.asking.code) == (
        "asynccoder on box", "127.0.0.1", asked.user_code,
    )  # fmt: skip
    assert "start and stop them" in seen.asking.may and seen.error == ""
    done = shown(people, (Device.find, {"code": asked.user_code}), (Device.confirm,))
    assert done.said == "asynccoder on box is signed in. You can close this page." and done.asking.code == ""
    assert isinstance(polled(asked.device_code), Granted)


def test_a_refusal_and_a_second_answer_are_told(people: People):
    asked = begun()
    code = {"code": asked.user_code}
    assert shown(people, (Device.find, code), (Device.refuse,)).said == "asynccoder on box was refused."
    assert polled(asked.device_code) is Refused.DENIED
    assert "No program waits" in shown(people, (Device.find, code)).error
    assert "No program waits" in shown(people, (Device.confirm,)).error, "without a code nothing is confirmed"


def test_strangers_cannot_confirm_and_many_codes_are_too_many(people: People, environment: pytest.MonkeyPatch):
    asked = begun()
    code = {"code": asked.user_code}
    nobody = shown(people, (Device.find, code), (Device.confirm,), who="nobody")
    assert nobody.asking.code == "" and polled(asked.device_code) is Refused.PENDING
    environment.setattr(rate_limit, "CODES", Rule("few", "codes", 2, 300, is_closed=True))
    wrong = (Device.find, {"code": "BBBB-BBBB"})
    assert "2 codes in 5 minutes" in shown(people, wrong, wrong, (Device.find, code)).error

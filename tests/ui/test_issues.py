import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from reflex_base.event import Event

from asynccoder_ui import orders
from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_view import fill_box
from asynccoder_ui.issues import Issues, insert
from backend.errors import AsyncCoderError
from backend.services import issues
from tests.conftest import People
from tests.hub import LocalHub
from tests.payloads import PAYLOADS
from tests.ui.conftest import Tab, opened

pytestmark = pytest.mark.usefixtures("branches")
TITLE = "Half cents of single lines are lost in the total"


def composing(people: People, road: Callable[[Tab], Any], who: str = "alice") -> Any:
    async def walk() -> Any:
        async with opened(people.cookies[who]) as tab:
            await tab.fire(Composer.load)
            return await road(tab)

    return asyncio.run(walk())


async def answered(tab: Tab, reference: str) -> Issues:
    """What is shown once GitHub has answered."""
    await tab.fire(Issues.look, reference)

    async def is_there() -> bool:
        state = await tab.state(Issues)
        return bool(state.offer or state.refusal)

    await tab.until(is_there)
    return await tab.state(Issues)


async def inserted(tab: Tab) -> dict[str, str]:
    """What the browser was told to put into the box, once."""

    def orders() -> list[str]:
        scripts = [str(event.payload.get("javascript_code", "")) for event in tab.got]
        return [script for script in scripts if "asynccoder-insert" in script]

    async def is_told() -> bool:
        return bool(orders())

    await tab.until(is_told)
    [order] = orders()
    return json.JSONDecoder().raw_decode(order[order.index("detail: ") + 8 :])[0]


def test_an_issue_of_the_chosen_repository_is_offered_and_brought_once(connected: People):
    async def road(tab: Tab) -> tuple[Issues, dict[str, str]]:
        await tab.fire(Composer.pick_repository, str(connected.sample))
        offered = await answered(tab, "#12")
        assert (offered.offer, offered.refusal) == (f"Import issue #12: {TITLE}", "")
        await asyncio.gather(await tab.start(Issues.accept, "#12"), await tab.start(Issues.accept, "#12"))
        return await tab.state(Issues), await inserted(tab)

    state, told = composing(connected, road)
    assert told["reference"] == "#12" and told["text"].startswith(f"Issue alice/sample-shop#12: {TITLE}\n")
    assert (state.offer, state.refusal) == ("", "")


def test_an_issue_of_another_repository_chooses_that_one(connected: People):
    async def road(tab: Tab) -> tuple[str, Composer, dict[str, str]]:
        await tab.fire(Composer.pick_repository, str(connected.sample))
        offer = (await answered(tab, "acme/shop#7")).offer
        await tab.fire(Issues.accept, "See acme/shop#7")
        return offer, await tab.state(Composer), await inserted(tab)

    offer, composer, told = composing(connected, road)
    assert offer.startswith("Import issue acme/shop#7: ")
    assert (composer.choice.repository, composer.choice.branch) == ("acme/shop", "main")
    assert "ISO 4217" in told["text"]


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("#99", "no issue #99"),
        ("bob/dotfiles#2", "cannot reach"),
        ("https://evil.example/a/b/issues/1", "another host"),
    ],
)
def test_what_cannot_be_imported_says_why_and_accepting_it_does_nothing(
    connected: People, reference: str, sentence: str
):
    async def road(tab: Tab) -> tuple[Issues, list[Any]]:
        await answered(tab, reference)
        await tab.fire(Issues.accept, reference)
        return await tab.state(Issues), tab.got

    state, got = composing(connected, road)
    assert sentence in state.refusal and state.offer == ""
    assert "asynccoder-insert" not in str(got)


def test_carol_is_offered_nothing_of_the_teams(connected: People):
    state = composing(connected, lambda tab: answered(tab, "acme/shop#7"), who="carol")
    assert "cannot reach acme/shop" in state.refusal and state.offer == ""


def test_an_answer_that_comes_too_late_is_dropped(connected: People, environment: pytest.MonkeyPatch):
    slow, is_given, ask = threading.Event(), threading.Event(), issues.look_up

    def late(user_id: Any, reference: str, place: Any) -> issues.Issue:
        if reference != "#12":
            return ask(user_id, reference, place)
        assert slow.wait(30)
        try:
            return ask(user_id, reference, place)
        finally:
            is_given.set()

    async def road(tab: Tab) -> str:
        await tab.fire(Composer.pick_repository, str(connected.sample))
        await tab.fire(Issues.look, "#12")
        found = (await answered(tab, "#14")).offer
        slow.set()
        assert await asyncio.to_thread(is_given.wait, 30)
        await asyncio.sleep(0.3)
        assert (await tab.state(Issues)).offer == found
        return found

    with environment.context() as patched:
        patched.setitem(vars(issues), "look_up", late)
        assert composing(connected, road).startswith("Import issue #14: ")


def test_another_repository_or_a_dismissal_takes_the_offer_away(connected: People):
    async def road(tab: Tab) -> None:
        await tab.fire(Composer.pick_repository, str(connected.sample))
        await answered(tab, "#12")
        await tab.fire(Issues.dismiss)
        assert (await tab.state(Issues)).offer == ""
        await tab.fire(Issues.accept, "")
        await answered(tab, "#12")
        await tab.fire(Issues.look, "")
        assert (await tab.state(Issues)).offer == ""
        assert "asynccoder-insert" not in str(tab.got)

    composing(connected, road)


def test_an_import_that_fails_says_so_and_can_be_tried_again(connected: People, hub: LocalHub):
    async def road(tab: Tab) -> None:
        await tab.fire(Composer.pick_repository, str(connected.sample))
        await answered(tab, "#12")
        hub.http.post("/_control/rate", json={"login": "alice", "remaining": 0, "seconds": 40})
        await tab.fire(Issues.accept, "#12")

        async def is_refused() -> bool:
            return "limits the rate" in (await tab.state(Issues)).refusal

        await tab.until(is_refused)
        assert not (await tab.state(Issues)).is_importing

    composing(connected, road)


@pytest.mark.parametrize("given", [None, 7, ["#1"], "x" * 1_000_000, "\ud800#1", "#\x00"])
def test_whatever_is_sent_as_a_reference_is_answered(connected: People, given: Any):
    async def road(tab: Tab) -> str:
        with suppress(AsyncCoderError):
            await tab.fire_raw(f"{Issues.get_full_name()}.look", {"reference": given})
        return str(tab.got)

    assert "Something went wrong on our side" not in composing(connected, road)


@pytest.mark.parametrize("words", PAYLOADS.values(), ids=PAYLOADS)
def test_words_reach_the_browser_as_they_are_whatever_they_say(words: str):
    for order in (fill_box(words), insert("#1", words)):
        [event] = Event.from_event_type(order)
        script = event.payload["javascript_code"]
        detail = json.JSONDecoder().raw_decode(script[script.index("detail: ") + 8 :])[0]
        assert detail["text"] == words
        assert "<" not in script
    [toast] = Event.from_event_type(orders.refuse(words))
    assert "toast" in str(toast.payload)


def test_an_issue_that_speaks_of_the_frameworks_own_things_is_brought_like_any_other(
    connected: People, environment: pytest.MonkeyPatch
):
    words = PAYLOADS["reflex"]

    async def road(tab: Tab) -> dict[str, str]:
        await tab.fire(Composer.pick_repository, str(connected.sample))
        await answered(tab, "#12")
        await tab.fire_raw(f"{Issues.get_full_name()}.accept", {"written": words})
        return await inserted(tab)

    with environment.context() as patched:
        patched.setitem(vars(issues), "as_prompt", lambda user_id, issue, written: f"{written} {issue.number}")
        assert composing(connected, road)["text"] == f"{words} 12"

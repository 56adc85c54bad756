import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlmodel import select

from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_view import Price
from asynccoder_ui.session import Session
from asynccoder_ui.settings_items import rights
from asynccoder_ui.settings_view import Access, Preferred, SettingsPage
from asynccoder_ui.shell import Shell
from backend import db
from backend.errors import AsyncCoderError
from backend.github.types import Profile, Token
from backend.models import ApiToken, ProviderKey, User, WebSession
from backend.services import auth, catalog, preferences, provider_keys, sessions
from backend.services.news import NewsKind
from backend.settings import get_settings
from backend.words import Effort, TaskType
from tests.conftest import People
from tests.model_server import Refuse, ScriptedModelServer, Turn
from tests.ui.conftest import Tab, opened

KEY = "sk-ant-a-key-of-alices-own-7f3c"


@pytest.fixture
def server(people: People, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer([Turn("ok")]) as running:
        environment.setenv("ANTHROPIC_BASE_URL", running.url)
        get_settings.cache_clear()
        yield running


def of_alice(people: People) -> preferences.Preferences:
    with db.transaction() as session:
        return preferences.of(session.get_one(User, people.alice.id))


async def said(tab: Tab) -> tuple[str, str, bool]:
    told = (await tab.state(SettingsPage)).said
    return told.section, told.text, told.is_bad


def test_a_default_that_is_chosen_is_kept_and_the_section_says_so(people: People):
    async def road() -> tuple[tuple[str, str, bool], str, str]:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Preferred.load)
            await tab.fire(Preferred.choose, "task_type", "ask")
            await tab.fire(Preferred.choose, "effort", "high")
            await tab.fire(Preferred.choose, "model_id", str(people.model))
            page = await tab.state(Preferred)
            return await said(tab), page.defaults.task_type, page.defaults.model_id

    assert asyncio.run(road()) == (("defaults", "Saved", False), "ask", str(people.model))
    kept = of_alice(people)
    assert (kept.task_type, kept.effort, kept.model_id) == (TaskType.ASK, Effort.HIGH, people.model)


@pytest.mark.parametrize(
    ("name", "value"),
    [("task_type", "paint"), ("model_id", "../etc"), ("colour", "green"), ("task_type", ""), ("priority", 7)],
)
def test_what_is_no_default_changes_nothing(people: People, name: str, value: Any):
    async def road() -> None:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Preferred.load)
            with suppress(AsyncCoderError):
                await tab.fire_raw(f"{Preferred.get_full_name()}.choose", {"name": name, "value": value})

    asyncio.run(road())
    assert of_alice(people) == preferences.Preferences()


def test_an_event_is_told_where_it_is_ticked(people: People):
    async def road() -> list[tuple[str, bool]]:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Preferred.load)
            await tab.fire(Preferred.tell, "failed", "browser", False)
            return [(item.kind, item.browser) for item in (await tab.state(Preferred)).told]

    assert asyncio.run(road()) == [("done", True), ("failed", False), ("needs_you", True), ("budget", True)]
    assert NewsKind.FAILED not in of_alice(people).notify.browser


def test_the_composer_of_the_same_tab_begins_with_what_was_just_chosen_and_keeps_what_was_picked_since(
    people: People, branches: None
):
    async def road() -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []

        async def look() -> None:
            await tab.fire(Composer.load)
            choice = (await tab.state(Composer)).choice
            seen.append((choice.task_type, choice.priority))

        async with opened(people.cookies["alice"]) as tab:
            await look()
            await tab.fire(Preferred.choose, "task_type", "ask")
            await look()
            await tab.fire(Composer.pick_priority, "low")
            await tab.fire(Preferred.tell, "failed", "browser", False)
            await look()
        return seen

    assert asyncio.run(road()) == [("debug", "medium"), ("ask", "medium"), ("ask", "low")]


def test_a_browser_that_is_signed_out_elsewhere_is_sent_away(people: People):
    phone = _second_browser()

    async def road() -> bool:
        async with opened(phone) as tab:
            following = await tab.start(Shell.follow)
            await tab.until(lambda: _is_listed(tab))
            await asyncio.to_thread(_end_others, people)
            await tab.until(lambda: _was_sent_away(tab))
            following.cancel()
            return tab.was_sent_away

    assert asyncio.run(road())


def test_a_browser_that_is_signed_out_here_is_no_longer_listed(people: People):
    _second_browser()
    _second_browser()

    async def road() -> list[list[bool]]:
        seen = []
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Access.load)
            seen.append([row.is_this for row in (await tab.state(Access)).sessions])
            await tab.fire(Access.end_session, (await tab.state(Access)).sessions[1].id)
            seen.append([row.is_this for row in (await tab.state(Access)).sessions])
            await tab.fire(Access.end_others)
            seen.append([row.is_this for row in (await tab.state(Access)).sessions])
            assert await said(tab) == ("sessions", "1 signed out", False)
        return seen

    assert asyncio.run(road()) == [[True, False, False], [True, False], [True]]


def test_carol_cannot_end_alices_session_or_revoke_her_token(people: People):
    with db.transaction() as session:
        hers = sessions.listing(session, people.alice, people.cookies["alice"])[0].id

    async def road() -> list[tuple[str, str, bool]]:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Access.make_token, {"name": "laptop", "scope": "read", "days": "30", "made": "0"})
            token = (await tab.state(Access)).tokens[0].id
        told = []
        async with opened(people.cookies["carol"], "/settings") as tab:
            await tab.fire(Access.load)
            await tab.fire(Access.end_session, str(hers))
            told.append(await said(tab))
            await tab.fire(Access.revoke_token, token)
            told.append(await said(tab))
        return told

    assert asyncio.run(road()) == [
        ("sessions", "There is no such session.", True),
        ("tokens", "There is no such token.", True),
    ]
    with db.transaction() as session:
        assert auth.user_of_session(session, people.cookies["alice"]).username == "alice"
        assert session.exec(select(ApiToken.revoked_at)).one() is None


def test_a_token_is_shown_until_it_was_copied_through_a_reconnect_and_the_same_form_twice_is_one(people: People):
    async def road() -> tuple[list[str], list[str], str]:
        form = {"name": " ci  runner ", "scope": "write", "days": "never", "made": "0"}
        async with opened(people.cookies["alice"], "/settings") as tab:
            shown = []

            async def look() -> None:
                shown.append((await tab.state(Access)).new_token)

            await tab.fire(Access.load)
            for _ in range(2):
                await tab.fire(Access.make_token, form)
                await look()
            await tab.fire(Access.load)
            await look()
            await tab.fire(Access.make_token, {**form, "made": "1"})
            page = await tab.state(Access)
            first = page.tokens[1].id
            await tab.fire(Access.revoke_token, first)
            await look()
            names = [row.name for row in (await tab.state(Access)).tokens]
            await tab.fire(Access.hide_token)
            return shown, names, (await tab.state(Access)).new_token

    (made, again, reconnected, second), names, hidden = asyncio.run(road())
    assert made.startswith("acd_") and made == again == reconnected, "a reconnect loads the page again"
    assert second.startswith("acd_") and second != made, "revoking another one hides nothing"
    assert (names, hidden) == (["ci runner"], "")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"name": "", "scope": "read", "days": "30"},
        {"name": "x", "scope": "root", "days": "30"},
        {"name": "x", "scope": "read", "days": "31"},
        {"name": "x", "scope": "read", "days": ["30"]},
        {"name": "x", "scope": "read", "days": "²"},
        {"name": "x", "scope": "read", "days": "30", "made": ["0"]},
    ],
)
def test_a_form_that_says_nonsense_makes_no_token(people: People, form: dict[str, Any]):
    async def road() -> str:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Access.make_token, {"made": "0", **form})
            return (await tab.state(Access)).new_token

    assert asyncio.run(road()) == ""
    with db.transaction() as session:
        assert session.exec(select(ApiToken)).all() == []


def test_a_key_is_tested_kept_tested_again_and_removed_and_stands_in_no_variable(
    people: People, server: ScriptedModelServer
):
    async def road() -> list[tuple[str, str, bool]]:
        told = []
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Access.keep_key, {"provider": "anthropic", "key": KEY})
            told.append(await said(tab))
            page = await tab.state(Access)
            assert page.keys[0].hint == "7f3c" and page.keys[0].tested_at and page.testing == ""
            assert KEY not in str(page.dict()) and KEY not in str(vars(page))
            server.script = [Turn("ok"), Refuse(401, "authentication_error", "invalid x-api-key")]
            await tab.fire(Access.test_key, "anthropic")
            told.append(await said(tab))
            await tab.fire(Access.remove_key, "anthropic")
            told.append(await said(tab))
        return told

    assert asyncio.run(road()) == [
        ("keys", "Kept: the provider took it", False),
        (
            "keys",
            "Anthropic did not accept your key. It says: invalid x-api-key",
            True,
        ),
        ("keys", "Removed", False),
    ]


def test_a_key_that_is_refused_is_not_kept_and_the_section_says_why(people: People, server: ScriptedModelServer):
    server.script = [Refuse(500)]

    async def road() -> tuple[tuple[str, str, bool], bool, int]:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Access.keep_key, {"provider": "anthropic", "key": KEY})
            page = await tab.state(Access)
            return await said(tab), page.keys[0].has_key, page.kept

    (section, words, is_bad), has_key, kept = asyncio.run(road())
    assert (section, is_bad, has_key, kept) == ("keys", True, False, 0) and "could not be tested" in words
    with db.transaction() as session:
        assert session.exec(select(ProviderKey)).all() == []


def test_with_a_key_the_composer_says_dollars_and_nothing_is_too_dear(
    people: People, server: ScriptedModelServer, branches: None
):
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    with db.transaction() as session:
        dear = next(one for one in catalog.choices(session, people.alice) if one.name == "claude-opus-4-5")

    async def road() -> Price:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            await tab.fire(Composer.pick_type, "async")
            await tab.fire(Composer.pick_model, str(dear.id))
            return (await tab.state(Composer)).price

    price = asyncio.run(road())
    assert price.own_key and price.likely.startswith("$") and price.most.startswith("$")
    assert (price.hold, price.is_short) == (0, False)


def test_disconnecting_github_keeps_the_person_signed_in_and_says_so(people: People):
    async def road() -> tuple[tuple[str, str, bool], bool, bool]:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Preferred.load)
            await tab.fire(Access.disconnect_github)
            return await said(tab), (await tab.state(SettingsPage)).profile.is_connected, tab.was_sent_away

    assert asyncio.run(road()) == (("github", "Disconnected", False), False, False)


def test_an_account_is_deleted_only_with_its_login_and_then_the_tab_leaves(people: People):
    async def road() -> tuple[tuple[str, str, bool], bool, bool, bool]:
        async with opened(people.cookies["alice"], "/settings") as tab:
            await tab.fire(Session.greet)
            await tab.fire(Preferred.load)
            await tab.fire(Access.delete_account, "bob")
            told, stayed = await said(tab), not tab.was_sent_away
            await tab.fire(Access.delete_account, "alice")
            left = tab.was_sent_away
            tab.got.clear()
            await tab.fire(Preferred.load)
            await tab.fire(Session.greet)
            assert (await tab.state(Session)).login == "", "the landing page offers to sign in"
            return told, stayed, left, tab.was_sent_away

    told = ("account", "This is not your login, so nothing was deleted.", True)
    assert asyncio.run(road()) == (told, True, True, True)
    with db.transaction() as session:
        assert session.get_one(User, people.alice.id).deleted_at is not None
        assert {row.user_id for row in session.exec(select(WebSession))} == {people.bob.id, people.carol.id}


def test_a_stranger_reads_nothing(people: People):
    async def road() -> tuple[str, list[Any], bool]:
        async with opened("no session", "/settings") as tab:
            await tab.fire(Preferred.load)
            await tab.fire(Access.load)
            return (
                (await tab.state(SettingsPage)).profile.login,
                (await tab.state(Access)).sessions,
                tab.was_sent_away,
            )

    assert asyncio.run(road()) == ("", [], True)


def _second_browser() -> str:
    with db.transaction() as session:
        profile = Profile(1, "alice", "Alice", "alice@example.org", None)
        return auth.sign_in(session, profile, Token("gho_alice", None, None, ()), "Firefox/128.0 Linux")[1]


async def _is_listed(tab: Tab) -> bool:
    return (await tab.state(Shell)).is_listed


async def _was_sent_away(tab: Tab) -> bool:
    return tab.was_sent_away


def _end_others(people: People) -> None:
    with db.transaction() as session:
        sessions.end_others(session, people.alice, people.cookies["alice"])


@pytest.mark.parametrize(
    ("scopes", "refresh", "is_connected", "said"),
    [
        ("repo read:org", None, True, "Scopes: repo, read:org."),
        ("", "sealed", True, "With the permissions of the GitHub App."),
        ("", None, True, ""),
        ("repo", None, False, ""),
    ],
)
def test_what_github_lets_us_do_is_said(scopes: str, refresh: str | None, is_connected: bool, said: str) -> None:
    user = User(
        github_id=1,
        username="alice",
        github_scopes=scopes,
        github_refresh_token=refresh,
        is_github_connected=is_connected,
    )
    assert rights(user) == said

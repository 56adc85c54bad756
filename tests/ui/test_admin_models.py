import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import select

from asynccoder_ui.pages.admin_models import AdminModels
from backend import db
from backend.models import AiModel
from backend.settings import get_settings
from tests.conftest import People
from tests.model_server import Refuse, ScriptedModelServer, Turn
from tests.ui.conftest import opened


@pytest.fixture
def server(people: People, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer([Turn("ok")]) as running:
        environment.setenv("ANTHROPIC_API_KEY", "sk-ant-the-deployments-own-7f3c")
        environment.setenv("ANTHROPIC_BASE_URL", running.url)
        environment.setenv("COMPATIBLE_BASE_URL", f"{running.url}/v1")
        get_settings.cache_clear()
        yield running


def visited(people: People, *steps: Any, who: str = "alice") -> AdminModels:
    async def walk() -> AdminModels:
        async with opened(people.cookies[who], "/admin/models") as tab:
            visit = await tab.start(AdminModels.follow)

            async def is_told() -> bool:
                state = await tab.state(AdminModels)
                return state.is_listed or state.error != ""

            await tab.until(is_told)
            for handler, *args in steps:
                await tab.fire(handler, *args)
            visit.cancel()
            return await tab.state(AdminModels)

    return asyncio.run(walk())


def row(name: str = "claude-sonnet-4-6") -> AiModel:
    with db.transaction() as session:
        return session.exec(select(AiModel).where(AiModel.name == name)).one()


def item(page: AdminModels, name: str = "anthropic/claude-sonnet-4-6") -> Any:
    return next(one for one in page.models if one.name == name)


def form(page: AdminModels, **changed: str) -> dict[str, Any]:
    one = item(page)
    usual = {name: getattr(one, name) for name in ("id", "input", "output", "cache_read", "cache_write")}
    return {**usual, "name": one.title, "margin": one.margin, "tiers": one.tiers, "window": one.window, **changed}


def test_an_admin_sees_what_is_offered_at_which_price(people: People):
    page = visited(people)
    assert page.models[0].is_first and page.models[-1].is_last
    shown = item(page)
    assert (shown.is_on, shown.facts) == (True, "$3 in, $15 out per million tokens · 0 runs in 30 days")
    assert shown.trouble.startswith("No key is configured"), "it is on, and nobody can use it here"
    assert {one.state for one in page.providers} >= {"ANTHROPIC_API_KEY is not set", "COMPATIBLE_BASE_URL is not set"}


def test_a_model_is_priced_limited_moved_and_switched_off(people: People):
    before = visited(people)
    changed = form(before, input="2.5", margin="12.5", tiers="pro,enterprise", name="Ours")
    page = visited(people, (AdminModels.keep, changed))
    shown = item(page)
    assert (page.form_error, shown.title, shown.limits) == ("", "Ours", "margin 12.5 % · for pro and enterprise")
    assert shown.facts.startswith("$2.5 in, $15 out per million tokens, given here") and shown.can_use_list
    assert row().input_price == 2_500_000
    page = visited(people, (AdminModels.use_list_price, shown.id), (AdminModels.switch, shown.id, False))
    assert (item(page).input, item(page).is_on, row().is_active) == ("3", False, False)
    page = visited(people, (AdminModels.move, shown.id, -1))
    assert [one.id for one in page.models].index(shown.id) == [one.id for one in before.models].index(shown.id) - 1


@pytest.mark.parametrize(
    "wrong", [{"input": "free"}, {"output": ""}, {"margin": "-1"}, {"tiers": "gold"}, {"window": "1e9"}, {"name": " "}]
)
def test_a_form_that_is_wrong_says_so_and_changes_nothing(people: People, wrong: dict[str, str]):
    page = visited(people, (AdminModels.keep, form(visited(people), **{"display": "", **wrong})))
    assert page.form_error and page.kept == 0
    assert (row().input_price, row().margin, row().is_price_given) == (3_000_000, 0, False)


def test_a_model_is_added_and_not_switched_on_before_it_has_a_price(people: People):
    page = visited(people, (AdminModels.add, {"provider": "openai", "name": "gpt-brand-new"}))
    new = item(page, "openai/gpt-brand-new")
    assert (page.kept, new.is_on, new.has_price) == (1, False, False)
    assert not item(visited(people, (AdminModels.switch, new.id, True)), "openai/gpt-brand-new").is_on
    assert visited(people, (AdminModels.add, {"provider": "openai", "name": "gpt-brand-new"})).form_error


def test_a_key_is_tested_and_a_server_asked_for_its_models(people: People, server: ScriptedModelServer):
    server.models = json.dumps({"data": [{"id": "qwen"}]}).encode()
    page = visited(people, (AdminModels.test, "anthropic"), (AdminModels.look_for_models,))
    [anthropic] = [one for one in page.providers if one.provider == "anthropic"]
    assert (anthropic.is_ok, anthropic.tested_at != "", page.asking) == (True, True, "")
    assert not item(page, "compatible/qwen").has_price
    server.script[:] = [Refuse(401, "authentication_error", "no such key")]
    page = visited(people, (AdminModels.test, "anthropic"), (AdminModels.test, "nobody"))
    assert next(one for one in page.providers if one.provider == "anthropic").words == "no such key"


def test_others_are_told_that_it_is_for_admins_and_change_nothing(people: People, server: ScriptedModelServer):
    id_ = str(row().id)
    page = visited(
        people, (AdminModels.switch, id_, False), (AdminModels.move, id_, 3), (AdminModels.use_list_price, id_),
        (AdminModels.add, {"provider": "openai", "name": "x"}), (AdminModels.test, "anthropic"),
        (AdminModels.look_for_models,), (AdminModels.refresh,), (AdminModels.keep, {"id": id_}), who="carol",
    )  # fmt: skip
    assert page.models == [] and page.providers == [] and page.error == "This is for admins. Ask your admin."
    assert row().is_active and server.received == [] and server.models_asked == []

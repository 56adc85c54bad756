"""The catalog: list prices without any network, what an admin gives, margins, tiers, the deployment's own keys."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from genai_prices import data_snapshot, types
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import select

from backend import clock, db
from backend.engine import limits
from backend.errors import AsyncCoderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from backend.models import AiModel, CreditTransaction, TaskRun, User
from backend.providers.base import Prices, Usage
from backend.providers.tokens import estimate_tokens
from backend.services import (
    brief,
    catalog,
    catalog_admin,
    credits,
    deployment_keys,
    dollars,
    estimates,
    known_models,
    lease,
    preferences,
    provider_keys,
    tasks,
)
from backend.services.catalog_admin import Change, given_price
from backend.settings import get_settings
from backend.words import Act, Priority, TaskType, Tier
from jobs import tasks as chores
from tests import auditing
from tests.backend.services import worker
from tests.conftest import People
from tests.model_server import Refuse, ScriptedModelServer, Turn

KEY = "sk-ant-the-deployments-own-7f3c"


@pytest.fixture
def server(people: People, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    """The deployment's way to Anthropic and to a compatible server."""
    with ScriptedModelServer([Turn("ok")]) as running:
        for name, value in (
            ("ANTHROPIC_BASE_URL", running.url),
            ("ANTHROPIC_API_KEY", KEY),
            ("COMPATIBLE_BASE_URL", f"{running.url}/v1"),
        ):
            environment.setenv(name, value)
        get_settings.cache_clear()
        yield running


@pytest.fixture
def price_list() -> Iterator[Any]:
    """Puts another version of the price list in place of the installed one, until the test is over."""

    def hold(provider: str, name: str, prices: Any, window: int | None = None) -> None:
        model = types.ModelInfo(name, types.ClauseEquals(name), context_window=window, prices=prices)
        found = types.Provider(id=provider, name=provider, api_pattern=provider, models=[model])
        data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([found], from_auto_update=False))

    yield hold
    data_snapshot.set_custom_snapshot(None)


def asked(input: str, output: str = "10") -> Any:
    return types.ModelPrice(input_mtok=Decimal(input), output_mtok=Decimal(output))


def row(name: str = "claude-sonnet-4-6") -> AiModel:
    with db.transaction() as session:
        return session.exec(select(AiModel).where(AiModel.name == name)).one()


def change(people: People, model_id: UUID, **wanted: Any) -> catalog_admin.ModelEntry:
    with db.transaction() as session:
        return catalog_admin.change(session, people.alice, model_id, Change(**wanted), address="192.0.2.7")


def refresh() -> list[catalog.PriceChange]:
    with db.transaction() as session:
        return catalog.refresh(session)


def names(people: People) -> list[str]:
    with db.transaction() as session:
        return [one.name for one in catalog_admin.listing(session, people.alice)]


# The price list


def test_every_known_model_has_a_list_price_under_its_own_name_and_nothing_was_fetched() -> None:
    assert data_snapshot._custom_snapshot is None, "prices are those of the installed package"
    for known in known_models.MODELS:
        found = known_models._packaged(known.provider, known.name)
        assert found is not None and found.id == known.name
        price = known_models.list_price(known.provider, known.name)
        assert price is not None and 0 < price.cache_read <= price.input <= price.cache_write < price.output
    assert len({(one.provider, one.name) for one in known_models.MODELS}) == len(known_models.MODELS)
    assert known_models.list_price("openai", "gpt-none-of-them") is None
    assert known_models.list_price("compatible", "gpt-5.1") is None, "somebody's own server asks what it likes"


def test_a_long_input_costs_what_the_provider_asks_for_long_ones(price_list: Any) -> None:
    tiers = types.TieredPrices(Decimal("1.25"), [types.Tier(200_000, Decimal("2.5"))])
    price_list("google", "long", types.ModelPrice(input_mtok=tiers, output_mtok=Decimal(10)))
    price = known_models.list_price("google", "long")
    assert price is not None
    assert price.cost_micro(Usage(200_000)) == 250_000
    assert price.cost_micro(Usage(200_001)) == 500_003, "all of its tokens, not those above alone"


def test_a_price_that_begins_soon_counts_already_and_no_price_is_ever_rounded_down(price_list: Any) -> None:
    today = clock.now().date()
    begins = [
        types.ConditionalPrice(prices=asked("2")),
        types.ConditionalPrice(types.StartDateConstraint(today + dt.timedelta(days=1)), prices=asked("4")),
        types.ConditionalPrice(types.StartDateConstraint(today + dt.timedelta(days=9)), prices=asked("8")),
    ]
    price_list("openai", "soon", begins)
    found = known_models.list_price("openai", "soon")
    assert found is not None and found.input == 4_000_000
    cheaper = [begins[1], types.ConditionalPrice(types.StartDateConstraint(today), prices=asked("1"))]
    price_list("openai", "soon", [types.ConditionalPrice(prices=asked("2")), cheaper[1]])
    found = known_models.list_price("openai", "soon")
    assert found is not None and found.input == 1_000_000, "what is over is over"
    price_list("openai", "soon", asked("0.0000001"))
    found = known_models.list_price("openai", "soon")
    assert found is not None and found.input == 1


def test_a_model_without_a_price_in_the_list_has_none(price_list: Any) -> None:
    price_list("openai", "free", types.ModelPrice(input_mtok=Decimal(1)))
    assert known_models.list_price("openai", "free") is None


def test_filling_twice_is_filling_once_and_a_window_is_no_wider_than_the_models(people: People) -> None:
    before = names(people)
    with db.transaction() as session:
        assert catalog.fill(session) == []
    assert names(people) == before and len(before) == len(known_models.MODELS) + 1
    assert row("claude-sonnet-4-6").context_window == known_models.WINDOW
    assert auditing.acts() == []


def test_a_refresh_changes_what_no_admin_gave_and_tells_of_it(people: People, price_list: Any) -> None:
    dear = row("claude-opus-4-5")
    change(people, dear.id, price=given_price("1", "2"))
    price_list("anthropic", "claude-opus-4-5", asked("7"))
    assert refresh() == [], "what an admin gave stays"
    after = row("claude-opus-4-5")
    assert (after.input_price, after.list_price and after.list_price["input"]) == (1_000_000, 7_000_000)
    price_list("anthropic", "claude-sonnet-4-6", asked("3.5", "17"))
    assert [(one.name, one.now) for one in refresh()] == [("Claude Sonnet 4.6", "$3.5 in, $17 out per million tokens")]
    chores.refresh_prices()
    assert len(auditing.rows()) == 2, "twice is once"
    assert row("gpt-5.1").input_price == 1_250_000, "a model that is not listed any more keeps its price"
    told = auditing.rows()[-1]
    assert (told.act, told.login, told.object_name) == (Act.MODEL_PRICED, "server", "anthropic/claude-sonnet-4-6")
    entry = change(people, dear.id, use_list_price=True)
    assert entry.price and (entry.is_price_given, entry.price.input) == (False, 7_000_000), "the list's price again"
    with db.transaction() as session:
        unknown = catalog_admin.add(session, people.alice, "compatible", "ours")
    with pytest.raises(InvalidInput, match="does not know"):
        change(people, unknown.id, use_list_price=True)


# What admins do


@pytest.mark.parametrize(
    "wrong", ["", "-1", "1e3", "1,5", "ten", "NaN", "10000.01", "0.0000001", "1" * 99, "٣", "1\x00"]
)
def test_a_price_is_dollars_or_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="dollars per million"):
        given_price(wrong, "1")


@given(st.integers(0, dollars.MOST * dollars.MICRO))
def test_a_price_is_written_and_read_without_a_loss(asked: int) -> None:
    assert dollars.micro(dollars.written(asked)) == asked


def test_a_model_that_nobody_knows_the_price_of_is_not_switched_on_and_never_costs_nothing(people: People) -> None:
    with db.transaction() as session:
        made = catalog_admin.add(session, people.alice, "openai", "gpt-brand-new")
    assert (made.is_active, made.price, made.trouble) == (False, None, "It has no price yet.")
    with pytest.raises(InvalidInput, match="give it a price first"):
        change(people, made.id, is_active=True)
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET is_active = true WHERE name = 'gpt-brand-new'"))
        with pytest.raises(InvalidInput, match="no price yet"):
            catalog.usable(session, made.id, people.alice)
        with pytest.raises(NotFound):
            estimates.estimate(session, made.id, TaskType.ASK)
    entry = change(people, made.id, price=given_price("0", "0"), is_active=True)
    assert entry.is_active and entry.price == Prices(0, 0, 0, 0), "what was given may be nothing"


def test_what_admins_do_is_checked_and_written_down(people: People) -> None:
    model = row()
    change(people, model.id, display_name="  Our\nSonnet ", margin=1_500, tiers=[Tier.PRO, Tier.ENTERPRISE])
    change(people, model.id, display_name="Our Sonnet", margin=1_500, tiers=[Tier.ENTERPRISE, Tier.PRO])
    [told] = auditing.rows()
    assert told.act == Act.MODEL_CHANGED and (told.login, told.address) == ("alice", "192.0.2.7")
    assert told.details == {
        "display_name": "Claude Sonnet 4.6 → Our Sonnet", "margin": "0 → 1500", "tiers": "everyone → pro, enterprise"
    }  # fmt: skip
    for wrong in (
        {"display_name": " \n"}, {"display_name": "x" * 81}, {"margin": -1}, {"margin": 100_001},
        {"context_window": 10}, {"context_window": 2_000_000},
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            change(people, model.id, **wrong)
    assert change(people, model.id, tiers=list(Tier)).tiers == (), "all of them is everyone"
    with pytest.raises(NotFound):
        change(people, UUID(int=1), margin=0)


def test_others_may_do_nothing_of_it(people: People, server: ScriptedModelServer) -> None:
    model = row()
    for deed in (
        lambda session, user: catalog_admin.listing(session, user),
        lambda session, user: catalog_admin.change(session, user, model.id, Change(margin=5)),
        lambda session, user: catalog_admin.move(session, user, model.id, 1),
        lambda session, user: catalog_admin.add(session, user, "openai", "x"),
        lambda session, user: catalog_admin.refresh(session, user),
        lambda session, user: deployment_keys.states(session, user),
    ):
        with db.transaction() as session, pytest.raises(Forbidden):
            deed(session, people.carol)
    with pytest.raises(Forbidden):
        deployment_keys.test(people.carol.id, "anthropic")
    with pytest.raises(Forbidden):
        deployment_keys.look_for_models(people.carol.id)
    assert row().margin == 0 and server.received == [] and server.models_asked == []


def test_models_are_offered_in_the_order_that_an_admin_gave(people: People) -> None:
    first, second, *_ = before = names(people)
    with db.transaction() as session:
        catalog_admin.move(session, people.alice, row(second).id, -1)
        catalog_admin.move(session, people.alice, row(second).id, -1)
    assert names(people) == [second, first, *before[2:]], "the first cannot go further"
    with db.transaction() as session:
        catalog_admin.move(session, people.alice, row(first).id, 999)
    assert names(people) == [second, *before[2:], first]
    with db.transaction() as session:
        offered = [one.name for one in catalog.choices(session, people.alice) if not one.is_demo]
    assert offered == [name for name in names(people) if name in offered]
    assert auditing.acts() == [Act.MODEL_CHANGED] * 2


def test_a_model_is_added_once_by_a_name_that_is_one(people: People) -> None:
    with db.transaction() as session:
        entry = catalog_admin.add(session, people.alice, "anthropic", "claude-opus-4-6")
    assert entry.price is not None and not entry.is_active, "the list knows it"
    for wrong in (("anthropic", "claude-opus-4-6"), ("anthropic", ""), ("anthropic", "a b"), ("anthropic", "x" * 201),
                  ("demo", "x"), ("nobody", "x")):  # fmt: skip
        with db.transaction() as session, pytest.raises((InvalidInput, Conflict)):
            catalog_admin.add(session, people.alice, *wrong)


# Tiers


def test_a_model_for_some_tiers_is_shown_to_the_others_and_refused(people: People) -> None:
    change(people, people.model, tiers=[Tier.PRO, Tier.ENTERPRISE])
    with db.transaction() as session:
        [choice] = [one for one in catalog.choices(session, people.bob) if one.is_demo]
        assert (choice.is_available, choice.unavailable_reason) == (False, "Only for pro and enterprise.")
        with pytest.raises(InvalidInput, match="Only for pro and enterprise"):
            preferences.change(session, people.bob, model_id=people.model)
    with pytest.raises(InvalidInput, match="Only for pro and enterprise"):
        worker.submit(people, who=people.bob)
    with db.transaction() as session:
        session.get_one(User, people.bob.id).subscription_tier = Tier.PRO
    with db.transaction() as session:
        people.bob.subscription_tier = Tier.PRO
    task_id = worker.submit(people, who=people.bob)
    worker.end(worker.claim())
    change(people, people.model, tiers=[Tier.ENTERPRISE])
    for again in (
        lambda session: tasks.follow_up(session, people.bob, task_id, "More"),
        lambda session: tasks.retry(session, people.bob, task_id),
    ):
        with db.transaction() as session, pytest.raises(AsyncCoderError, match="Only for enterprise"):
            again(session)


# Margins


@given(st.integers(1, 10**9), st.integers(0, 100_000))
def test_what_credits_buy_never_costs_more_credits(amount: int, margin: int) -> None:
    bought = credits.buys(amount, margin)
    assert credits.to_credits(bought, margin) <= amount
    assert credits.to_credits(bought + 1, margin) > amount


def test_a_run_is_charged_its_cost_with_the_margin_that_it_began_with(people: People) -> None:
    change(people, people.model, margin=5_000)
    task_id = worker.submit(people)
    change(people, people.model, margin=0)
    mine = worker.claim()
    with db.transaction() as session:
        facts = brief.read(session, mine)
        assert (facts.margin, lease.listen(session, mine)[0].hold_micro) == (5_000, credits.buys(facts.limit, 5_000))
        session.execute(text("UPDATE task_runs SET cost_micro = 20_001"))
    worker.end(mine)
    with db.transaction() as session:
        run = session.exec(select(TaskRun)).one()
        assert (run.cost_micro, run.charged) == (20_001, 4), "3.00015 cents, rounded up once"
        assert credits.unbalanced(session) == []
        page = tasks.page(session, people.alice, task_id)
    assert (page.run.margin, page.run.charged) == (5_000, 4)


def test_a_run_that_used_all_it_may_is_charged_no_more_than_it_held(people: People) -> None:
    change(people, people.model, margin=3_333)
    worker.submit(people)
    mine = worker.claim()
    with db.transaction() as session:
        hold = lease.listen(session, mine)[0].hold_micro
        session.execute(text("UPDATE task_runs SET cost_micro = :all"), {"all": hold})
    worker.end(mine)
    with db.transaction() as session:
        run = session.exec(select(TaskRun)).one()
        debit = session.exec(select(CreditTransaction.amount).where(CreditTransaction.type == "debit")).one()
    assert run.charged == -debit <= run.held


def test_an_estimate_and_a_price_have_the_margin_in_them_but_on_an_own_key(people: People) -> None:
    plain = _estimate(people)
    change(people, people.model, margin=10_000)
    with_margin = _estimate(people)
    assert with_margin.high in (plain.high * 2 - 1, plain.high * 2) and with_margin.hold > plain.hold
    assert _estimate(people, own={"demo"}) == plain
    with db.transaction() as session:
        [choice] = [one for one in catalog.choices(session, people.alice) if one.is_demo]
    assert choice.price_line == "$1 in, $4 out per million tokens"


def _estimate(people: People, **more: Any) -> estimates.Estimate:
    with db.transaction() as session:
        return estimates.estimate(session, people.model, TaskType.DEBUG, **more)


def test_a_run_on_an_own_key_has_no_margin(people: People, server: ScriptedModelServer) -> None:
    model = row()
    change(people, model.id, margin=10_000)
    provider_keys.keep(people.alice.id, "anthropic", "sk-ant-a-key-of-alices")
    with db.transaction() as session:
        draft = tasks.Draft(people.sample, "main", None, model.id, TaskType.ASK, Priority.MEDIUM, "Why?")
        tasks.submit(session, people.alice, draft)
        run = session.exec(select(TaskRun)).one()
    assert (run.own_key, run.margin, run.held) == (True, 0, 0)


@given(st.integers(0, 2 * 10**7), st.integers(1, 400_000))
def test_a_call_that_fits_the_hold_fits_it_at_the_prices_of_long_inputs_too(left: int, sent: int) -> None:
    long = Prices(5_000_000, 30_000_000, 500_000, 6_000_000, above=200_000)
    price = Prices(2_000_000, 10_000_000, 200_000, 2_500_000, dearer=(long,))
    most = limits.affordable_output(price, left_micro=left, input_tokens=sent, wanted=8_000, is_last=False)
    if most:
        spent = price.cost_micro(Usage(sent, cache_write=sent, output=most))
        after = sent + most + limits.WRAP_UP_INPUT
        last = price.cost_micro(Usage(after, cache_write=after, output=limits.WRAP_UP_OUTPUT))
        assert spent + last <= left + 2, "but for two roundings of a millionth of a dollar"


# Tokens


def test_an_estimate_of_tokens_is_careful_in_every_script() -> None:
    assert estimate_tokens("") == 1
    code = "def total(lines):\n    return sum(line.price * line.count for line in lines)\n"
    assert 20 <= estimate_tokens(code) <= 30, "a tokenizer has 18 to 22"
    assert estimate_tokens("合計を直してください") >= 10
    assert estimate_tokens("\ud800") == 1, "half a surrogate pair breaks nothing"


# The deployment's own keys


def test_the_deployments_key_is_tested_by_a_true_call_and_never_shown(
    people: People, server: ScriptedModelServer
) -> None:
    found = deployment_keys.test(people.alice.id, "anthropic", address="192.0.2.7")
    assert (found.is_ok, found.words, found.tested_at is not None) == (True, "", True)
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    server.script[:] = [Refuse(401, "authentication_error", f"invalid x-api-key: {KEY}")]
    found = deployment_keys.test(people.alice.id, "anthropic")
    assert not found.is_ok and found.words == "invalid x-api-key: [redacted]", "the provider's own words"
    with db.transaction() as session:
        listed = {one.provider: one for one in deployment_keys.states(session, people.alice)}
    assert listed["anthropic"] == found and not listed["openai"].is_set
    assert KEY not in repr(listed) and KEY[-4:] not in repr(listed)
    assert auditing.acts() == [Act.PROVIDER_TESTED] * 2 and KEY not in repr([one.details for one in auditing.rows()])
    for wrong in ("openai", "nobody"):
        with pytest.raises(InvalidInput):
            deployment_keys.test(people.alice.id, wrong)


def test_a_provider_that_does_not_answer_is_told_as_such(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ANTHROPIC_API_KEY", KEY)
    environment.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    get_settings.cache_clear()
    found = deployment_keys.test(people.alice.id, "anthropic", seconds=2)
    assert not found.is_ok and "broke off" in found.words


def test_a_compatible_servers_models_are_added_switched_off_and_without_a_price(
    people: People, server: ScriptedModelServer
) -> None:
    listed = [{"id": name} for name in ("qwen", "llama", "qwen", "a b", "", "x" * 201, "nul\x00")] + [{"id": 5}]
    server.models = json.dumps({"object": "list", "data": listed}).encode()
    assert deployment_keys.look_for_models(people.alice.id) == ["llama", "qwen"]
    assert deployment_keys.look_for_models(people.alice.id) == [], "twice is once"
    model = row("qwen")
    assert (model.provider, model.is_active, model.input_price) == ("compatible", False, None)
    entry = change(people, model.id, price=given_price("0.1", "0.2"), is_active=True, context_window=64_000)
    assert (entry.trouble, entry.context_window) == ("", 64_000)
    with db.transaction() as session:
        assert catalog.usable(session, model.id, people.bob).name == "qwen"
    assert "authorization" not in server.models_asked[0], "there is no key"
    assert auditing.acts()[0] == Act.MODEL_ADDED and auditing.rows()[0].details == {"models": ["llama", "qwen"]}


@pytest.mark.parametrize("junk", [b"", b"[]", b"{}", b'{"data": 5}', b'{"data": [5]}', b"\xff", b" " * 1_100_000])
def test_what_is_no_list_of_models_adds_nothing(people: People, server: ScriptedModelServer, junk: bytes) -> None:
    before, server.models = names(people), junk
    with pytest.raises(Unavailable):
        deployment_keys.look_for_models(people.alice.id)
    assert names(people) == before


def test_a_server_that_is_away_is_told(people: People, environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="COMPATIBLE_BASE_URL"):
        deployment_keys.look_for_models(people.alice.id)
    environment.setenv("COMPATIBLE_BASE_URL", "http://127.0.0.1:9/v1")
    get_settings.cache_clear()
    with pytest.raises(Unavailable, match="cannot be reached"):
        deployment_keys.look_for_models(people.alice.id, seconds=2)

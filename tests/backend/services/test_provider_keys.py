"""A person's own provider key: kept only after the provider took it, used for their runs, not charged, never shown."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from backend import db, log
from backend.cli.keys import rotate
from backend.errors import AsyncCoderError, InvalidInput, NotEnoughCredits, NotFound, RunFailed, Unavailable
from backend.models import AiModel, CreditTransaction, ProviderKey, Task, TaskEvent, TaskRun, User
from backend.providers.base import Message, ProviderError, Request
from backend.providers.base import Text as Words
from backend.services import admin, brief, catalog, claims, credits, provider_keys, runs, tasks
from backend.services.claims import Claim
from backend.services.provider_keys import OwnKeyProvider
from backend.services.runs import End
from backend.settings import get_settings
from backend.words import EventKind, Failure, Phase, Priority, Status, TaskType
from tests.conftest import People, forget_settings
from tests.model_server import Broken, Refuse, ScriptedModelServer, Turn

KEY = "sk-ant-a-key-of-alices-own-7f3c"
OTHER = "sk-ant-another-key-of-hers-91ab"
OK = Turn("ok")
ASKED = Request("a-model", "You mend.", [], [Message("user", (Words("Mend it."),))], 100)


@pytest.fixture
def server(people: People, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    """All providers' addresses are this one; it takes every key."""
    with ScriptedModelServer([OK]) as running:
        environment.setenv("ANTHROPIC_BASE_URL", running.url)
        environment.setenv("OPENAI_BASE_URL", f"{running.url}/v1")
        environment.setenv("GEMINI_BASE_URL", running.url)
        get_settings.cache_clear()
        yield running


def sent(server: ScriptedModelServer) -> list[str]:
    heads = [one.headers for one in server.received]
    return [head.get("x-goog-api-key") or head["authorization"].removeprefix("Bearer ") for head in heads]


def listed(people: People, login: str = "alice") -> list[tuple[str, str]]:
    with db.transaction() as session:
        return [(row.provider, row.hint) for row in provider_keys.listing(session, getattr(people, login))]


def remove(people: People, login: str = "alice") -> None:
    with db.transaction() as session:
        provider_keys.remove(session, getattr(people, login), "anthropic")


def model_of(provider: str) -> UUID:
    with db.transaction() as session:
        query = (
            select(AiModel.id).where(AiModel.provider == provider, AiModel.is_active).order_by(text("input_price DESC"))
        )
        found = session.exec(query).first()
        assert found is not None
        return found


def submit(people: People, provider: str = "anthropic") -> TaskRun:
    draft = tasks.Draft(people.sample, "main", None, model_of(provider), TaskType.DEBUG, Priority.MEDIUM, "Mend it")
    with db.transaction() as session:
        return newest(session, tasks.submit(session, session.get_one(User, people.alice.id), draft).id)


def newest(session: Session, task_id: UUID) -> TaskRun:
    query = select(TaskRun).where(TaskRun.task_id == task_id).order_by(text("number DESC"))
    return session.exec(query.execution_options(populate_existing=True)).first()  # type: ignore[return-value]  # there is one


def run_of(run: TaskRun) -> TaskRun:
    with db.transaction() as session:
        return newest(session, run.task_id)


def claim() -> Claim:
    with db.transaction() as session:
        found = claims.claim(session, "worker")
    assert found is not None
    return found


def finish(run: TaskRun, *, cost_micro: int = 118_000, failure: Failure | None = None) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET cost_micro = :cost"), {"cost": cost_micro})
        status = Status.FAILED if failure else Status.COMPLETED
        runs.end(session, run.id, newest(session, run.task_id).fence, End(status, "", failure=failure))


def ledger(people: People) -> list[str]:
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        return [row.type for row in session.exec(select(CreditTransaction).where(
            CreditTransaction.user_id == people.alice.id))]  # fmt: skip


@pytest.mark.parametrize("provider", provider_keys.PROVIDERS)
def test_a_key_that_the_provider_takes_is_kept_sealed_and_shown_by_its_end(
    people: People, server: ScriptedModelServer, provider: str
) -> None:
    provider_keys.keep(people.alice.id, provider, f"  {KEY}\n")
    assert listed(people) == [(provider, "7f3c")]
    assert listed(people, "bob") == []
    assert sent(server) == [KEY]
    asked = server.received[0].body.get("model") or server.received[0].path.split("/")[-1].split(":")[0]
    assert asked in ("claude-haiku-5-5", "gpt-6.1-terra", "gemini-3.8-flash"), "the cheapest of the provider's"
    with db.transaction() as session:
        stored = session.exec(select(ProviderKey)).one()
    assert KEY not in str(stored.model_dump())


@pytest.mark.parametrize(
    ("answer", "refusal", "words"),
    [
        (Refuse(401, "authentication_error", f"invalid x-api-key {KEY}"), InvalidInput, "did not accept your key"),
        (Refuse(403, "permission_error"), InvalidInput, "did not accept your key"),
        (Refuse(404, "not_found_error", "model: claude"), InvalidInput, "404"),
        (Refuse(429, "rate_limit_error"), Unavailable, "limits the rate"),
        (Refuse(500), Unavailable, "did not answer"),
        (Refuse(529, "overloaded_error"), Unavailable, "did not answer"),
        (Broken(OK, 2, "silence"), Unavailable, "did not answer"),
        (Broken(OK, 2, "garble"), Unavailable, "did not answer"),
        (Broken(OK, 3, "end"), Unavailable, "did not answer"),
    ],
)
def test_a_key_that_cannot_be_shown_to_work_is_not_kept_and_the_sentence_says_why(
    people: People, server: ScriptedModelServer, answer: Refuse | Broken, refusal: type[AsyncCoderError], words: str
) -> None:
    server.script = [answer]
    with pytest.raises(refusal, match=words) as caught:
        is_silent = isinstance(answer, Broken) and answer.how == "silence"
        provider_keys.keep(people.alice.id, "anthropic", KEY, seconds=1 if is_silent else 30)
    assert KEY not in str(caught.value)
    assert listed(people) == []
    assert len(server.received) == 1


def test_a_provider_that_cannot_be_reached_is_said_so(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    get_settings.cache_clear()
    with pytest.raises(Unavailable, match="Anthropic did not answer"):
        provider_keys.keep(people.alice.id, "anthropic", KEY, seconds=1)
    assert listed(people) == []


def test_a_new_key_takes_the_place_of_an_older_one_only_if_it_works(
    people: People, server: ScriptedModelServer
) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    server.script = [OK, Refuse(401), OK]
    with pytest.raises(InvalidInput):
        provider_keys.keep(people.alice.id, "anthropic", OTHER)
    assert listed(people) == [("anthropic", "7f3c")]
    provider_keys.keep(people.alice.id, "anthropic", OTHER)
    assert listed(people) == [("anthropic", "91ab")]


@pytest.mark.parametrize("key", ["", "short", "two words here", "sk-ümlaut-000000", "x" * 501, "sk-ant-\x00-000000"])
def test_what_is_no_key_is_refused_before_anybody_is_asked(
    people: People, server: ScriptedModelServer, key: str
) -> None:
    with pytest.raises(InvalidInput):
        provider_keys.keep(people.alice.id, "anthropic", key)
    assert server.received == []


@pytest.mark.parametrize("provider", ["demo", "compatible", "nobody"])
def test_there_are_own_keys_only_for_providers_that_give_them_to_people(
    people: People, server: ScriptedModelServer, provider: str
) -> None:
    with pytest.raises(InvalidInput):
        provider_keys.keep(people.alice.id, provider, KEY)


def test_testing_again_tells_the_truth_and_keeps_the_key(people: People, server: ScriptedModelServer) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    with db.transaction() as session:
        session.execute(text("UPDATE provider_keys SET tested_at = now() - interval '2 days'"))
        before = provider_keys.listing(session, people.alice)[0].tested_at
    server.script = [OK, Refuse(401), OK]
    with pytest.raises(InvalidInput, match="did not accept"):
        provider_keys.test(people.alice.id, "anthropic")
    with db.transaction() as session:
        assert provider_keys.listing(session, people.alice)[0].tested_at == before
    provider_keys.test(people.alice.id, "anthropic")
    with db.transaction() as session:
        assert provider_keys.listing(session, people.alice)[0].tested_at > before


def test_carol_can_neither_test_nor_remove_alices_key(people: People, server: ScriptedModelServer) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    with pytest.raises(NotFound):
        provider_keys.test(people.carol.id, "anthropic")
    for _ in range(2):
        remove(people, "carol")
    assert listed(people) == [("anthropic", "7f3c")]
    for _ in range(2):
        remove(people)
    assert listed(people) == []


def test_somebody_who_was_disabled_while_the_provider_was_asked_keeps_nothing(
    people: People, server: ScriptedModelServer
) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = now()"))
    with pytest.raises(NotFound):
        provider_keys.keep(people.alice.id, "anthropic", KEY)
    assert listed(people) == []


def test_rotating_the_keys_seals_peoples_keys_again(people: People, server: ScriptedModelServer) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    for _ in range(2):  # after two rotations the first key is gone
        rotate()
        forget_settings()
    provider_keys.test(people.alice.id, "anthropic")


def test_a_model_is_offered_to_whoever_has_a_key_for_it_and_to_nobody_else(
    people: People, server: ScriptedModelServer
) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    with db.transaction() as session:
        hers = {one.provider: one for one in catalog.choices(session, people.alice)}
        his = {one.provider: one for one in catalog.choices(session, people.bob)}
    assert hers["anthropic"].is_available and hers["anthropic"].own_key
    assert not hers["openai"].is_available and "Add your own in Settings" in hers["openai"].unavailable_reason
    assert not his["anthropic"].is_available and not his["anthropic"].own_key
    remove(people)
    with pytest.raises(InvalidInput, match="No key"):
        submit(people)


def test_a_run_on_the_own_key_holds_nothing_costs_no_credits_and_says_what_it_cost(
    people: People, server: ScriptedModelServer
) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    with db.transaction() as session:
        session.execute(text("UPDATE users SET credits = 0 WHERE username = 'alice'"))
        session.execute(
            text(
                "INSERT INTO credit_transactions (user_id, type, amount, held_delta, idempotency_key)"
                " VALUES (:id, 'debit', -100, -100, 'a'), (:id, 'hold', 0, 100, 'b')"
            ),
            {"id": people.alice.id},
        )
    run = submit(people)
    assert (run.own_key, run.held, run.budget > 0, run.limit) == (True, 0, True, run.budget)
    finish(run)
    run = run_of(run)
    assert (run.charged, run.status, run.cost_micro) == (0, Status.COMPLETED, 118_000)
    assert sorted(ledger(people)) == ["bonus", "debit", "hold"], "the run has no row"
    with db.transaction() as session:
        page = tasks.page(session, people.alice, run.task_id)
        settled = session.exec(select(TaskEvent.payload).where(TaskEvent.kind == EventKind.SETTLED)).one()
    assert (page.run.own_key, page.run.charged, page.row.credits_used) == (True, 0, 0)
    assert (settled["own_key"], settled["cost_micro"], settled["refunded"]) == (True, 118_000, False)


def test_a_fault_on_our_side_refunds_nothing_that_was_not_charged(people: People, server: ScriptedModelServer) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    finish(submit(people), failure=Failure.INTERNAL_ERROR)
    assert ledger(people) == ["bonus"]


def test_without_an_own_key_a_run_is_held_as_ever(people: People, server: ScriptedModelServer) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    run = submit(people, "demo")
    assert (run.own_key, run.budget, run.limit) == (False, 0, run.held)
    assert sorted(ledger(people)) == ["bonus", "hold"]


def test_a_run_on_the_own_key_that_used_its_budget_up_may_cost_more_once_per_click(
    people: People, server: ScriptedModelServer
) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    budget = submit(people).budget
    found = claim()
    with db.transaction() as session:
        runs.park(session, found.run_id, found.fence, reason="budget", until=None)
        task_id = session.exec(select(Task.id)).one()
        for _ in range(2):
            tasks.add_credits(session, people.alice, task_id, key="click-1")
    with db.transaction() as session:
        run = newest(session, task_id)
        told = session.exec(select(TaskEvent.payload).where(TaskEvent.kind == EventKind.NOTE)).all()
    assert (run.budget, run.held, run.phase) == (2 * budget, 0, Phase.QUEUED)
    assert [one["text"] for one in told] == [f"Up to {credits.in_dollars(budget)} more may be spent on the own key."]
    assert ledger(people) == ["bonus"]


def test_a_key_that_is_removed_ends_the_run_at_its_next_call_and_a_replaced_one_is_used(
    people: People, server: ScriptedModelServer
) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    provider = OwnKeyProvider("anthropic", people.alice.id)
    list(provider.stream(ASKED))
    provider_keys.keep(people.alice.id, "anthropic", OTHER)
    list(provider.stream(ASKED))
    assert sent(server) == [KEY, KEY, OTHER, OTHER]
    remove(people)
    with pytest.raises(ProviderError, match="was removed") as caught:
        list(provider.stream(ASKED))
    assert (caught.value.failure, caught.value.may_retry) == (Failure.MODEL_AUTH, False)
    assert len(server.received) == 4


def test_a_run_whose_key_was_removed_before_it_began_fails_by_name_and_falls_back_on_nothing(
    people: People, server: ScriptedModelServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ANTHROPIC_API_KEY", "sk-the-operators")
    get_settings.cache_clear()
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    submit(people)
    remove(people)
    found = claim()
    with pytest.raises(RunFailed, match="own Anthropic key, which was removed") as caught, db.transaction() as session:
        brief.read(session, found)
    assert caught.value.failure is Failure.MODEL_AUTH
    assert ledger(people) == ["bonus"]


def test_a_message_that_came_too_late_is_not_paid_with_credits_because_the_key_is_gone(
    people: People, server: ScriptedModelServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ANTHROPIC_API_KEY", "sk-the-operators")
    get_settings.cache_clear()
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    run = submit(people)
    claim()
    with db.transaction() as session:
        tasks.follow_up(session, people.alice, run.task_id, "And a test")
    remove(people)
    finish(run)
    assert run_of(run).number == 1
    with db.transaction() as session:
        told = session.exec(select(TaskEvent.payload).where(TaskEvent.kind == EventKind.NOTE)).one()
    assert "your own key, which was removed" in told["text"]
    assert ledger(people) == ["bonus"]


def test_a_follow_up_later_is_on_whatever_pays_then(
    people: People, server: ScriptedModelServer, environment: pytest.MonkeyPatch
) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    run = submit(people)
    finish(run)
    remove(people)
    with pytest.raises(InvalidInput, match="No key"), db.transaction() as session:
        tasks.follow_up(session, people.alice, run.task_id, "And a test")
    environment.setenv("ANTHROPIC_API_KEY", "sk-the-operators")
    get_settings.cache_clear()
    with db.transaction() as session:
        admin.grant(session, "alice", 100, "for the test")
        tasks.follow_up(session, people.alice, run.task_id, "And a test")
    second = run_of(run)
    assert (second.number, second.own_key, second.held > 0) == (2, False, True)
    assert sorted(ledger(people)) == ["bonus", "credit", "hold"]


def test_somebody_else_pays_with_credits_although_alice_has_a_key(people: People, server: ScriptedModelServer) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    with db.transaction() as session:
        session.execute(text("UPDATE users SET credits = 5, credits_held = 5 WHERE username = 'bob'"))
        draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend it")
        with pytest.raises(NotEnoughCredits):
            tasks.submit(session, session.get_one(User, people.bob.id), draft)


def test_the_key_stands_in_no_log_event_error_or_value_of_a_run(
    people: People, server: ScriptedModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure()
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    submit(people)
    found = claim()
    with db.transaction() as session:
        facts = brief.read(session, found)
    assert facts.own_key and KEY not in repr(facts)
    server.script = [Refuse(401, "authentication_error", f"invalid x-api-key: {KEY} or sk-ant-a-k***7f3c")]
    provider = OwnKeyProvider("anthropic", people.alice.id)
    with pytest.raises(ProviderError) as caught:
        list(provider.stream(ASKED))
    log.get("test").error("it broke", exc_info=caught.value)
    with db.transaction() as session:
        everything = json.dumps([one.payload for one in session.exec(select(TaskEvent))])
    for place in (str(caught.value), capsys.readouterr().err, everything):
        assert KEY not in place and "7f3c" not in place
    assert str(caught.value).startswith("Anthropic did not accept your key.")


def test_a_key_in_another_persons_row_does_not_open(people: People, server: ScriptedModelServer) -> None:
    provider_keys.keep(people.alice.id, "anthropic", KEY)
    with db.transaction() as session:
        session.execute(text("UPDATE provider_keys SET user_id = :bob"), {"bob": people.bob.id})
    with pytest.raises(ProviderError, match="can no longer be opened"):
        list(OwnKeyProvider("anthropic", people.bob.id).stream(ASKED))
    assert len(server.received) == 1

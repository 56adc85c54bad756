"""Never a call that the hold does not cover; every wait seen, bounded, and left to a parked run when long."""

from pathlib import Path

import pytest

from backend.engine import limits
from backend.errors import RunFailed
from backend.providers import open_provider
from backend.providers.base import Prices, ProviderError, Text, Usage
from backend.sandbox.base import Sandbox
from backend.words import EventKind, Failure
from tests.backend.engine.scripted import PRICES, Bench, Script, Time, call, finish
from tests.model_server import Broken, Call, Refuse, ScriptedModelServer, Turn

BUSY = ProviderError(Failure.MODEL_OVERLOADED, "busy", may_retry=True)


@pytest.fixture
def bench(workspace: Path, sandbox: Sandbox) -> Bench:
    return Bench(workspace, sandbox)


def test_a_call_that_does_not_fit_the_hold_is_not_made_and_the_run_parks(bench: Bench) -> None:
    bench.person.hold_micro = 10_000
    model = Script([[finish()]])
    ending = bench.work(model)
    assert (ending.kind, ending.reason, ending.until, ending.cost_micro) == ("parked", "budget", None, 0)
    assert model.requests == []


def test_a_longest_answer_is_cut_to_what_the_rest_of_the_hold_pays(bench: Bench) -> None:
    bench.person.hold_micro = 120_000
    model = Script([[finish()]])
    bench.work(model)
    asked = model.requests[0].max_tokens
    assert limits.MIN_OUTPUT <= asked < bench.max_output


def test_however_the_model_spends_the_hold_is_never_exceeded(bench: Bench) -> None:
    """The model always uses all the output that it was allowed, and nothing ever comes from the cache."""

    class Greedy(Script):
        def stream(self, request):
            sent = sum(limits.message_tokens(message) for message in request.messages)
            sent += limits.overhead_tokens(request.system, list(request.tools))
            self.usage = Usage(input_total=sent, cache_write=sent, output=request.max_tokens)
            yield from super().stream(request)

    for hold in (60_000, 200_000, 333_333, 1_000_000):
        one = Bench(bench.workspace, bench.sandbox)
        one.person.hold_micro = hold
        ending = one.work(Greedy([[call("run_command", command="head -c 9000 /dev/zero | tr '\\0' x; date +%N")]]))
        assert (ending.kind, ending.reason) == ("parked", "budget") and 0 <= ending.cost_micro <= hold
        one.person.finish_now = True
        last = one.work(Greedy([[finish("What there is.")]]))
        assert (last.kind, last.reason) in {("finished", "finish_now"), ("finished", "budget")}
        assert last.cost_micro <= hold


def test_a_parked_run_goes_on_where_it_stood_once_credits_were_added(bench: Bench) -> None:
    bench.person.hold_micro = 100_000
    dear = Usage(input_total=2_000, output=4_000)
    first = bench.work(Script([[call("list_files")]], usage=dear))
    assert (first.kind, first.steps) == ("parked", 1)
    bench.person.hold_micro = 1_000_000
    model = Script([[finish()]])
    second = bench.work(model)
    assert (second.kind, second.steps) == ("finished", 2)
    assert second.cost_micro == first.cost_micro + 4_500 and len(model.requests) == 1


def test_after_parking_finish_now_is_paid_from_the_reserve(bench: Bench) -> None:
    bench.person.hold_micro = 120_000
    assert bench.work(Script([[call("list_files")]], usage=Usage(2_000, output=3_000))).kind == "parked"
    bench.person.finish_now = True
    ending = bench.work(Script([[finish("Half.")]]))
    assert (ending.kind, ending.text, ending.reason) == ("finished", "Half.", "finish_now")
    assert ending.cost_micro <= bench.person.hold_micro


def test_a_model_without_a_price_of_its_own_is_not_limited_by_the_hold(bench: Bench) -> None:
    bench.prices = Prices(0, 0, 0, 0)
    bench.person.hold_micro = 0
    assert bench.work(Script([[finish()]])).kind == "finished"


def test_a_busy_provider_is_asked_again_after_growing_waits_that_are_seen(bench: Bench) -> None:
    time = Time()
    bench.seams = time.seams()
    ending = bench.work(Script([BUSY, BUSY, BUSY, [finish()]]))
    waits = bench.log.of(EventKind.WAIT)
    assert ending.kind == "finished" and [wait["attempt"] for wait in waits] == [1, 2, 3]
    assert sum(time.slept) == 2 + 4 + 8 and waits[0]["reason"] == "model_overloaded" and "T" in waits[0]["until"]


def test_after_eight_tries_the_run_fails_by_the_providers_fault(bench: Bench) -> None:
    time = Time()
    bench.seams = time.seams()
    model = Script([BUSY])
    with pytest.raises(RunFailed) as caught:
        bench.work(model)
    assert caught.value.failure is Failure.MODEL_OVERLOADED and caught.value.failure.retries_by_itself
    assert len(model.requests) == 8 and max(time.slept) <= 60


def test_a_wait_that_the_provider_asks_for_is_kept_to_the_second(bench: Bench) -> None:
    time = Time()
    bench.seams = time.seams()
    limited = ProviderError(Failure.MODEL_RATE_LIMITED, "slow down", may_retry=True, retry_after=37.0)
    bench.work(Script([limited, [finish()]]))
    assert sum(time.slept) == 37


def test_a_wait_of_over_a_minute_parks_the_run_until_then(bench: Bench) -> None:
    limited = ProviderError(Failure.MODEL_RATE_LIMITED, "slow down", may_retry=True, retry_after=300.0)
    ending = bench.work(Script([limited]))
    assert (ending.kind, ending.reason) == ("parked", "model_rate_limited") and ending.until is not None
    assert ending.until.tzinfo is not None


def test_a_cancel_is_heard_within_a_wait(bench: Bench) -> None:
    time = Time()
    bench.seams = time.seams()

    def tired(person):
        person.cancelled = person.polls > 3

    bench.person.when_polled = tired
    patient = ProviderError(Failure.MODEL_OVERLOADED, "busy", may_retry=True, retry_after=50.0)
    assert bench.work(Script([patient])).kind == "cancelled"
    assert sum(time.slept) < 10


def test_a_refused_key_is_not_asked_twice(bench: Bench) -> None:
    with ScriptedModelServer([Refuse(401, "authentication_error")]) as server, pytest.raises(RunFailed) as caught:
        bench.work(open_provider("anthropic", api_key="k", base_url=server.url))
    assert caught.value.failure is Failure.MODEL_AUTH and len(server.received) == 1
    assert not bench.log.of(EventKind.WAIT)


@pytest.mark.parametrize("how", ["cut", "garble", "error"])
def test_an_answer_that_broke_off_is_asked_for_again_and_charged_once(bench: Bench, how: str) -> None:
    bench.seams = Time().seams()
    done = Turn("Good.", calls=[Call("finish", {"title": "T", "summary": "S"})])
    with ScriptedModelServer([Broken(done, 4, how), done]) as server:
        ending = bench.work(open_provider("compatible", api_key="k", base_url=server.url))
    assert (ending.kind, ending.steps, len(server.received)) == ("finished", 1, 2)
    assert ending.cost_micro == PRICES.cost_micro(Usage(1_200, output=80))


def test_the_window_bounds_the_longest_answer_too(bench: Bench) -> None:
    bench.window = 8_000
    model = Script([[Text("x"), finish()]])
    bench.work(model)
    assert model.requests[0].max_tokens < 8_000


def test_cheaper_cached_input_is_charged_as_such(bench: Bench) -> None:
    usage = Usage(input_total=10_000, cache_read=9_000, output=10)
    ending = bench.work(Script([[finish()]], usage=usage))
    assert ending.cost_micro == 1_000 * 3 + 9_000 * 3 // 10 + 10 * 15

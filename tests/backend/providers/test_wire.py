"""Both adapters against a server that speaks their true wire formats: what goes out, what comes back, what breaks."""

import json
from collections.abc import Sequence
from datetime import timedelta
from email.utils import format_datetime

import pytest

from backend import clock
from backend.errors import Misconfigured
from backend.providers import REGISTRY, open_provider
from backend.providers.base import (
    Delta,
    Final,
    Image,
    Message,
    Part,
    ProviderError,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from backend.words import Failure
from tests.model_server import Answer, Broken, Call, Refuse, ScriptedModelServer, Turn

BOTH = pytest.mark.parametrize("provider_id", ["anthropic", "compatible"])
TOOL = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOLS = [ToolSpec("list_files", "Lists.", TOOL), ToolSpec("read_file", "Reads.", TOOL)]
ASKED = Message("user", (Text("Mend it."),))


def request(*messages: Message, effort: str | None = None) -> Request:
    return Request("a-model", "You mend.", TOOLS, messages or (ASKED,), 4_000, effort, "run-1")


def ask(server: ScriptedModelServer, provider_id: str, what: Request | None = None) -> tuple[list[Delta], Final]:
    base = server.url if provider_id == "anthropic" else f"{server.url}/v1"
    provider = open_provider(provider_id, api_key="sk-test-key", base_url=base)
    items = list(provider.stream(what or request()))
    final = items[-1]
    assert isinstance(final, Final)
    return [item for item in items if isinstance(item, Delta)], final


def failing(provider_id: str, *script: Answer) -> ProviderError:
    with ScriptedModelServer(script) as server, pytest.raises(ProviderError) as caught:
        ask(server, provider_id)
    assert len(server.received) == 1, "the engine retries, not the SDK"
    return caught.value


@BOTH
def test_text_and_parallel_tool_calls_come_in_pieces_and_end_as_one_message(provider_id: str) -> None:
    calls = [Call("read_file", {"path": "a.py"}, "c1"), Call("read_file", {"path": "ü.py"}, "c2")]
    with ScriptedModelServer([Turn("I read both.", calls=calls)]) as server:
        deltas, final = ask(server, provider_id)
    assert "".join(delta.text for delta in deltas) == "I read both."
    expected: Sequence[Part] = (
        Text("I read both."),
        ToolCall("c1", "read_file", {"path": "a.py"}),
        ToolCall("c2", "read_file", {"path": "ü.py"}),
    )
    assert final.message.parts == tuple(expected) and final.stop_reason == "tool_use"
    assert final.usage.input_total == 1200 and final.usage.output == 80 and not final.usage.estimated


@BOTH
def test_the_providers_own_content_goes_back_to_it_as_it_came(provider_id: str) -> None:
    turn = Turn("Reading.", thinking="Let me think.", calls=[Call("read_file", {"path": "a.py"}, "c1")])
    with ScriptedModelServer([turn]) as server:
        deltas, final = ask(server, provider_id)
        result = Message("user", (ToolResult("c1", "x = 1", is_error=False), Text("Quickly.")))
        ask(server, provider_id, request(ASKED, final.message, result))
    assert Thinking("Let me think.") in final.message.parts
    assert "".join(delta.text for delta in deltas if delta.kind == "thinking") == "Let me think."
    sent = server.received[1].body["messages"]
    came = json.loads(final.message.raw or b"")
    if provider_id == "anthropic":
        mark = {"type": "ephemeral"}
        assert came[0]["signature"] == "c2lnbmVkIGJ5IHRoZSBzZXJ2ZXI="
        assert sent[1] == {"role": "assistant", "content": [*came[:-1], came[-1] | {"cache_control": mark}]}
        assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "text"]
    else:
        assert sent[2] == came and came["tool_calls"][0]["function"]["arguments"] == '{"path": "a.py"}'
        assert sent[3:] == [
            {"role": "tool", "tool_call_id": "c1", "content": "x = 1"},
            {"role": "user", "content": "Quickly."},
        ]


@BOTH
def test_another_providers_turn_is_told_in_neutral_parts(provider_id: str) -> None:
    parts = (Thinking("Secret."), Text("Reading."), ToolCall("c1", "read_file", {}), ToolCall("c2", "x", None, "{"))
    foreign = Message("assistant", parts, b'{"foreign": true}', "another")
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, provider_id, request(ASKED, foreign, Message("user", (ToolResult("c1", ""), ToolResult("c2", "")))))
    told = json.dumps(server.received[0].body["messages"])
    assert "Reading." in told and "foreign" not in told and "Secret." not in told and "unreadable" in told


def test_anthropic_is_given_cache_marks_on_the_last_tool_the_system_and_the_last_two_messages() -> None:
    answer = Message("assistant", (Text("Yes?"),))
    more = Message("user", (Text("Go on."),))
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, "anthropic", request(ASKED, answer, more))
    body = server.received[0].body
    assert ["cache_control" in tool for tool in body["tools"]] == [False, True]
    assert "cache_control" in body["system"][0]
    assert ["cache_control" in message["content"][-1] for message in body["messages"]] == [False, True, True]
    assert json.dumps(body).count("cache_control") == 4
    assert server.received[0].headers["authorization"] == "Bearer sk-test-key"


def test_anthropics_input_is_counted_with_what_its_cache_held() -> None:
    usage = {"input": 10, "read": 5_000, "written": 300, "output": 40}
    with ScriptedModelServer([Turn("Good.", usage=usage)]) as server:
        _, final = ask(server, "anthropic")
    assert (final.usage.input_total, final.usage.cache_read, final.usage.cache_write) == (5_310, 5_000, 300)


def test_a_compatible_servers_cached_tokens_are_part_of_its_input() -> None:
    usage = {"input": 10, "read": 5_000, "written": 0, "output": 40}
    with ScriptedModelServer([Turn("Good.", usage=usage)]) as server:
        _, final = ask(server, "openai")
    assert (final.usage.input_total, final.usage.cache_read, final.usage.cache_write) == (5_010, 5_000, 0)


def test_a_server_that_reports_no_usage_gets_an_estimate_that_says_so() -> None:
    with ScriptedModelServer([Turn("Good." * 100, usage=None)]) as server:
        _, final = ask(server, "compatible")
    assert final.usage.estimated and final.usage.output > 100 and final.usage.input_total > 50


def test_an_estimate_takes_an_image_for_its_tokens_and_not_for_the_length_of_its_bytes() -> None:
    asked = Message("user", (Image("image/png", bytes(1_000_000)), Text("What is it?")))
    with ScriptedModelServer([Turn("Good.", usage=None)]) as server:
        _, final = ask(server, "compatible", request(asked))
    assert 1_600 < final.usage.input_total < 2_000


def test_only_openai_itself_gets_openais_own_parameters() -> None:
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, "openai", request(effort="high"))
        ask(server, "compatible")
    own, other = (received.body for received in server.received)
    assert own["max_completion_tokens"] == other["max_tokens"] == 4_000 and "max_tokens" not in own
    assert own["prompt_cache_key"] == "run-1" and own["reasoning_effort"] == "high" and "prompt_cache_key" not in other
    assert server.received[0].path == "/v1/chat/completions" and own["stream_options"] == {"include_usage": True}


@BOTH
def test_a_picture_goes_along(provider_id: str) -> None:
    with ScriptedModelServer([Turn("A cat.")]) as server:
        ask(server, provider_id, request(Message("user", (Text("What is it?"), Image("image/png", b"png")))))
    assert "cG5n" in json.dumps(server.received[0].body["messages"])


@BOTH
@pytest.mark.parametrize("arguments", ['{"path": "a.py', "[1, 2]", "nonsense", '{"path": "\\ud83d"}'])
def test_arguments_that_are_no_object_are_kept_as_text_and_given_back_readable(
    provider_id: str, arguments: str
) -> None:
    with ScriptedModelServer([Turn(calls=[Call("read_file", arguments, "c1")])]) as server:
        _, final = ask(server, provider_id)
        ask(server, provider_id, request(ASKED, final.message, Message("user", (ToolResult("c1", "?", True),))))
    assert final.message.tool_calls == (ToolCall("c1", "read_file", None, arguments),)
    assert "unreadable" in json.dumps(server.received[1].body["messages"])


@BOTH
def test_a_call_without_arguments_has_none(provider_id: str) -> None:
    with ScriptedModelServer([Turn(calls=[Call("list_files", "", "c1")])]) as server:
        _, final = ask(server, provider_id)
    assert final.message.tool_calls == (ToolCall("c1", "list_files", {}),)


def test_a_compatible_server_may_forget_the_ids_of_its_calls() -> None:
    calls = [Call("read_file", {"path": "a"}, ""), Call("read_file", {"path": "b"}, "")]
    with ScriptedModelServer([Turn(calls=calls, stop="stop")]) as server:
        _, final = ask(server, "compatible")
    ids = [call.id for call in final.message.tool_calls]
    assert all(ids) and len(set(ids)) == 2 and final.stop_reason == "tool_use"


@BOTH
@pytest.mark.parametrize(
    ("status", "kind", "failure", "may_retry"),
    [
        (401, "authentication_error", Failure.MODEL_AUTH, False),
        (403, "permission_error", Failure.MODEL_AUTH, False),
        (404, "not_found_error", Failure.MODEL_AUTH, False),
        (413, "request_too_large", Failure.CONTEXT_EXCEEDED, False),
        (429, "rate_limit_error", Failure.MODEL_RATE_LIMITED, True),
        (429, "insufficient_quota", Failure.MODEL_AUTH, False),
        (500, "api_error", Failure.MODEL_OVERLOADED, True),
        (503, "server_error", Failure.MODEL_OVERLOADED, True),
        (529, "overloaded_error", Failure.MODEL_OVERLOADED, True),
    ],
)
def test_a_refusal_has_a_name_and_says_whether_to_ask_again(
    provider_id: str, status: int, kind: str, failure: Failure, may_retry: bool
) -> None:
    error = failing(provider_id, Refuse(status, kind))
    assert (error.failure, error.may_retry, error.retry_after) == (failure, may_retry, None)
    assert "The scripted server refuses." in str(error)


@BOTH
def test_a_prompt_that_is_too_long_is_told_apart_from_a_bad_request(provider_id: str) -> None:
    too_long = Refuse(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    assert failing(provider_id, too_long).failure is Failure.CONTEXT_EXCEEDED
    assert failing(provider_id, Refuse(400, "invalid_request_error", "bad field")).failure is Failure.MODEL_AUTH


@BOTH
def test_the_wait_that_a_provider_asks_for_is_heard_in_seconds_and_as_a_date(provider_id: str) -> None:
    assert failing(provider_id, Refuse(429, headers={"retry-after": "17"})).retry_after == 17
    date = format_datetime(clock.now() + timedelta(seconds=90), usegmt=False)
    assert 80 < (failing(provider_id, Refuse(529, headers={"retry-after": date})).retry_after or 0) <= 90
    assert failing(provider_id, Refuse(429, headers={"retry-after": "soon"})).retry_after is None


@BOTH
@pytest.mark.parametrize("how", ["cut", "garble", "error", "end"])
@pytest.mark.parametrize("after", [0, 4])
def test_an_answer_that_breaks_off_is_an_error_that_may_be_asked_again(provider_id: str, how: str, after: int) -> None:
    error = failing(provider_id, Broken(Turn("A long text that breaks off."), after, how))
    assert error.failure is Failure.MODEL_OVERLOADED and error.may_retry


@BOTH
def test_a_server_that_is_not_there_may_be_asked_again(provider_id: str) -> None:
    provider = open_provider(provider_id, api_key="k", base_url="http://127.0.0.1:9")
    with pytest.raises(ProviderError) as caught:
        list(provider.stream(request()))
    assert caught.value.may_retry


@BOTH
@pytest.mark.parametrize(
    ("stop", "meaning"), [("max_tokens", "max_tokens"), ("refusal", "refusal"), ("length", "max_tokens")]
)
def test_why_an_answer_stopped_is_told_in_our_words(provider_id: str, stop: str, meaning: str) -> None:
    if (stop == "length") == (provider_id == "anthropic"):
        stop, meaning = ("end_turn", "end") if provider_id == "anthropic" else ("content_filter", "refusal")
    with ScriptedModelServer([Turn("And so", stop=stop)]) as server:
        _, final = ask(server, provider_id)
    assert final.stop_reason == meaning


def test_an_unknown_provider_is_refused_by_name() -> None:
    with pytest.raises(Misconfigured, match="There is no model provider 'x'"):
        open_provider("x", api_key=None, base_url=None)


def test_every_registered_provider_opens_without_a_key() -> None:
    for provider_id in REGISTRY:
        assert open_provider(provider_id, api_key=None, base_url="http://127.0.0.1:9").id == provider_id

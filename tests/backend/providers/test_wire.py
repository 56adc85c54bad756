"""The adapters against a server that speaks their true wire formats: what goes out, what comes back, what breaks."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
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
from backend.providers.google import _Answer as _GoogleAnswer
from backend.words import Failure
from tests.model_server import Answer, Broken, Call, Refuse, ScriptedModelServer, Turn
from tests.newer_wires import SEALED, SIGNATURE

EACH = pytest.mark.parametrize("provider_id", ["anthropic", "openai", "google", "compatible"])
TEXTUAL = pytest.mark.parametrize("provider_id", ["anthropic", "openai", "compatible"])  # arguments come as text
TOOL = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOLS = [ToolSpec("list_files", "Lists.", TOOL), ToolSpec("read_file", "Reads.", TOOL)]
ASKED = Message("user", (Text("Mend it."),))


def request(*messages: Message, effort: str | None = None) -> Request:
    return Request("a-model", "You mend.", TOOLS, messages or (ASKED,), 4_000, effort, "run-1")


def ask(server: ScriptedModelServer, provider_id: str, what: Request | None = None) -> tuple[list[Delta], Final]:
    base = server.url if provider_id in ("anthropic", "google") else f"{server.url}/v1"
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


@EACH
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


@EACH
def test_the_providers_own_content_goes_back_to_it_as_it_came(provider_id: str) -> None:
    calls = [Call("read_file", {"path": "a.py"}, "c1"), Call("read_file", {"path": "b.py"}, "c2")]
    with ScriptedModelServer([Turn("Reading.", thinking="Let me think.", calls=calls)]) as server:
        deltas, final = ask(server, provider_id)
        results = (ToolResult("c1", "x = 1", is_error=False), ToolResult("c2", "no such file", is_error=True))
        ask(server, provider_id, request(ASKED, final.message, Message("user", (*results, Text("Quickly.")))))
    assert Thinking("Let me think.") in final.message.parts
    assert "".join(delta.text for delta in deltas if delta.kind == "thinking") == "Let me think."
    went, came = server.received[1].body, json.loads(final.message.raw or b"")
    match provider_id:
        case "anthropic":
            sent = went["messages"]
            assert came[0]["signature"] == "c2lnbmVkIGJ5IHRoZSBzZXJ2ZXI="
            marked = came[-1] | {"cache_control": {"type": "ephemeral"}}
            assert sent[1] == {"role": "assistant", "content": [*came[:-1], marked]}
            assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "tool_result", "text"]
        case "openai":
            assert went["input"][1:-3] == came and came[0]["encrypted_content"] == SEALED
            assert came[1]["phase"] == "commentary"  # what we know nothing of is kept as well
            assert went["input"][-3:] == [
                {"type": "function_call_output", "call_id": "c1", "output": "x = 1"},
                {"type": "function_call_output", "call_id": "c2", "output": "no such file"},
                {"role": "user", "content": [{"type": "input_text", "text": "Quickly."}]},
            ]
        case "google":
            assert went["contents"][1] == {"role": "model", "parts": came}
            assert came[2]["thoughtSignature"] == SIGNATURE and "thoughtSignature" not in came[3]
            answers = [
                {"id": "c1", "name": "read_file", "response": {"output": "x = 1"}},
                {"id": "c2", "name": "read_file", "response": {"error": "no such file"}},
            ]
            told = [*({"functionResponse": answer} for answer in answers), {"text": "Quickly."}]
            assert went["contents"][2] == {"role": "user", "parts": told}
        case "compatible":
            sent = went["messages"]
            assert sent[2] == came and came["tool_calls"][0]["function"]["arguments"] == '{"path": "a.py"}'
            assert sent[3:] == [
                {"role": "tool", "tool_call_id": "c1", "content": "x = 1"},
                {"role": "tool", "tool_call_id": "c2", "content": "no such file"},
                {"role": "user", "content": "Quickly."},
            ]


@EACH
def test_another_providers_turn_is_told_in_neutral_parts(provider_id: str) -> None:
    parts = (Thinking("Secret."), Text("Reading."), ToolCall("c1", "read_file", {}), ToolCall("c2", "x", None, "{"))
    foreign = Message("assistant", parts, b'{"foreign": true}', "another")
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, provider_id, request(ASKED, foreign, Message("user", (ToolResult("c1", ""), ToolResult("c2", "")))))
    told = json.dumps(server.received[0].body)
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


@pytest.mark.parametrize("provider_id", ["openai", "google", "compatible"])
def test_the_others_count_cached_tokens_as_part_of_the_input(provider_id: str) -> None:
    usage = {"input": 10, "read": 5_000, "written": 0, "output": 40}
    with ScriptedModelServer([Turn("Good.", usage=usage)]) as server:
        _, final = ask(server, provider_id)
    assert (final.usage.input_total, final.usage.cache_read, final.usage.cache_write) == (5_010, 5_000, 0)
    assert final.usage.output == 40


@pytest.mark.parametrize("input_tokens, output", [(-5_000, 80), (1200, -1), (10**30, 80), (1200, 10**12)])
def test_what_a_compatible_server_cannot_have_counted_is_estimated(input_tokens: int, output: int) -> None:
    usage = {"input": input_tokens, "read": 0, "written": 0, "output": output}
    with ScriptedModelServer([Turn("Good." * 100, usage=usage)]) as server:
        _, final = ask(server, "compatible")
    assert final.usage.estimated and 100 < final.usage.output < 1_000 and 50 < final.usage.input_total < 1_000


@EACH
def test_no_provider_pays_a_person_back_or_overflows_a_column(provider_id: str) -> None:
    for count in (-(10**12), 10**30):
        usage = {"input": count, "read": -7, "written": -7, "output": count}
        with ScriptedModelServer([Turn("Good.", usage=usage)]) as server:
            _, final = ask(server, provider_id)
        told = (final.usage.input_total, final.usage.output, final.usage.cache_read, final.usage.cache_write)
        assert all(0 <= one < 2**31 for one in told) and sum(told[2:]) <= told[0]


def test_a_server_that_reports_no_usage_gets_an_estimate_that_says_so() -> None:
    with ScriptedModelServer([Turn("Good." * 100, usage=None)]) as server:
        _, final = ask(server, "compatible")
    assert final.usage.estimated and final.usage.output > 100 and final.usage.input_total > 50


def test_an_estimate_takes_an_image_for_its_tokens_and_not_for_the_length_of_its_bytes() -> None:
    asked = Message("user", (Image("image/png", bytes(1_000_000)), Text("What is it?")))
    with ScriptedModelServer([Turn("Good.", usage=None)]) as server:
        _, final = ask(server, "compatible", request(asked))
    assert 1_600 < final.usage.input_total < 2_000


def test_openai_keeps_nothing_and_seals_what_the_model_thought() -> None:
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, "openai", request(effort="high"))
    body = server.received[0].body
    assert server.received[0].path == "/v1/responses" and body["store"] is False and body["instructions"] == "You mend."
    assert body["include"] == ["reasoning.encrypted_content"] and body["reasoning"] == {"effort": "high"}
    assert body["prompt_cache_key"] == "run-1" and body["max_output_tokens"] == 4_000
    assert [tool["strict"] for tool in body["tools"]] == [False, False]


def test_an_openai_model_that_does_not_think_is_asked_without_its_thoughts_from_then_on() -> None:
    unfit = Refuse(400, "invalid_request_error", "Encrypted content is not supported with this model.")
    with ScriptedModelServer([unfit, Turn("Good.")]) as server:
        provider = open_provider("openai", api_key="k", base_url=f"{server.url}/v1")
        for _ in range(2):
            assert isinstance(list(provider.stream(request()))[-1], Final)
    assert ["include" in one.body for one in server.received] == [True, False, False]


def test_openai_is_not_sent_thoughts_that_came_unsealed_because_it_has_not_kept_them() -> None:
    items = [
        {"id": "rs_1", "type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "content": []},
    ]
    kept = Message("assistant", (Text("Yes?"),), json.dumps(items).encode(), "openai")
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, "openai", request(ASKED, kept, ASKED))
    assert server.received[0].body["input"][1:-1] == items[1:]


def test_what_openai_cannot_unseal_any_more_is_left_out_and_the_call_made_again() -> None:
    with ScriptedModelServer([Turn("Reading.", thinking="Hm.")]) as server:
        _, final = ask(server, "openai")
    other_key = Refuse(400, "invalid_encrypted_content", "The encrypted content gAAA... could not be verified.")
    with ScriptedModelServer([other_key, Turn("Good.")]) as server:
        ask(server, "openai", request(ASKED, final.message, ASKED))
    kinds = [[item.get("type") for item in one.body["input"]] for one in server.received]
    assert kinds == [[None, "reasoning", "message", None], [None, "message", None]]


def test_a_turn_of_openais_chat_completions_is_told_to_its_responses_in_neutral_parts() -> None:
    earlier = Message("assistant", (Text("Yes?"),), b'{"role": "assistant", "content": "Yes?"}', "openai")
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, "openai", request(ASKED, earlier, ASKED))
    assert server.received[0].body["input"][1] == {"role": "assistant", "content": "Yes?"}


def test_gemini_is_asked_by_its_own_names() -> None:
    with ScriptedModelServer([Turn("Good.")]) as server:
        ask(server, "google", request(effort="high"))
        ask(server, "google", replace(request(effort="low"), model="gemini-2.5-pro"))
    newer, older = (one.body for one in server.received)
    assert server.received[0].path == "/v1beta/models/a-model:streamGenerateContent?alt=sse"
    assert server.received[0].headers["x-goog-api-key"] == "sk-test-key"
    assert newer["systemInstruction"] == {"parts": [{"text": "You mend."}]}
    assert newer["generationConfig"]["maxOutputTokens"] == 4_000
    assert newer["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "high", "includeThoughts": True}
    assert older["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 1_024, "includeThoughts": True}
    assert [one["parametersJsonSchema"] for one in newer["tools"][0]["functionDeclarations"]] == [TOOL, TOOL]


def test_a_call_that_gemini_gave_no_id_is_answered_without_one() -> None:
    calls = [Call("read_file", {"path": "a"}, ""), Call("read_file", {"path": "b"}, "")]
    with ScriptedModelServer([Turn(calls=calls)]) as server:
        _, final = ask(server, "google")
        first, second = (call.id for call in final.message.tool_calls)
        results = (ToolResult(first, "A"), ToolResult(second, "B"))
        ask(server, "google", request(ASKED, final.message, Message("user", results)))
    assert first and first != second
    answers = [part["functionResponse"] for part in server.received[1].body["contents"][2]["parts"]]
    assert answers == [
        {"name": "read_file", "response": {"output": "A"}},
        {"name": "read_file", "response": {"output": "B"}},
    ]


@pytest.mark.parametrize("message", ["Invalid thought signature.", "Function call is missing a thought_signature."])
def test_signatures_that_gemini_does_not_take_any_more_are_left_out_and_the_call_made_again(message: str) -> None:
    calls = [Call("read_file", {"path": "a"}, "c1"), Call("read_file", {"path": "b"}, "c2")]
    with ScriptedModelServer([Turn(calls=calls)]) as server:
        _, final = ask(server, "google")
    with ScriptedModelServer([Refuse(400, "INVALID_ARGUMENT", message), Turn("Good.")]) as server:
        answers = Message("user", (ToolResult("c1", "A"), ToolResult("c2", "B")))
        ask(server, "google", request(ASKED, final.message, answers))
    signed = [[part.get("thoughtSignature") for part in one.body["contents"][1]["parts"]] for one in server.received]
    assert signed[0] == [SIGNATURE, None]
    assert [base64.b64decode(one) if one else None for one in signed[1]] == [b"skip_thought_signature_validator", None]


def test_a_call_that_gemini_could_not_write_is_a_turn_that_says_so() -> None:
    with ScriptedModelServer([Turn(calls=[Call("read_file", "print(", "c1")])]) as server:
        _, final = ask(server, "google")
    assert final.message.text == "Malformed function call: print(" and final.stop_reason == "end"


def test_a_prompt_that_gemini_blocks_is_a_refusal_in_its_words() -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}}
    answer = _GoogleAnswer()
    assert list(answer.take(blocked)) == []
    final = answer.final("google")
    assert final.stop_reason == "refusal" and "PROHIBITED_CONTENT" in final.message.text


def test_how_long_gemini_asks_to_wait_stands_in_its_error() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}]
    error = failing("google", Refuse(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", details=details))
    assert (error.failure, error.retry_after) == (Failure.MODEL_RATE_LIMITED, 17)


@EACH
def test_a_picture_goes_along(provider_id: str) -> None:
    with ScriptedModelServer([Turn("A cat.")]) as server:
        ask(server, provider_id, request(Message("user", (Text("What is it?"), Image("image/png", b"png")))))
    assert "cG5n" in json.dumps(server.received[0].body)


@TEXTUAL
@pytest.mark.parametrize("arguments", ['{"path": "a.py', "[1, 2]", "nonsense", '{"path": "\\ud83d"}'])
def test_arguments_that_are_no_object_are_kept_as_text_and_given_back_readable(
    provider_id: str, arguments: str
) -> None:
    with ScriptedModelServer([Turn(calls=[Call("read_file", arguments, "c1")])]) as server:
        _, final = ask(server, provider_id)
        ask(server, provider_id, request(ASKED, final.message, Message("user", (ToolResult("c1", "?", True),))))
    assert final.message.tool_calls == (ToolCall("c1", "read_file", None, arguments),)
    assert "unreadable" in json.dumps(server.received[1].body)


@TEXTUAL
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


@EACH
@pytest.mark.parametrize(
    ("status", "kind", "failure", "may_retry"),
    [
        (401, "authentication_error", Failure.MODEL_AUTH, False),
        (403, "permission_error", Failure.MODEL_AUTH, False),
        (404, "not_found_error", Failure.MODEL_AUTH, False),
        (413, "request_too_large", Failure.CONTEXT_EXCEEDED, False),
        (429, "rate_limit_error", Failure.MODEL_RATE_LIMITED, True),
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


@TEXTUAL
def test_a_quota_that_is_used_up_is_no_rate_limit(provider_id: str) -> None:
    assert failing(provider_id, Refuse(429, "insufficient_quota")).failure is Failure.MODEL_AUTH


@EACH
def test_a_prompt_that_is_too_long_is_told_apart_from_a_bad_request(provider_id: str) -> None:
    too_long = Refuse(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    assert failing(provider_id, too_long).failure is Failure.CONTEXT_EXCEEDED
    assert failing(provider_id, Refuse(400, "invalid_request_error", "bad field")).failure is Failure.MODEL_AUTH


@EACH
def test_the_wait_that_a_provider_asks_for_is_heard_in_seconds_and_as_a_date(provider_id: str) -> None:
    assert failing(provider_id, Refuse(429, headers={"retry-after": "17"})).retry_after == 17
    date = format_datetime(clock.now() + timedelta(seconds=90), usegmt=False)
    assert 80 < (failing(provider_id, Refuse(529, headers={"retry-after": date})).retry_after or 0) <= 90
    assert failing(provider_id, Refuse(429, headers={"retry-after": "soon"})).retry_after is None


@EACH
@pytest.mark.parametrize("how", ["cut", "garble", "error", "end"])
@pytest.mark.parametrize("after", [0, 3])
def test_an_answer_that_breaks_off_is_an_error_that_may_be_asked_again(provider_id: str, how: str, after: int) -> None:
    error = failing(provider_id, Broken(Turn("A long text that breaks off."), after, how))
    assert error.failure is Failure.MODEL_OVERLOADED and error.may_retry


@EACH
def test_a_server_that_is_not_there_may_be_asked_again(provider_id: str) -> None:
    provider = open_provider(provider_id, api_key="k", base_url="http://127.0.0.1:9")
    with pytest.raises(ProviderError) as caught:
        list(provider.stream(request()))
    assert caught.value.may_retry


@pytest.mark.parametrize(
    ("provider_id", "stop", "meaning"),
    [
        ("anthropic", "max_tokens", "max_tokens"),
        ("anthropic", "refusal", "refusal"),
        ("anthropic", "end_turn", "end"),
        ("openai", "max_output_tokens", "max_tokens"),
        ("openai", "content_filter", "refusal"),
        ("google", "MAX_TOKENS", "max_tokens"),
        ("google", "SAFETY", "refusal"),
        ("google", "STOP", "end"),
        ("compatible", "length", "max_tokens"),
        ("compatible", "content_filter", "refusal"),
        ("compatible", "stop", "end"),
    ],
)
def test_why_an_answer_stopped_is_told_in_our_words(provider_id: str, stop: str, meaning: str) -> None:
    with ScriptedModelServer([Turn("And so", stop=stop)]) as server:
        _, final = ask(server, provider_id)
    assert final.stop_reason == meaning


def test_an_unknown_provider_is_refused_by_name() -> None:
    with pytest.raises(Misconfigured, match="There is no model provider 'x'"):
        open_provider("x", api_key=None, base_url=None)


def test_every_registered_provider_opens_without_a_key() -> None:
    for provider_id in REGISTRY:
        assert open_provider(provider_id, api_key=None, base_url="http://127.0.0.1:9").id == provider_id

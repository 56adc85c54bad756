"""Chat completions, streamed, of every server that speaks them (Ollama, vLLM, llama.cpp, others).

They vary, so this is tolerant: of missing usage (estimated and flagged), of missing call ids and indexes, and
of arguments in whatever fragments they come.
"""

import base64
import json
import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2
import openai

from backend.certificates import certificates
from backend.providers import faults
from backend.providers.base import (
    IMAGE_TOKENS,
    Delta,
    Final,
    Image,
    Message,
    Part,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
    counted,
)
from backend.providers.tokens import estimate_tokens, tokens_in

_STOPS: dict[str, Any] = {
    "stop": "end",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
_SECONDS, _CONNECT_SECONDS = 600.0, 15.0
_MOST_BY_ESTIMATE = 8  # times our estimate: nobody cuts text into pieces that small
_THOUGHTS = ("reasoning_content", "reasoning")  # DeepSeek, vLLM and llama.cpp; OpenRouter and Ollama


class CompatibleProvider:
    """One key at one address."""

    def __init__(
        self, id: str = "compatible", *, api_key: str | None, base_url: str | None, seconds: float = _SECONDS
    ) -> None:
        self.id = id
        timeout = openai.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        # No key of ours must not make the SDK look for one in the environment.
        client = openai.OpenAI(
            api_key=api_key or "none",
            base_url=base_url or "https://api.openai.com/v1",
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultHttpxClient(timeout=timeout, verify=certificates(httpx2)),
        )
        self._completions = client.chat.completions

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """See Provider.stream."""
        answer = _Answer()
        body = _body(request, self.id)
        try:
            with self._completions.create(**body, stream=True) as chunks:
                for chunk in chunks:
                    yield from answer.take(chunk.to_dict(mode="json"))
            final = answer.final(self.id, body)
        except openai.APIConnectionError as error:
            raise faults.broke(error) from error
        except openai.APIError as error:
            raise faults.refused(error) from error
        except Exception as error:  # whatever decoding a broken stream raises
            raise faults.broke(error) from error
        yield final


class _Answer:
    """A streamed message as it grows, in the form in which the provider takes it back."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {"role": "assistant", "content": None}
        self._calls: dict[int, dict[str, Any]] = {}
        self._usage: Mapping[str, Any] | None = None
        self._stop: str | None = None

    def take(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        """Takes one chunk in; yields the text to show."""
        self._usage = chunk.get("usage") or self._usage
        for choice in (chunk.get("choices") or [])[:1]:
            self._stop = choice.get("finish_reason") or self._stop
            delta = choice.get("delta") or {}
            for name in _THOUGHTS:
                if isinstance(delta.get(name), str) and delta[name]:
                    self._message[name] = self._message.get(name, "") + delta[name]
                    yield Delta(delta[name], "thinking")
            if delta.get("refusal"):
                self._message["refusal"] = (self._message.get("refusal") or "") + delta["refusal"]
                yield Delta(delta["refusal"])
            if delta.get("content"):
                self._message["content"] = (self._message["content"] or "") + delta["content"]
                yield Delta(delta["content"])
            for fragment in delta.get("tool_calls") or []:
                self._grow(fragment)

    def _grow(self, fragment: Mapping[str, Any]) -> None:
        function = fragment.get("function") or {}
        index = fragment.get("index")
        if index is None:  # a named fragment begins a call, another continues the last one
            index = len(self._calls) if function.get("name") else max(self._calls, default=0)
        elif (
            index in self._calls and function.get("name") and fragment.get("id") not in (None, self._calls[index]["id"])
        ):
            index = max(self._calls) + 1  # some servers give every call the index 0
        known = self._calls.get(index)
        if known is None:
            extra = {name: value for name, value in fragment.items() if name not in ("index", "id", "type", "function")}
            call = {"id": fragment.get("id") or "", "type": "function", "function": {"name": "", "arguments": ""}}
            known = self._calls[index] = call | extra
        known["id"] = known["id"] or fragment.get("id") or ""
        known["function"]["name"] = known["function"]["name"] or function.get("name") or ""
        arguments = function.get("arguments") or ""
        known["function"]["arguments"] += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def final(self, provider_id: str, body: Mapping[str, Any]) -> Final:
        """The whole answer. Raises EOFError where the stream ended before it."""
        if self._stop is None:
            raise EOFError("the stream ended before the message did")
        ids: set[str] = set()
        for call in self._calls.values():
            if not call["id"] or call["id"] in ids:
                call["id"] = f"call_{uuid.uuid4().hex[:24]}"
            ids.add(call["id"])
        if self._calls:
            self._message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        stop = _STOPS["tool_calls"] if self._calls and self._stop == "stop" else _STOPS.get(self._stop, "end")
        usage = _believed(self._usage, body, self._message)
        return Final(message_from(self._message, provider_id), usage, stop)


def message_from(message: Mapping[str, Any], provider_id: str) -> Message:
    """The neutral message of an assistant's message as it came. Unreadable arguments are not given back as they were:
    several servers answer 500 to every later call of such a conversation."""
    parts: list[Part] = []
    raw = dict(message)
    thoughts = next((message[name] for name in _THOUGHTS if isinstance(message.get(name), str)), None)
    if thoughts:
        parts.append(Thinking(thoughts))
    for text in (message.get("content"), message.get("refusal")):
        if isinstance(text, str) and text:
            parts.append(Text(text))
    given_back = []
    for call in message.get("tool_calls") or []:
        text = call["function"]["arguments"]
        args = _arguments(text)
        parts.append(ToolCall(call["id"], call["function"]["name"], args, "" if args is not None else text or "(none)"))
        if args is None:
            call = {**call, "function": {**call["function"], "arguments": json.dumps({"unreadable": text})}}
        given_back.append(call)
    if given_back:
        raw["tool_calls"] = given_back
    return Message("assistant", tuple(parts), json.dumps(raw, ensure_ascii=False).encode(), provider_id)


def _arguments(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text or "{}")
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair could not be kept
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def usage_from(usage: Mapping[str, Any]) -> Usage:
    """The prompt's tokens include the cached ones already; nobody reports cache writes here."""
    prompt = counted(usage.get("prompt_tokens"))
    cached = counted((usage.get("prompt_tokens_details") or {}).get("cached_tokens"))
    reasoning = counted((usage.get("completion_tokens_details") or {}).get("reasoning_tokens"))
    return Usage(
        input_total=prompt,
        cache_read=min(cached, prompt),
        output=counted(usage.get("completion_tokens")),
        reasoning=reasoning,
    )


def _believed(reported: Mapping[str, Any] | None, body: Mapping[str, Any], message: Mapping[str, Any]) -> Usage:
    """What was reported, where it can be true: no figure is below nothing, no token shorter than a byte, no answer
    much longer than was asked for. Else our own estimate."""
    estimate = _estimated(body, message)
    if not reported:
        return estimate
    usage = usage_from(reported)
    is_counted = all(_is_count(reported.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    most_input, most_output = _MOST_BY_ESTIMATE * estimate.input_total + 10_000, 2 * body["max_tokens"] + 1_000
    return usage if is_counted and usage.input_total <= most_input and usage.output <= most_output else estimate


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and 0 <= value < math.inf)


def _estimated(body: Mapping[str, Any], message: Mapping[str, Any]) -> Usage:
    """Estimated from the text, for servers that report nothing; flagged, so that nobody takes it for measured."""
    images = [len(part["image_url"]["url"]) for said in body["messages"] for part in _image_parts(said)]
    sent = len(json.dumps([body["messages"], body.get("tools")], ensure_ascii=False).encode("utf-8", "replace"))
    got = estimate_tokens(json.dumps(message, ensure_ascii=False))
    return Usage(tokens_in(sent - sum(images)) + IMAGE_TOKENS * len(images), output=got, estimated=True)


def _image_parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return [part for part in content if part.get("type") == "image_url"] if isinstance(content, list) else []


def _body(request: Request, provider_id: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": request.system}]
    for message in request.messages:
        messages += _to_wire(message, provider_id)
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages,
        "max_tokens": request.max_tokens,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    if request.effort:
        body["reasoning_effort"] = request.effort
    return body


def _to_wire(message: Message, provider_id: str) -> list[dict[str, Any]]:
    if message.role == "user":
        return _user_to_wire(message.parts)
    if message.raw is not None and message.raw_provider == provider_id:
        return [json.loads(message.raw)]
    wire: dict[str, Any] = {"role": "assistant", "content": message.text or None}
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(_given(call))},
            }
            for call in message.tool_calls
        ]
    return [wire] if message.text or message.tool_calls else []


def _given(call: ToolCall) -> dict[str, Any]:
    return call.args if call.args is not None else {"unreadable": call.broken}


def _user_to_wire(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Results are messages of their own and come first; what the person says follows as one."""
    wire: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": part.call_id, "content": part.text or "(empty)"}
        for part in parts
        if isinstance(part, ToolResult)
    ]
    texts = [part.text for part in parts if isinstance(part, Text)]
    images = [part for part in parts if isinstance(part, Image)]
    if images:
        content: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
        content += [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
        wire.append({"role": "user", "content": content})
    elif texts:
        wire.append({"role": "user", "content": "\n\n".join(texts)})
    return wire


def _data_url(image: Image) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"

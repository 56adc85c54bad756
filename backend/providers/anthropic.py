"""Anthropic's Messages API, streamed. Assistant turns go back as they came, thinking signatures included."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import anthropic
import httpx2

from backend.certificates import certificates
from backend.providers import faults
from backend.providers.base import (
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
    ToolSpec,
    Usage,
    counted,
)

_CACHED = {"type": "ephemeral"}
_STOPS: dict[str, Any] = {
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
}
_SECONDS, _CONNECT_SECONDS = 600.0, 15.0


class AnthropicProvider:
    """One key at one address."""

    def __init__(
        self, id: str = "anthropic", *, api_key: str | None, base_url: str | None, seconds: float = _SECONDS
    ) -> None:
        self.id = id
        timeout = anthropic.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        # No key of ours must not make the SDK look for one in the environment.
        client = anthropic.Anthropic(
            api_key=api_key or "none",
            base_url=base_url or "https://api.anthropic.com",
            max_retries=0,
            timeout=timeout,
            http_client=anthropic.DefaultHttpxClient(timeout=timeout, verify=certificates(httpx2)),
        )
        self._messages = client.messages

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """See Provider.stream."""
        answer = _Answer()
        try:
            with self._messages.create(**_body(request, self.id), stream=True) as events:
                for event in events:
                    delta = answer.take(event.to_dict(mode="json"))
                    if delta and delta.text:
                        yield delta
            final = answer.final(self.id)
        except anthropic.APIStatusError as error:
            raise faults.refused(error) from error
        except (
            Exception
        ) as error:  # the SDK raises nearly anything while it decodes a stream, a bare AssertionError too
            raise faults.broke(error) from error
        yield final


class _Answer:
    """A streamed message as it grows: the blocks exactly as the provider would have sent them whole."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Any]] = {}
        self._json: dict[int, str] = {}
        self._usage: dict[str, Any] = {}
        self._stop: str | None = None
        self._is_whole = False

    def take(self, event: Mapping[str, Any]) -> Delta | None:
        """Takes one event in; the text to show, if it holds any."""
        match event["type"]:
            case "message_start":
                self._count(event["message"]["usage"])
            case "content_block_start":
                self._blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                return self._grow(event["index"], event["delta"])
            case "message_delta":
                self._stop = event["delta"].get("stop_reason") or self._stop
                self._count(event.get("usage") or {})
            case "message_stop":
                self._is_whole = True
        return None

    def _count(self, usage: Mapping[str, Any]) -> None:
        self._usage.update({name: value for name, value in usage.items() if value is not None})

    def _grow(self, index: int, delta: Mapping[str, Any]) -> Delta | None:
        block = self._blocks[index]
        match delta["type"]:
            case "text_delta":
                block["text"] = block.get("text", "") + delta["text"]
                return Delta(delta["text"])
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
                return Delta(delta["thinking"], "thinking")
            case "signature_delta":
                block["signature"] = block.get("signature", "") + delta["signature"]
            case "input_json_delta":
                self._json[index] = self._json.get(index, "") + delta["partial_json"]
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        return None

    def final(self, provider_id: str) -> Final:
        """The whole answer. Raises EOFError where the stream ended before it."""
        if not self._is_whole or self._stop is None:
            raise EOFError("the stream ended before the message did")
        broken: dict[str, str] = {}
        content = []
        for index in sorted(self._blocks):
            block = self._blocks[index]
            if index in self._json:
                block["input"], unreadable = _arguments(self._json[index])
                if unreadable:
                    broken[block["id"]] = self._json[index]
            content.append(block)
        message = message_from(content, provider_id, broken)
        return Final(message, usage_from(self._usage), _STOPS.get(self._stop, "end"))


def _arguments(text: str) -> tuple[dict[str, Any], bool]:
    """The arguments, and whether they could not be read; the API takes back objects only."""
    try:
        value = json.loads(text or "{}")
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair could neither be kept nor sent back
    except ValueError:
        return {"unreadable": text}, True
    return (value, False) if isinstance(value, dict) else ({"unreadable": text}, True)


def message_from(
    content: Sequence[Mapping[str, Any]], provider_id: str, broken: Mapping[str, str] | None = None
) -> Message:
    """The neutral message of a response's content blocks; `broken` are unreadable arguments by call id."""
    parts: list[Part] = []
    for block in content:
        match block["type"]:
            case "text":
                parts.append(Text(block["text"]))
            case "thinking":
                parts.append(Thinking(block["thinking"]))
            case "tool_use":
                text = (broken or {}).get(block["id"], "")
                parts.append(ToolCall(block["id"], block["name"], None if text else block["input"], text))
    return Message("assistant", tuple(parts), json.dumps(content, ensure_ascii=False).encode(), provider_id)


def usage_from(usage: Mapping[str, Any]) -> Usage:
    """Anthropic counts input, cache reads and cache writes apart; ours are included in the input."""
    read, written = counted(usage.get("cache_read_input_tokens")), counted(usage.get("cache_creation_input_tokens"))
    details = usage.get("output_tokens_details") or {}
    return Usage(
        input_total=counted(usage.get("input_tokens")) + read + written,
        cache_read=read,
        cache_write=written,
        output=counted(usage.get("output_tokens")),
        reasoning=counted(details.get("thinking_tokens")),
    )


def _body(request: Request, provider_id: str) -> dict[str, Any]:
    """The call. Cache marks stand on the last tool, the system prompt and the last two messages: four are allowed."""
    tools = [_tool_to_wire(tool) for tool in request.tools]
    if tools:
        tools[-1]["cache_control"] = _CACHED
    messages = [wire for message in request.messages if (wire := _to_wire(message, provider_id))["content"]]
    for message in messages[-2:]:
        _mark(message)
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": [{"type": "text", "text": request.system, "cache_control": _CACHED}],
        "messages": messages,
        "tools": tools,
    }
    if request.effort:
        body |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": request.effort}}
    return body


def _mark(message: dict[str, Any]) -> None:
    for block in reversed(message["content"]):
        if block["type"] not in ("thinking", "redacted_thinking") and block.get("text") != "":
            block["cache_control"] = _CACHED
            return


def _tool_to_wire(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def _to_wire(message: Message, provider_id: str) -> dict[str, Any]:
    if message.raw is not None and message.raw_provider == provider_id:
        return {"role": message.role, "content": json.loads(message.raw)}
    return {"role": message.role, "content": [block for part in message.parts if (block := _part_to_wire(part))]}


def _part_to_wire(part: Part) -> dict[str, Any] | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text} if text.strip() else None  # the API refuses blank text
        case Thinking():
            return None  # another provider's thoughts carry no signature of Anthropic's
        case ToolCall():
            given = part.args if part.args is not None else {"unreadable": part.broken}
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": given}
        case ToolResult():
            return {
                "type": "tool_result",
                "tool_use_id": part.call_id,
                "content": part.text or "(empty)",
                "is_error": part.is_error,
            }
        case Image():
            data = base64.b64encode(part.data).decode()
            return {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": data}}

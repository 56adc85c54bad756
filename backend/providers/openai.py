"""OpenAI's Responses API, streamed, with nothing kept at OpenAI: what the model thought comes sealed and goes back so.

Output items go back as they came. OpenAI's documentation: "Conversation state" and "Reasoning models", on `store` and
`reasoning.encrypted_content`.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import openai

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

_SECONDS, _CONNECT_SECONDS = 600.0, 15.0
_SEALED_THOUGHTS = "reasoning.encrypted_content"
_SHOWN: dict[str, Any] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "thinking",
    "response.reasoning_text.delta": "thinking",
}


class OpenAIProvider:
    """One key at one address."""

    def __init__(
        self, id: str = "openai", *, api_key: str | None, base_url: str | None, seconds: float = _SECONDS
    ) -> None:
        self.id = id
        timeout = openai.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        # No key of ours must not make the SDK look for one in the environment.
        self._client = openai.OpenAI(
            api_key=api_key or "none", base_url=base_url or "https://api.openai.com/v1", max_retries=0, timeout=timeout
        )
        self._without_thoughts: set[str] = set()  # models that refuse to be asked for them, as those without any do
        self._forgets = False  # whether it refused the thoughts that it had sealed, as for another organisation's key

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """See Provider.stream."""
        answer = _Answer()
        try:
            with self._begin(request) as events:
                for event in events:
                    delta = answer.take(event.to_dict(mode="json"))
                    if delta and delta.text:
                        yield delta
            final = answer.final(self.id)
        except openai.APIConnectionError as error:
            raise faults.broke(error) from error
        except openai.APIError as error:
            raise faults.refused(error) from error
        except _Failed as failed:
            raise faults.told(failed.error) from failed
        except Exception as error:  # whatever decoding a broken stream raises
            raise faults.broke(error) from error
        yield final

    def _begin(self, request: Request) -> Any:
        """The stream. Once more without thoughts where the model has none, or OpenAI cannot unseal those we kept."""
        try:
            return self._create(request)
        except openai.BadRequestError as error:
            if error.code == "invalid_encrypted_content" and not self._forgets:
                self._forgets = True
            elif "encrypted content" in str(error).lower() and request.model not in self._without_thoughts:
                self._without_thoughts.add(request.model)
            else:
                raise
            return self._create(request)

    def _create(self, request: Request) -> Any:
        body = _body(request, self.id, with_thoughts=not self._forgets)
        if request.model not in self._without_thoughts:
            body["include"] = [_SEALED_THOUGHTS]
        return self._client.responses.create(**body, stream=True)


class _Failed(Exception):
    """An error that came as an event of the stream."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self.error = error


class _Answer:
    """A streamed response as it grows: its output items, each as it was when it was done."""

    def __init__(self) -> None:
        self._items: dict[int, dict[str, Any]] = {}
        self._response: Mapping[str, Any] | None = None

    def take(self, event: Mapping[str, Any]) -> Delta | None:
        """Takes one event in; the text to show, if it holds any."""
        match event["type"]:
            case "response.output_item.done":
                self._items[event["output_index"]] = event["item"]
            case "response.completed" | "response.incomplete":
                self._response = event["response"]
            case "response.failed":
                raise _Failed(event["response"].get("error") or {})
            case "error":
                raise _Failed(event.get("error") or event)
            case kind if kind in _SHOWN:
                return Delta(event["delta"], _SHOWN[kind])
        return None

    def final(self, provider_id: str) -> Final:
        """The whole answer. Raises EOFError where the stream ended before it."""
        if self._response is None:
            raise EOFError("the stream ended before the response did")
        grown = [self._items[index] for index in sorted(self._items)]
        whole = list(self._response.get("output") or [])
        items = whole if len(whole) >= len(grown) else grown  # proxies leave the response's own list empty
        message = message_from(items, provider_id)
        return Final(message, usage_from(self._response.get("usage") or {}), _stop(self._response, items))


def _stop(response: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Any:
    why = (response.get("incomplete_details") or {}).get("reason")
    if why:
        return "refusal" if why == "content_filter" else "max_tokens"
    if any(item["type"] == "function_call" for item in items):
        return "tool_use"
    said = [part["type"] for item in items for part in item.get("content") or () if item["type"] == "message"]
    return "refusal" if "refusal" in said else "end"


def message_from(items: Sequence[Mapping[str, Any]], provider_id: str) -> Message:
    """The neutral message of a response's output items."""
    parts: list[Part] = []
    given_back = []
    for item in items:
        match item["type"]:
            case "reasoning":
                told = [*(item.get("summary") or []), *(item.get("content") or [])]
                if text := "\n\n".join(part["text"] for part in told if part.get("text")):
                    parts.append(Thinking(text))
            case "message":
                parts += [Text(said) for part in item["content"] if (said := part.get("text") or part.get("refusal"))]
            case "function_call":
                args = _arguments(item["arguments"])
                broken = "" if args is not None else item["arguments"] or "(none)"
                parts.append(ToolCall(item["call_id"], item["name"], args, broken))
                if args is None:
                    item = {**item, "arguments": json.dumps({"unreadable": broken})}
        given_back.append(item)
    return Message("assistant", tuple(parts), json.dumps(given_back, ensure_ascii=False).encode(), provider_id)


def _arguments(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text or "{}")
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair could not be kept
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def usage_from(usage: Mapping[str, Any]) -> Usage:
    """The input's tokens include the cached ones already; only newer models tell of cache writes."""
    total, details = counted(usage.get("input_tokens")), usage.get("input_tokens_details") or {}
    cached = min(counted(details.get("cached_tokens")), total)
    return Usage(
        input_total=total,
        cache_read=cached,
        cache_write=min(counted(details.get("cache_write_tokens")), total - cached),
        output=counted(usage.get("output_tokens")),
        reasoning=counted((usage.get("output_tokens_details") or {}).get("reasoning_tokens")),
    )


def _body(request: Request, provider_id: str, *, with_thoughts: bool) -> dict[str, Any]:
    items = [item for message in request.messages for item in _to_wire(message, provider_id)]
    body: dict[str, Any] = {
        "model": request.model,
        "instructions": request.system,
        "input": [item for item in items if _is_known(item, with_thoughts)],
        "max_output_tokens": request.max_tokens,
        "store": False,
        "prompt_cache_key": request.run_key[:64],
    }
    if request.tools:
        body["tools"] = [_tool_to_wire(tool) for tool in request.tools]
    if request.effort:
        body["reasoning"] = {"effort": request.effort}
    return body


def _is_known(item: Mapping[str, Any], with_thoughts: bool) -> bool:
    """Thoughts that are not sealed are a reference to what OpenAI was told not to keep."""
    return item.get("type") != "reasoning" or bool(with_thoughts and item.get("encrypted_content"))


def _tool_to_wire(tool: ToolSpec) -> dict[str, Any]:
    # Strict schemas, which are this API's default, know no optional parameters.
    told = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", **told, "strict": False}


def _to_wire(message: Message, provider_id: str) -> list[dict[str, Any]]:
    if message.role == "user":
        return _user_to_wire(message.parts)
    if message.raw is not None and message.raw_provider == provider_id:
        kept = json.loads(message.raw)
        if isinstance(kept, list):  # a turn from before this adapter was one of chat completions
            return kept
    said: list[dict[str, Any]] = []
    if message.text:
        said.append({"role": "assistant", "content": message.text})
    for call in message.tool_calls:
        given = call.args if call.args is not None else {"unreadable": call.broken}
        told = {"call_id": call.id, "name": call.name, "arguments": json.dumps(given)}
        said.append({"type": "function_call", **told})
    return said


def _user_to_wire(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Results are items of their own and come first; what the person says follows as one message."""
    wire: list[dict[str, Any]] = [
        {"type": "function_call_output", "call_id": part.call_id, "output": part.text or "(empty)"}
        for part in parts
        if isinstance(part, ToolResult)
    ]
    content = [told for part in parts if (told := _said_to_wire(part))]
    return [*wire, {"role": "user", "content": content}] if content else wire


def _said_to_wire(part: Part) -> dict[str, Any] | None:
    match part:
        case Text(text):
            return {"type": "input_text", "text": text}
        case Image():
            data = base64.b64encode(part.data).decode()
            return {"type": "input_image", "image_url": f"data:{part.media_type};base64,{data}", "detail": "auto"}
    return None

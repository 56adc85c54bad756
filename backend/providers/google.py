"""Gemini's generateContent, streamed. A turn's parts go back as they came, thought signatures included.

The SDK speaks HTTP and server-sent events for us. Its typed models are passed by: they drop fields that they do not
know yet, and write signatures in another alphabet than they came in.
"""

import base64
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google import genai
from google.genai import errors
from google.genai.types import HttpOptions

from backend.providers import faults
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
    Usage,
    counted,
)

_SECONDS = 600.0
_OUR_ID = "own_"  # opens the ids of calls that came without one: Gemini must not be told them
# Gemini's documentation, "Thought signatures": for calls that another model made.
_NO_SIGNATURE = base64.b64encode(b"skip_thought_signature_validator").decode()
_THINKS_BY_BUDGET = re.compile(r"gemini-(?:1|2)\b")
_BUDGETS = {"low": 1_024, "medium": 8_192, "high": 24_576}  # tokens
_CUT_OFF = ("MAX_TOKENS", "CONTINUATION")
_UNREADABLE = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE")


class GoogleProvider:
    """One key at one address."""

    def __init__(
        self, id: str = "google", *, api_key: str | None, base_url: str | None, seconds: float = _SECONDS
    ) -> None:
        self.id = id
        self._answers: list[Any] = []  # the HTTP answers that were begun, to be closed by us: the SDK leaves them open
        options = HttpOptions(
            api_version="v1beta",
            base_url=base_url,
            timeout=round(seconds * 1000),
            client_args={"event_hooks": {"response": [self._answers.append]}},
        )
        # No key of ours must not make the SDK look for one in the environment.
        self._client = genai.Client(vertexai=False, api_key=api_key or "none", http_options=options)
        self._foreign = False  # whether Gemini refused its own signatures, as one model may another's

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """See Provider.stream."""
        answer = _Answer()
        try:
            for chunk in self._begin(request):
                yield from answer.take(chunk)
            final = answer.final(self.id)
        except errors.APIError as error:
            raise _refused(error) from error
        except Exception as error:  # whatever decoding a broken stream raises
            raise faults.broke(error) from error
        finally:
            while self._answers:
                self._answers.pop().close()
        yield final

    def _begin(self, request: Request) -> Iterator[dict[str, Any]]:
        """The answer's chunks as JSON. Once more without signatures where Gemini cannot read them any more."""
        try:
            yield from self._chunks(request)
        except errors.ClientError as error:
            if self._foreign or not re.search(r"thought.?signature", str(error.message), re.IGNORECASE):
                raise
            self._foreign = True
            yield from self._chunks(request)

    def _chunks(self, request: Request) -> Iterator[dict[str, Any]]:
        body = _body(request, "" if self._foreign else self.id)
        path = f"models/{request.model}:streamGenerateContent?alt=sse"
        # The one door of the SDK's that hands over what came as it came.
        for chunk in self._client._api_client.request_streamed("post", path, body):
            yield json.loads(chunk.body or "{}")


def _refused(error: errors.APIError) -> ProviderError:
    """Gemini says how long to wait in the error's details and not in a header."""
    inner = error.details.get("error", error.details) if isinstance(error.details, Mapping) else {}
    headers = dict(error.response.headers) if error.response is not None else {}
    for detail in inner.get("details") or ():
        if wait := re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay"))):
            headers.setdefault("retry-after", wait[1])
    told = {"message": error.message or str(error), "code": error.status}
    return faults.told(told, int(error.code or 500), headers)


class _Answer:
    """A streamed answer as it grows: its parts, where plain text that was cut in pieces is put together."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Any]] = []
        self._usage: Mapping[str, Any] = {}
        self._stop: str | None = None
        self._said = ""  # why it stopped, in Gemini's words

    def take(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        """Takes one chunk in; yields the text to show."""
        self._usage = chunk.get("usageMetadata") or self._usage
        if blocked := (chunk.get("promptFeedback") or {}).get("blockReason"):
            self._stop, self._said = "SAFETY", f"Gemini refused the prompt: {blocked}"
        for candidate in (chunk.get("candidates") or [])[:1]:
            self._stop = candidate.get("finishReason") or self._stop
            self._said = candidate.get("finishMessage") or self._said
            for part in (candidate.get("content") or {}).get("parts") or []:
                self._add(part)
                if part.get("text"):
                    yield Delta(part["text"], "thinking" if part.get("thought") else "text")

    def _add(self, part: dict[str, Any]) -> None:
        last = self._parts[-1] if self._parts else {}
        if set(part) == set(last) <= {"text", "thought"} and part.get("thought") == last.get("thought"):
            self._parts[-1] = {**last, "text": last["text"] + part["text"]}
        else:
            self._parts.append(part)

    def final(self, provider_id: str) -> Final:
        """The whole answer. Raises EOFError where the stream ended before it."""
        if self._stop is None:
            raise EOFError("the stream ended before the answer did")
        usage = usage_from(self._usage)
        if self._stop in _UNREADABLE and not any("functionCall" in part for part in self._parts):
            words = self._said or f"({self._stop})"
            return Final(Message("assistant", (Text(words),)), usage, "end")
        message = message_from(self._parts, provider_id)
        if not message.parts and self._said:
            message = Message("assistant", (Text(self._said),))
        return Final(message, usage, _stop(self._stop, message))


def _stop(reason: str, message: Message) -> Any:
    if message.tool_calls:
        return "tool_use"
    if reason in _CUT_OFF:
        return "max_tokens"
    return "end" if reason in ("STOP", *_UNREADABLE) else "refusal"


def message_from(parts: Sequence[Mapping[str, Any]], provider_id: str) -> Message:
    """The neutral message of a candidate's parts."""
    told: list[Part] = []
    for part in parts:
        if call := part.get("functionCall"):
            # Arguments come as JSON, not as text: they can always be read.
            told.append(
                ToolCall(call.get("id") or f"{_OUR_ID}{uuid.uuid4().hex}", call["name"], call.get("args") or {})
            )
        elif part.get("text"):
            told.append(Thinking(part["text"]) if part.get("thought") else Text(part["text"]))
    return Message("assistant", tuple(told), json.dumps(parts, ensure_ascii=False).encode(), provider_id)


def usage_from(usage: Mapping[str, Any]) -> Usage:
    """The prompt's tokens include the cached ones; thoughts are output that candidatesTokenCount does not hold."""
    prompt = counted(usage.get("promptTokenCount")) + counted(usage.get("toolUsePromptTokenCount"))
    thoughts = counted(usage.get("thoughtsTokenCount"))
    return Usage(
        input_total=prompt,
        cache_read=min(counted(usage.get("cachedContentTokenCount")), prompt),
        output=counted(usage.get("candidatesTokenCount")) + thoughts,
        reasoning=thoughts,
    )


def _body(request: Request, provider_id: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"maxOutputTokens": request.max_tokens}
    if request.effort and _THINKS_BY_BUDGET.search(request.model):
        settings["thinkingConfig"] = {"thinkingBudget": _BUDGETS[request.effort], "includeThoughts": True}
    elif request.effort:
        settings["thinkingConfig"] = {"thinkingLevel": request.effort, "includeThoughts": True}
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    contents = [_to_wire(message, provider_id, names) for message in request.messages]
    body: dict[str, Any] = {
        "systemInstruction": {"parts": [{"text": request.system}]},
        "contents": [content for content in contents if content["parts"]],
        "generationConfig": settings,
    }
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool_to_wire(tool) for tool in request.tools]}]
    return body


def _tool_to_wire(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}


def _to_wire(message: Message, provider_id: str, names: Mapping[str, str]) -> dict[str, Any]:
    if message.role == "assistant" and message.raw is not None and message.raw_provider == provider_id:
        return {"role": "model", "parts": json.loads(message.raw)}
    parts = [wire for part in message.parts if (wire := _part_to_wire(part, names))]
    calls = [part for part in parts if "functionCall" in part]
    if calls:  # parallel calls have one signature, at the first of them
        calls[0]["thoughtSignature"] = _NO_SIGNATURE
    return {"role": "user" if message.role == "user" else "model", "parts": parts}


def _part_to_wire(part: Part, names: Mapping[str, str]) -> dict[str, Any] | None:
    match part:
        case Text(text):
            return {"text": text} if text else None  # a part without anything in it is refused
        case Thinking():
            return None  # another provider's thoughts are not Gemini's
        case ToolCall():
            given = part.args if part.args is not None else {"unreadable": part.broken}
            return {"functionCall": {**_identity(part.id), "name": part.name, "args": given}}
        case ToolResult():
            answer = {"error" if part.is_error else "output": part.text or "(empty)"}
            told = {**_identity(part.call_id), "name": names.get(part.call_id, "unknown"), "response": answer}
            return {"functionResponse": told}
        case Image():
            return {"inlineData": {"mimeType": part.media_type, "data": base64.b64encode(part.data).decode()}}


def _identity(call_id: str) -> dict[str, str]:
    return {} if call_id.startswith(_OUR_ID) else {"id": call_id}

"""What OpenAI's Responses API and Gemini's streamGenerateContent send, for the scripted model server."""

import json
from collections.abc import Iterator
from typing import Any

from tests.model_turns import Call, Turn, pieces

SEALED = "gAAAAABsealed_by-the/server+=="
SIGNATURE = "c2lnbmVkIGJ5/IHRoZSBz+ZXJ2ZXI="


def responses_events(turn: Turn) -> Iterator[str]:
    """A response: reasoning, a message, function calls, each item grown in pieces and then whole."""
    count = iter(range(10_000))

    def event(kind: str, **fields: Any) -> str:
        told = {"type": kind, "sequence_number": next(count), **fields}
        return f"event: {kind}\ndata: {json.dumps(told)}\n\n"

    response: dict[str, Any] = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
    response |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None}
    yield event("response.created", response={**response, "status": "in_progress"})
    yield event("response.in_progress", response={**response, "status": "in_progress"})
    output = _response_items(turn)
    for index, (item, kind, text) in enumerate(output):
        at = {"output_index": index, "item_id": item["id"]}
        yield event("response.output_item.added", output_index=index, item={**item, "status": "in_progress"})
        for piece in pieces(text):
            yield event(kind, **at, content_index=0, summary_index=0, delta=piece, logprobs=[])
        yield event("response.output_item.done", output_index=index, item=item)
    whole = {**response, "output": [item for item, *_ in output], "status": "completed"}
    if turn.stop:
        whole |= {"status": "incomplete", "incomplete_details": {"reason": turn.stop}}
    if turn.usage is not None:
        counted = turn.usage
        whole["usage"] = {
            "input_tokens": counted["input"] + counted["read"],
            "input_tokens_details": {"cached_tokens": counted["read"]},
            "output_tokens": counted["output"],
            "output_tokens_details": {"reasoning_tokens": 7 if turn.thinking else 0},
            "total_tokens": counted["input"] + counted["read"] + counted["output"],
        }
    yield event(f"response.{whole['status']}", response=whole)


def _response_items(turn: Turn) -> list[tuple[dict[str, Any], str, str]]:
    """Each item as it is when it is done, the event that it grows by, and what it grows."""
    items: list[tuple[dict[str, Any], str, str]] = []
    if turn.thinking:
        summary = [{"type": "summary_text", "text": turn.thinking}]
        item: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "summary": summary, "encrypted_content": SEALED}
        items.append((item, "response.reasoning_summary_text.delta", turn.thinking))
    if turn.text:
        content = [{"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []}]
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
        items.append((item | {"phase": "commentary"}, "response.output_text.delta", turn.text))
    for call in turn.calls:
        item = {"id": f"fc_{call.id}", "type": "function_call", "status": "completed", "call_id": call.id}
        told = {"name": call.name, "arguments": call.json}
        items.append((item | told, "response.function_call_arguments.delta", call.json))
    return items


def gemini_events(turn: Turn) -> Iterator[str]:
    """Chunks of one candidate, the first call signed; a call whose arguments are no object ends it as malformed."""

    def chunk(*parts: dict[str, Any], **fields: Any) -> str:
        candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **fields}
        whole: dict[str, Any] = {"candidates": [candidate], "modelVersion": "m", "responseId": "r"}
        if turn.usage is not None and "finishReason" in fields:
            whole["usageMetadata"] = _gemini_usage(turn)
        return f"data: {json.dumps(whole)}\r\n\r\n"

    for piece in pieces(turn.thinking):
        yield chunk({"text": piece, "thought": True})
    for piece in pieces(turn.text):
        yield chunk({"text": piece})
    for index, call in enumerate(turn.calls):
        if not isinstance(call.args, dict):
            yield chunk(finishReason="MALFORMED_FUNCTION_CALL", finishMessage=f"Malformed function call: {call.json}")
            return
        signed = {"thoughtSignature": SIGNATURE} if index == 0 else {}
        yield chunk({"functionCall": _gemini_call(call), **signed})
    yield chunk(finishReason=turn.stop or "STOP")


def _gemini_call(call: Call) -> dict[str, Any]:
    identity = {"id": call.id} if call.id else {}
    return {"name": call.name, "args": call.args, **identity}


def _gemini_usage(turn: Turn) -> dict[str, Any]:
    counted = turn.usage or {}
    thoughts = 7 if turn.thinking else 0
    return {
        "promptTokenCount": counted["input"] + counted["read"],
        "cachedContentTokenCount": counted["read"],
        "candidatesTokenCount": counted["output"] - thoughts,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": counted["input"] + counted["read"] + counted["output"],
    }

"""A model provider on localhost that says what it is told, in the true wire formats of four APIs, faults included.

`/v1/messages` is Anthropic's, `/chat/completions` and `/responses` under any prefix are OpenAI's,
`:streamGenerateContent` is Gemini's. Answers are taken from `script` in order; the last one is repeated.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.model_turns import Call as Call
from tests.model_turns import Turn as Turn
from tests.model_turns import pieces
from tests.newer_wires import gemini_events, responses_events


@dataclass(frozen=True)
class Refuse:
    """An HTTP error with the API's own body; `details` are Gemini's."""

    status: int
    kind: str = "api_error"
    message: str = "The scripted server refuses."
    headers: dict[str, str] = field(default_factory=dict)
    details: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Broken:
    """An answer that goes wrong after so many events: `cut` closes the connection, `garble` sends what is no JSON,
    `error` an error event, `silence` nothing more until the server closes."""

    turn: Turn
    after: int
    how: str
    kind: str = "overloaded_error"


Answer = Turn | Refuse | Broken


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ScriptedModelServer:
    """Used as a context manager; `url` is its address without a path, `received` what came in."""

    def __init__(self, script: Sequence[Answer]) -> None:
        self.script = list(script)
        self.received: list[Received] = []
        self.models = b'{"data": []}'  # what is answered to GET …/models
        self.models_asked: list[dict[str, str]] = []  # with which headers
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = _Http(self)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def next_answer(self, received: Received) -> Answer:
        with self._lock:
            answer = self.script[min(len(self.received), len(self.script) - 1)]
            self.received.append(received)
            return answer

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: "_Http"
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        """The list of models, as whoever tries a key asks for it."""
        heads = {k.lower(): v for k, v in self.headers.items()}
        self.server.script.models_asked.append(heads)
        answer = self.server.script.next_answer(Received(self.path, heads, {}))
        if isinstance(answer, Refuse):
            apis = (("/v1/models?limit=", "/v1/messages"), ("/v1beta/", ":streamGenerateContent"), ("/", "/responses"))
            self._refuse(answer, next(ending for begin, ending in apis if self.path.startswith(begin)))
            return
        body = self.server.script.models
        self.send_response(200 if self.path.split("?")[0].endswith("/models") else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        received = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        answer = self.server.script.next_answer(received)
        ending = next(one for one in _WIRES if self.path.split("?")[0].endswith(one))
        if isinstance(answer, Refuse):
            self._refuse(answer, ending)
            return
        turn = answer if isinstance(answer, Turn) else answer.turn
        events = list(_WIRES[ending](turn))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for event in events[: answer.after] if isinstance(answer, Broken) else events:
            self._chunk(event)
        if isinstance(answer, Broken):
            self._break(answer, ending)
        else:
            self._end()

    def _break(self, answer: Broken, ending: str) -> None:
        match answer.how:
            case "garble":
                self._chunk('event: content_block_delta\ndata: {"type": "content_block_del\n\n')
                self._end()
            case "error":
                body = _error(ending, answer.kind, "The scripted server is overloaded.")
                self._chunk(f"event: error\ndata: {json.dumps(body)}\n\n")
                self._end()
            case "silence":
                self.server.script.closing.wait(30)
            case "end":  # the stream ends in good order, the message does not
                self._end()

    def _chunk(self, event: str) -> None:
        data = event.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, answer: Refuse, ending: str) -> None:
        whole = _error(ending, answer.kind, answer.message, answer.status)
        if answer.details:
            whole["error"]["details"] = answer.details
        body = json.dumps(whole).encode()
        self.send_response(answer.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: ScriptedModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script


def _anthropic_events(turn: Turn) -> Iterator[str]:
    def event(kind: str, **fields: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"

    usage = turn.usage or {}
    counted = {
        "input_tokens": usage.get("input", 0),
        "cache_read_input_tokens": usage.get("read", 0),
        "cache_creation_input_tokens": usage.get("written", 0),
        "output_tokens": 1,
    }
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
    }
    yield event("message_start", message={**message, "stop_sequence": None, "usage": counted})
    yield event("ping")
    index = 0

    def block(start: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[str]:
        nonlocal index
        yield event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
        index += 1

    if turn.thinking:
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(turn.thinking)]
        signed = {"type": "signature_delta", "signature": "c2lnbmVkIGJ5IHRoZSBzZXJ2ZXI="}
        yield from block({"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed])
    if turn.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(turn.text)]
        yield from block({"type": "text", "text": ""}, deltas)
    for call in turn.calls:
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(call.json)]]
        yield from block({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}, deltas)
    stop = turn.stop or ("tool_use" if turn.calls else "end_turn")
    counted = {"output_tokens": usage.get("output", 0)}
    yield event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=counted)
    yield event("message_stop")


def _chat_events(turn: Turn) -> Iterator[str]:
    def chunk(**fields: Any) -> str:
        whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
        return f"data: {json.dumps(whole | fields)}\n\n"

    def delta(finish: str | None = None, **fields: Any) -> str:
        return chunk(choices=[{"index": 0, "delta": fields, "finish_reason": finish}])

    yield delta(role="assistant", content="")
    for piece in pieces(turn.thinking):
        yield delta(reasoning_content=piece)
    for piece in pieces(turn.text):
        yield delta(content=piece)
    for index, call in enumerate(turn.calls):
        function = {"name": call.name, "arguments": ""}
        yield delta(tool_calls=[{"index": index, "id": call.id, "type": "function", "function": function}])
        for piece in pieces(call.json):
            yield delta(tool_calls=[{"index": index, "function": {"arguments": piece}}])
    yield delta(finish=turn.stop or ("tool_calls" if turn.calls else "stop"))
    if turn.usage is not None:
        counted = turn.usage
        yield chunk(
            usage={
                "prompt_tokens": counted["input"] + counted["read"],
                "completion_tokens": counted["output"],
                "total_tokens": counted["input"] + counted["read"] + counted["output"],
                "prompt_tokens_details": {"cached_tokens": counted["read"]},
            }
        )
    yield "data: [DONE]\n\n"


_WIRES = {
    "/v1/messages": _anthropic_events,
    "/chat/completions": _chat_events,
    "/responses": responses_events,
    ":streamGenerateContent": gemini_events,
}


def _error(ending: str, kind: str, message: str, status: int = 0) -> dict[str, Any]:
    """The API's own body of an error; without a status it comes inside a stream."""
    match ending:
        case "/v1/messages":
            return {"type": "error", "error": {"type": kind, "message": message}}
        case "/responses" if not status:
            return {"type": "error", "code": kind, "message": message, "param": None, "sequence_number": 9}
        case ":streamGenerateContent":
            return {"error": {"code": status or 503, "message": message, "status": kind.upper()}}
    return {"error": {"type": kind, "message": message, "code": kind}}

"""A model that thinks for two seconds a turn, behind OpenAI's chat completions: `granian benchmarks.load.model:app`.

The conversation says which turn it is: files are looked at, written and run. A run goes on beyond its ten turns until
`POST /end`, so that all of them are at work at once. `GET /seen` tells each run's turn and when its first request came.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

THINKS = 2.0  # seconds
TURNS = 10
MARK = "Load run number"
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]

_first: dict[int, float] = {}
_turn: dict[int, int] = {}
_may_end = asyncio.Event()
_OPENING: list[tuple[str, dict[str, Any]]] = [
    ("list_files", {"path": "."}),
    ("read_file", {"path": "README.md"}),
    ("search", {"pattern": "def total"}),
    ("run_command", {"command": "git log --oneline | head -3; ls -R | wc -l"}),
    ("edit_file", {"path": "NOTES.md", "old_str": "", "new_str": "What was found.\n"}),
    ("run_command", {"command": "cat NOTES.md shop/totals.py | wc"}),
]


async def app(scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
    """The three addresses."""
    body = b""
    while (part := await receive()).get("more_body"):
        body += part["body"]
    body += part.get("body", b"")
    match scope["path"]:
        case "/seen":
            await _answer(send, "application/json", json.dumps({"first": _first, "turn": _turn}))
        case "/end":
            _may_end.set()
            await _answer(send, "application/json", "{}")
        case _:
            await _think(json.loads(body), send)


async def _think(asked: dict[str, Any], send: _Send) -> None:
    messages = asked["messages"]
    turn = sum(message["role"] == "assistant" for message in messages)
    found = re.search(rf"{MARK} (\d+)", json.dumps(messages))
    run = int(found[1]) if found else -1
    _first.setdefault(run, time.monotonic())
    _turn[run] = turn
    await asyncio.sleep(THINKS)
    name, args = _step(turn)
    function = {"name": name, "arguments": json.dumps(args)}
    call = {"index": 0, "id": f"call_{turn}", "type": "function", "function": function}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": f"Step {turn}."}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {"prompt_tokens": 1500 + 300 * turn, "completion_tokens": 40, "total_tokens": 0}},
    ]
    common = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": asked["model"]}
    text = "".join(f"data: {json.dumps(common | chunk)}\n\n" for chunk in chunks)
    await _answer(send, "text/event-stream", text + "data: [DONE]\n\n")


def _step(turn: int) -> tuple[str, dict[str, Any]]:
    if turn < len(_OPENING):
        return _OPENING[turn]
    if turn >= TURNS - 1 and _may_end.is_set():
        return "finish", {"title": "Keep notes", "summary": "The notes are kept."}
    return "run_command", {"command": f"echo {turn} >> NOTES.md; wc NOTES.md"}


async def _answer(send: _Send, kind: str, text: str) -> None:
    headers = [(b"content-type", kind.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})

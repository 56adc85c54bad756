"""A task as a file of JSON lines: its facts, every entry of its log, what each run changed, and a last line.

The first line names format, version and facts; each entry of the log is one line, its `raw` bytes decoded where they
are JSON or text; `changes` lines hold the tree that a run's files came to, with its diff; the last line counts.
"""

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from backend.engine.transcript import LogEntry
from backend.errors import InvalidInput
from backend.words import EventKind

FORMAT, VERSION = "asynccoder-task", 1
MOST_RAW = 32_000_000  # bytes of one entry's raw content, unpacked; a longer one is left out
_MOST_LINE = 256_000_000  # characters


def unpacked(kind: EventKind, raw: bytes) -> dict[str, Any]:
    """An entry's raw bytes as a value of JSON, under the name of what they are."""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(raw, MOST_RAW)
        if unpacker.unconsumed_tail:
            return {"left_out": "over 32 MB"}
    except zlib.error:
        return {"base64": base64.b64encode(raw).decode(), "packed": False}
    try:
        words = content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
    if kind is not EventKind.MODEL_TURN:
        return {"text": words}
    turn = json.loads(words)
    if "content" in turn:  # the provider's own words are JSON again: as such a secret in them is found
        turn["content"] = _json_or_base64(base64.b64decode(turn["content"]))
    return {"turn": turn}


def packed(value: dict[str, Any] | None) -> bytes | None:
    """The raw bytes again that `unpacked` was given: equal as JSON values, texts byte for byte."""
    match value:
        case {"turn": dict(turn)}:
            return zlib.compress(json.dumps({**turn, **_content(turn)}).encode())
        case {"text": str(words)}:
            return zlib.compress(words.encode("utf-8", "replace"))
        case {"base64": str(coded), **rest}:
            content = base64.b64decode(coded)
            return content if rest.get("packed") is False else zlib.compress(content)
    return None


def _json_or_base64(content: bytes) -> dict[str, Any]:
    try:
        return {"json": json.loads(content)}
    except ValueError:
        return {"base64": base64.b64encode(content).decode()}


def _content(turn: dict[str, Any]) -> dict[str, str]:
    match turn.get("content"):
        case {"json": value}:
            return {"content": base64.b64encode(json.dumps(value).encode()).decode()}
        case {"base64": str(coded)}:
            return {"content": coded}
    return {}


@dataclass(frozen=True)
class RecordedRun:
    """A run of the file. `tree` is what its files came to; None where it changed none, or where that was not kept."""

    facts: dict[str, Any]
    entries: list[LogEntry] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Which run of the task it is, from 1."""
        return int(self.facts["number"])


@dataclass(frozen=True)
class Recording:
    """A whole file."""

    task: dict[str, Any]
    runs: list[RecordedRun]


def read(file: IO[bytes]) -> Recording:
    """The file's task. Raises InvalidInput for what is none of ours, of a later version, or broken off."""
    lines = _lines(file)
    _, head = next(lines, (0, {}))
    if head.get("format") != FORMAT:
        raise InvalidInput("This file is no task that Async Coder exported as JSON lines.")
    if head.get("version") != VERSION:
        raise InvalidInput(f"This file is of version {head.get('version')}; this Async Coder reads version {VERSION}.")
    try:
        runs = {int(facts["number"]): RecordedRun(facts) for facts in head["runs"]}
        recording = Recording(dict(head["task"]), list(runs.values()))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("The first line of this file lacks what a task has.") from error
    count = 0
    for number, line in lines:
        if "end" in line:
            if line["end"] != count:
                break
            return recording
        try:
            if "changes" in line:
                runs[line["run"]].changes.update(line["changes"])
            else:
                count += 1
                kind = EventKind(line["kind"])
                runs[line["run"]].entries.append(LogEntry(kind, dict(line["payload"]), packed(line.get("raw"))))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"Line {number} of this file is no entry of a log.") from error
    raise InvalidInput("This file breaks off: its last line is not there, or counts other lines.")


def _lines(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    while content := file.readline(_MOST_LINE):
        number += 1
        try:
            line = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"Line {number} of this file is no JSON.") from error
        if not isinstance(line, dict):
            raise InvalidInput(f"Line {number} of this file is no entry of a log.")
        yield number, line

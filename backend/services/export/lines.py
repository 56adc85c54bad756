"""A task as JSON lines, from which `asynccoder replay` runs it again: `engine/recording.py` says what they hold."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from backend.engine import recording
from backend.services.export import facts as reading
from backend.services.export.facts import Facts
from backend.services.export.secrets import Redaction


def as_lines(facts: Facts) -> Iterator[str]:
    """The lines, one after the other: never more than one entry is in memory whole."""
    yield _line({"format": recording.FORMAT, "version": recording.VERSION, "task": facts.task, "runs": facts.runs})
    count = 0
    for entry in reading.entries(facts, with_raw=True):
        line = {"seq": entry.seq, "run": entry.run, "kind": entry.kind.value, "at": entry.at, "payload": entry.payload}
        if entry.raw is not None:
            line["raw"] = _without_secrets(recording.unpacked(entry.kind, entry.raw), facts.redaction)
        count += 1
        yield _line(line)
    for run in facts.runs:
        if changed := reading.changes(facts, run["number"]):
            yield _line({"run": run["number"], "changes": changed})
    yield _line({"end": count})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _without_secrets(raw: dict[str, Any], redaction: Redaction) -> dict[str, Any]:
    """What is no text may hold one all the same, between bytes that are no characters."""
    if "base64" not in raw:
        found: dict[str, Any] = redaction.value(raw)
        return found
    words = redaction.text(base64.b64decode(raw["base64"]).decode("utf-8", "surrogateescape"))
    return {**raw, "base64": base64.b64encode(words.encode("utf-8", "surrogateescape")).decode()}

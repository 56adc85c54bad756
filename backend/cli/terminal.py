"""What a person at the terminal sees of the parts, and what happens when nobody looks any more."""

import json
import os
import sys
from typing import Any

NAMES_SHOWN = ("level", "message", "timestamp", "room")


class Terminal:
    """Prints prefixed lines. JSON log lines are shown as sentences on a terminal and left as they are in a file."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a C locale must not stop us

    def tell(self, text: str) -> None:
        """A line of our own."""
        try:
            print(text, flush=True)
        except OSError:  # the terminal or the pipe is gone; the parts are not: SIGHUP or a signal ends them in order
            _look_away()

    def say(self, name: str, text: str) -> None:
        """A line of a part."""
        self.tell(f"{name:<10} | {as_sentence(text) if self._is_terminal else text}")


def _look_away() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def as_sentence(text: str) -> str:
    """A JSON log line as words; any other line as it is."""
    if not text.startswith("{"):
        return text
    try:
        entry: Any = json.loads(text)
    except ValueError:
        return text
    if not isinstance(entry, dict) or "message" not in entry:
        return text
    rest = " ".join(f"{name}={value}" for name, value in entry.items() if name not in NAMES_SHOWN)
    return " ".join(part for part in (str(entry.get("level", "")), str(entry["message"]), rest) if part)

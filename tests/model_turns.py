"""What a scripted model says, before it is put into any wire format."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """A tool call. `args` as text is sent as it is, readable or not."""

    name: str
    args: dict[str, Any] | str
    id: str = "toolu_1"

    @property
    def json(self) -> str:
        return self.args if isinstance(self.args, str) else json.dumps(self.args)


@dataclass(frozen=True)
class Turn:
    """A whole answer. `usage` None: the server reports none (only chat completions can)."""

    text: str = ""
    thinking: str = ""
    calls: Sequence[Call] = ()
    stop: str | None = None
    usage: dict[str, Any] | None = field(default_factory=lambda: {"input": 1200, "output": 80, "read": 0, "written": 0})


def pieces(text: str) -> list[str]:
    """Three pieces, cut without regard to words or JSON."""
    size = max(1, -(-len(text) // 3))
    return [text[start : start + size] for start in range(0, len(text), size)]

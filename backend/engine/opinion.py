"""A second opinion: another model reads what was asked for and the diff, nothing else, and remarks on a few lines."""

import re
from collections.abc import Sequence
from typing import Any

from backend.engine import limits, prompts
from backend.engine.toolspecs import FINDING, argument_fault
from backend.providers.base import Final, Message, Request, Text, ToolSpec
from backend.providers.tokens import estimate_tokens

MOST = 5  # findings
MOST_WORDS = 1_000  # characters of one
OUTPUT = 4_000  # tokens of the answer, thoughts included
REMARK = ToolSpec(
    "remark",
    "Hands over your findings; an empty list where you have none.",
    {
        "type": "object",
        "properties": {"findings": {"type": "array", "items": FINDING}},
        "required": ["findings"],
    },
)


def request(
    model: str, asked: str, patches: Sequence[str], *, window: int, output: int, run_key: str
) -> tuple[Request, int]:
    """The one call, and how many of the patches did not fit into the window of so many tokens."""
    system, said = prompts.second_opinion(), f"The person asked for:\n\n{_fenced(asked)}\n\nThe diff:\n\n"
    room = window - output - limits.overhead_tokens(system, [REMARK]) - estimate_tokens(said) - 100
    taken: list[str] = []
    for patch in patches:
        room -= estimate_tokens(patch)
        if room < 0:
            break
        taken.append(patch)
    left_out = len(patches) - len(taken)
    note = f"\n\n({left_out} more changed files did not fit.)" if left_out else ""
    words = f"{said}{_fenced(''.join(taken))}{note}"
    return Request(model, system, [REMARK], [Message("user", (Text(words),))], output, run_key=run_key), left_out


def findings(final: Final) -> list[dict[str, Any]] | None:
    """What the model remarked on, at most five; None where it handed over nothing that can be read."""
    call = next((call for call in final.message.tool_calls if call.name == REMARK.name), None)
    if call is None or argument_fault([REMARK], call):
        return None
    given = (call.args or {})["findings"]
    return [{**one, "text": one["text"][:MOST_WORDS]} for one in given[:MOST]]


def _fenced(text: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"

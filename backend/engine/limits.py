"""What a run may use, and the arithmetic that says so before the paid call, never after it."""

from dataclasses import dataclass

from backend.providers.base import IMAGE_TOKENS, Image, Message, Prices, Text, Thinking, ToolCall, ToolResult, ToolSpec
from backend.providers.tokens import MESSAGE_TOKENS, TOOLS_TOKENS, estimate_tokens

WRAP_UP_AT = 0.9  # of the steps or the time: what is left pays one turn that hands the work over
MIN_OUTPUT = 1_024  # tokens; an answer that may be shorter than this is not worth asking for
WRAP_UP_OUTPUT = 1_500  # tokens kept payable inside the hold for the wrap-up turn …
WRAP_UP_INPUT = 2_000  # … and for the tool results that come before it

NUDGE_AT_SAME = 3
STUCK_AT_SAME = 5
SILENT_TURNS = 3
MALFORMED_TURNS = 3

TRIES = 8
BACK_OFF_SECONDS = 15 * 60.0  # all waits of our own choosing for one answer together
LONGEST_WAIT = 60.0  # a provider that asks for more gets the run parked instead of a worker that sleeps


@dataclass(frozen=True)
class RunLimits:
    """`steps` are model turns, `seconds` are working time; both of one run."""

    steps: int = 80
    seconds: int = 3600


def message_tokens(message: Message) -> int:
    """The estimate for a whole message."""
    return sum(_part_tokens(part) for part in message.parts) + MESSAGE_TOKENS


def overhead_tokens(system: str, specs: list[ToolSpec]) -> int:
    """The estimate for what stands before the messages in every call."""
    words = sum(estimate_tokens(f"{spec.name}{spec.description}{spec.parameters}") for spec in specs)
    return estimate_tokens(system) + words + (TOOLS_TOKENS if specs else 0)


def _part_tokens(part: Text | Thinking | ToolCall | ToolResult | Image) -> int:
    match part:
        case Text() | Thinking() | ToolResult():
            return estimate_tokens(part.text)
        case ToolCall():
            return estimate_tokens(part.name + str(part.args) + part.broken)
        case Image():
            return IMAGE_TOKENS


def affordable_output(prices: Prices, *, left_micro: int, input_tokens: int, wanted: int, is_last: bool) -> int:
    """How many output tokens the rest of the hold surely pays beside this input; at most `wanted`, 0 for none.

    Nothing is assumed to come from a cache. Unless the call is the run's last, as much is kept back as a wrap-up turn
    after it costs.
    """
    now, last = prices.at(input_tokens), prices.at(input_tokens + WRAP_UP_INPUT + wanted)
    left = left_micro * 1_000_000 - input_tokens * _dearest_input(now)
    if not is_last:
        left -= (input_tokens + WRAP_UP_INPUT) * _dearest_input(last) + WRAP_UP_OUTPUT * last.output
    if left < 0:
        return 0
    # The answer is read again by the wrap-up turn, so that its tokens cost both prices.
    per_token = now.output + (0 if is_last else _dearest_input(last))
    return wanted if per_token == 0 else min(wanted, left // per_token)


def _dearest_input(prices: Prices) -> int:
    return max(prices.input, prices.cache_write)

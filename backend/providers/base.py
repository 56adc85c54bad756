"""What every provider speaks: neutral messages in, deltas and one final message out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from backend.errors import AsyncCoderError
from backend.words import Failure

IMAGE_TOKENS = 1_600  # Anthropic's documentation on vision: width × height / 750, at most about this much
MOST_TOKENS = 100_000_000  # of one call, far above every window there is


@dataclass(frozen=True)
class Text:
    """Words, from the person or from the model."""

    text: str


@dataclass(frozen=True)
class Thinking:
    """The model's visible reasoning; only its own provider gets it back, through `Message.raw`."""

    text: str


@dataclass(frozen=True)
class ToolCall:
    """The model asks for a tool. `args` is None where its JSON could not be read; `broken` keeps the text then."""

    id: str
    name: str
    args: dict[str, Any] | None
    broken: str = ""


@dataclass(frozen=True)
class ToolResult:
    """What a tool answered to the call of that id."""

    call_id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Image:
    """A picture the person attached; `data` is the raw bytes."""

    media_type: str
    data: bytes


Part = Text | Thinking | ToolCall | ToolResult | Image


@dataclass(frozen=True)
class Message:
    """One turn. `raw` is the provider's own assistant content as JSON bytes, given back to that provider unchanged."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]
    raw: bytes | None = None
    raw_provider: str | None = None

    @property
    def text(self) -> str:
        """All text parts, joined by newlines."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls, in the model's order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


@dataclass(frozen=True)
class ToolSpec:
    """A tool as the model sees it; `parameters` is a JSON schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Usage:
    """Tokens of one call. `input_total` includes the cached parts (Anthropic's adapter adds them).

    `estimated`: the provider reported nothing, and these figures were counted from the characters.
    """

    input_total: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False


def counted(value: Any) -> int:
    """Tokens as a provider reports them. What is no number, or below nothing, counts as none; more than any call can
    have as `MOST_TOKENS`: a server that miscounts must neither pay a person back nor overflow a column."""
    if not isinstance(value, int | float) or not value > 0:
        return 0
    return int(min(value, MOST_TOKENS))


@dataclass(frozen=True)
class Prices:
    """Micro-dollars (10⁻⁶ US dollars) per million tokens, so that all arithmetic stays in integers.

    `dearer` are the prices of long inputs: a call whose input is longer than one's `above` costs those for all its
    tokens, as the providers have it.
    """

    input: int
    output: int
    cache_read: int
    cache_write: int
    above: int = 0  # tokens of input
    dearer: tuple["Prices", ...] = ()

    def at(self, input_tokens: int) -> "Prices":
        """The prices of a call with that much input."""
        reached = [price for price in self.dearer if input_tokens > price.above]
        return max(reached, key=lambda price: price.above, default=self)

    def cost_micro(self, usage: Usage) -> int:
        """What a call cost in micro-dollars, rounded up once."""
        price = self.at(usage.input_total)
        plain = usage.input_total - usage.cache_read - usage.cache_write
        total = (
            plain * price.input
            + usage.cache_read * price.cache_read
            + usage.cache_write * price.cache_write
            + usage.output * price.output
        )
        return -(-total // 1_000_000)


@dataclass(frozen=True)
class Delta:
    """Text as it streams; never stored, replaced by the final message."""

    text: str
    kind: Literal["text", "thinking"] = "text"


@dataclass(frozen=True)
class Final:
    """The whole answer of one call."""

    message: Message
    usage: Usage
    stop_reason: Literal["end", "tool_use", "max_tokens", "refusal"]


@dataclass(frozen=True)
class Request:
    """One call. `run_key` is stable over a run: a provider may use it to find its prompt cache again."""

    model: str
    system: str
    tools: Sequence[ToolSpec]
    messages: Sequence[Message]
    max_tokens: int
    effort: str | None = None
    run_key: str = ""


class Provider(Protocol):
    """One provider with its key and address. One attempt per call: the engine retries."""

    id: str

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """Yields deltas and, last, exactly one Final. Raises ProviderError and nothing else."""
        ...


class ProviderError(AsyncCoderError):
    """A call did not end well. `retry_after` in seconds where the provider gave it; `may_retry`: it can help."""

    status = 502
    code = "provider_error"

    def __init__(self, failure: Failure, sentence: str, *, may_retry: bool, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.may_retry = may_retry
        self.retry_after = retry_after

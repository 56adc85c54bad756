"""What the agent is given, whom it talks to, and what it gives back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from backend.engine.limits import RunLimits
from backend.providers.base import Image, Prices
from backend.words import EventKind, TaskType


@dataclass(frozen=True)
class Assignment:
    """What is to be done, by which model, and what it may cost. Money in micro-dollars, sizes in tokens.

    `picture` gives the image that the log names, None where there is none to show.
    """

    task_type: TaskType
    prompt: str
    model: str
    prices: Prices
    context_window: int
    max_output: int
    hold_micro: int
    run_key: str
    guidance: str = ""
    subject: str = ""  # the pull request that a review looks at, quoted
    effort: str | None = None  # low, medium or high, where the model can be told
    limits: RunLimits = field(default_factory=RunLimits)
    picture: Callable[[str], Image | None] = lambda image_id: None


@dataclass(frozen=True)
class QueuedMessage:
    """What the person wrote while the run ran; `images` as the log names them."""

    id: str
    text: str
    images: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Orders:
    """The person's present wishes, and the hold as it now stands."""

    cancelled: bool
    finish_now: bool
    hold_micro: int
    messages: Sequence[QueuedMessage] = ()


class Withdrawn(Exception):
    """The person took a message back before it was read: it is as if it had never been sent."""


class Recorder(Protocol):
    """Where the log goes.

    Raises StaleFence when this worker no longer has the run: nothing here may catch it. Raises Withdrawn for a message
    that was taken back, which leaves no entry.
    """

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Stores one entry; durable when it returns."""
        ...

    def delta(self, text: str, kind: str) -> None:
        """Shows text as it streams; not stored."""
        ...


class Control(Protocol):
    """Where the person's orders come from."""

    def poll(self) -> Orders:
        """The orders as they stand; asked before every call and during waits."""
        ...


@dataclass(frozen=True)
class Ending:
    """How a run's work ended. `reason`: why it was not the model's own finish; `until`: when a parked run goes on;
    `heard`: the orders that were acted on."""

    kind: Literal["finished", "parked", "cancelled"]
    text: str
    title: str
    cost_micro: int
    reason: str | None
    until: datetime | None
    steps: int
    findings: tuple[dict[str, Any], ...] = ()
    heard: Orders | None = None

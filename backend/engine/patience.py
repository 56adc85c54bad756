"""One answer from a provider, however often it has to be asked; each wait is seen, and ends when the person cancels."""

import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backend import clock
from backend.engine import limits
from backend.errors import RunFailed
from backend.providers.base import Delta, Final, Provider, ProviderError, Request
from backend.words import Failure

_TICK = 0.2  # seconds between two looks at the cancel flag
_DELTA_EVERY, _DELTA_CHARS = 0.1, 4_000


class Cancelled(Exception):
    """The person cancelled while we waited."""


class LongWait(Exception):
    """The provider asks for more patience than a worker has; the run can go on at `until`."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason


@dataclass
class Seams:
    """Time and chance, for tests to replace."""

    now: Callable[[], datetime] = clock.now
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform


@dataclass
class Patience:
    """How answers are awaited: who hears of text and waits, and who may end them."""

    on_delta: Callable[[str, str], None]
    on_wait: Callable[[str, datetime, int], None]  # reason, until, attempt
    is_cancelled: Callable[[], bool]
    seams: Seams = field(default_factory=Seams)
    tries: int = limits.TRIES

    def answer(self, provider: Provider, request: Request) -> Final:
        """The whole answer. Raises Cancelled, LongWait, ProviderError where asking again cannot help, and RunFailed."""
        waited, attempt = 0.0, 1
        while True:
            try:
                return self._once(provider, request)
            except ProviderError as error:
                if not error.may_retry:
                    raise
                seconds = self._pause(error, attempt)
                waited += seconds if error.retry_after is None else 0
                if attempt == self.tries or waited > limits.BACK_OFF_SECONDS:
                    raise RunFailed(error.failure, f"{error.failure.sentence} It said last: {error}") from error
                self._wait(error.failure, seconds, attempt)
            attempt += 1

    def _pause(self, error: ProviderError, attempt: int) -> float:
        if error.retry_after is None:
            # Full jitter: AWS Architecture Blog, "Exponential Backoff And Jitter".
            return self.seams.uniform(1.0, min(limits.LONGEST_WAIT, 2.0**attempt))
        if error.retry_after > limits.LONGEST_WAIT:
            raise LongWait(self.seams.now() + timedelta(seconds=error.retry_after), error.failure.value) from error
        return max(0.0, error.retry_after)

    def _wait(self, failure: Failure, seconds: float, attempt: int) -> None:
        self.on_wait(failure.value, self.seams.now() + timedelta(seconds=seconds), attempt)
        end = self.seams.monotonic() + seconds
        while (left := end - self.seams.monotonic()) > 0:
            if self.is_cancelled():
                raise Cancelled
            self.seams.sleep(min(left, 1.0))

    def _once(self, provider: Provider, request: Request) -> Final:
        """Reads the stream in a thread of its own, because a silent provider must not keep us from hearing a cancel."""
        items: queue.SimpleQueue[Delta | Final | BaseException | None] = queue.SimpleQueue()
        abandoned = threading.Event()
        reader = threading.Thread(target=_read, args=(provider.stream(request), items, abandoned), daemon=True)
        reader.start()
        try:
            return self._listen(items)
        finally:
            abandoned.set()

    def _listen(self, items: "queue.SimpleQueue[Delta | Final | BaseException | None]") -> Final:
        final: Final | None = None
        pending = _Deltas(self.on_delta, self.seams.monotonic)
        while True:
            try:
                item = items.get(timeout=_TICK)
            except queue.Empty:
                if self.is_cancelled():
                    raise Cancelled from None
                pending.flush()
                continue
            if isinstance(item, BaseException):
                raise item
            if item is None:
                break
            if isinstance(item, Final):
                final = item
                continue
            pending.add(item)
            if self.is_cancelled():
                raise Cancelled
        pending.flush()
        if final is None:
            raise ProviderError(Failure.MODEL_OVERLOADED, "The answer ended before it was whole.", may_retry=True)
        return final


class _Deltas:
    """Small pieces of streaming text, joined to one message per tenth of a second."""

    def __init__(self, send: Callable[[str, str], None], monotonic: Callable[[], float]) -> None:
        self._send = send
        self._monotonic = monotonic
        self._kind = ""
        self._text = ""
        self._sent_at = monotonic()

    def add(self, delta: Delta) -> None:
        """Takes a piece; sends when it is time, full, or of another kind."""
        if delta.kind != self._kind:
            self.flush()
        self._kind = delta.kind
        self._text += delta.text
        if len(self._text) >= _DELTA_CHARS or self._monotonic() - self._sent_at >= _DELTA_EVERY:
            self.flush()

    def flush(self) -> None:
        """Sends what has gathered, at most 4 KB at once."""
        while self._text:
            self._send(self._text[:_DELTA_CHARS], self._kind)
            self._text = self._text[_DELTA_CHARS:]
        self._sent_at = self._monotonic()


def _read(
    stream: Iterator[Delta | Final],
    items: "queue.SimpleQueue[Delta | Final | BaseException | None]",
    abandoned: threading.Event,
) -> None:
    try:
        for item in stream:
            if abandoned.is_set():
                return
            items.put(item)
        items.put(None)
    except BaseException as error:  # it is not answered here but raised again in the thread that waits
        items.put(error)

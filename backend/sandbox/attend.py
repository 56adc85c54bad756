"""Attends a started command: feeds and drains its pipes, asks the watchdog, and ends when the whole tree has ended."""

import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backend.sandbox.base import KilledBy
from backend.sandbox.watchdog import Watchdog

TICK = 0.1  # seconds between two questions to the watchdog
_DRAIN = 2.0  # seconds that output may still come after the tree was killed
_CHUNK = 1 << 16


@dataclass
class Stream:
    """What came out of one pipe, up to `keep` bytes; the rest is read and dropped."""

    keep: int
    chunks: list[bytes] = field(default_factory=list)
    kept: int = 0
    truncated: bool = False

    def take(self, data: bytes) -> None:
        """Keeps what still fits."""
        room = self.keep - self.kept
        if len(data) > room:
            self.truncated = True
            data = data[:room]
        if data:
            self.chunks.append(data)
            self.kept += len(data)

    @property
    def data(self) -> bytes:
        """All that was kept."""
        return b"".join(self.chunks)


@dataclass(frozen=True)
class Attended:
    """Both streams and, where the watchdog ended the command, its word."""

    stdout: Stream
    stderr: Stream
    killed_by: KilledBy | None


def attend(
    child: subprocess.Popen[bytes],
    *,
    stdin: bytes,
    keep: int,
    watchdog: Watchdog,
    kill: Callable[[], None],
    listeners: Mapping[int, Callable[[bytes], None]] | None = None,
) -> Attended:
    """Returns when the command has ended and its pipes are dry, or the watchdog spoke; nothing of the tree is left.

    `kill` ends the whole tree and may be called more than once. `listeners` are further descriptors to read, whose
    bytes are handed on; they are closed here. What the watchdog raises goes through, with the tree dead.
    """
    out, err = Stream(keep), Stream(keep)
    readers: dict[int, Callable[[bytes], None]] = dict(listeners or {})
    for pipe, stream in ((child.stdout, out), (child.stderr, err)):
        if pipe:
            readers[pipe.fileno()] = stream.take
    pump = _Pump(child, readers, stdin)
    try:
        killed_by = _until_end(pump, watchdog)
    finally:
        kill()
        pump.drain(time.monotonic() + _DRAIN)
        pump.close()
        child.wait()
    return Attended(out, err, killed_by)


def _until_end(pump: "_Pump", watchdog: Watchdog) -> KilledBy | None:
    next_look = 0.0
    while not pump.has_ended:
        now = time.monotonic()
        if now >= next_look:
            if word := watchdog():
                return word
            next_look = now + TICK
        pump.turn(max(0.0, next_look - now))
    return watchdog.at_end()


class _Pump:
    """The poll loop over a command's pipes and its end."""

    def __init__(
        self, child: subprocess.Popen[bytes], readers: dict[int, Callable[[bytes], None]], stdin: bytes
    ) -> None:
        self.child = child
        self.has_ended = False
        self._readers = readers
        self._left = memoryview(stdin)
        self._is_feeding = False
        self._poll = select.poll()
        # macOS has no pidfd: there the end is looked for at every turn, which is then short.
        self._end = os.pidfd_open(child.pid) if hasattr(os, "pidfd_open") else None
        for descriptor in readers:
            os.set_blocking(descriptor, False)
            self._poll.register(descriptor, select.POLLIN)
        if self._end is not None:
            self._poll.register(self._end, select.POLLIN)
        if child.stdin:
            os.set_blocking(child.stdin.fileno(), False)
            self._feed()

    def turn(self, timeout: float) -> None:
        """Waits for the next thing to happen, at most `timeout` seconds, and deals with it."""
        if self._end is None:
            timeout = min(timeout, 0.02)
            self.has_ended = self.child.poll() is not None
        for descriptor, _ in self._poll.poll(timeout * 1000):
            if descriptor == self._end:
                self.has_ended = True
                self._poll.unregister(descriptor)
            elif descriptor in self._readers:
                self._read(descriptor)
            else:
                self._feed()

    def drain(self, deadline: float) -> None:
        """Reads until every pipe is dry or the deadline has come."""
        while self._readers and (left := deadline - time.monotonic()) > 0:
            self.turn(left)

    def close(self) -> None:
        """Closes whatever is still open."""
        for descriptor in list(self._readers):
            self._forget(descriptor)
        if self._end is not None:
            os.close(self._end)
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            if pipe and not pipe.closed:
                pipe.close()

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._readers[descriptor](data)
        else:
            self._forget(descriptor)

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._readers[descriptor]
        for pipe in (self.child.stdout, self.child.stderr):
            if pipe and not pipe.closed and pipe.fileno() == descriptor:
                return pipe.close()
        os.close(descriptor)

    def _feed(self) -> None:
        pipe = self.child.stdin
        if pipe is None or pipe.closed:
            return
        try:
            while self._left:
                self._left = self._left[os.write(pipe.fileno(), self._left[:_CHUNK]) :]
        except BlockingIOError:
            self._poll.register(pipe.fileno(), select.POLLOUT)
            self._is_feeding = True
            return
        except BrokenPipeError:
            self._left = self._left[:0]  # the command did not want it all, which is its right
        if self._is_feeding:
            self._poll.unregister(pipe.fileno())
        pipe.close()

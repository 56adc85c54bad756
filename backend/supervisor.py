"""The one process behind `up`: ordered start, health, restart with back-off, clean stop.

Every child has a session and so a process group of its own: Ctrl-C reaches this process alone, and a group can be
killed whole. `launch.py` asks the kernel to end each child when this process is gone.
"""

import asyncio
import math
import os
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

from backend.data_dir import Record
from backend.errors import AsyncCoderError
from backend.parts import Part

POLL_SECONDS = 0.05
WATCH_SECONDS = 0.2  # while nothing is expected to happen
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
SETTLED_SECONDS = 60.0  # a part that lived this long starts again with the first pause
LONGEST_LINE = 64 * 1024
# What a part was told by strangers must not reach the terminal as orders to it.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # a closed terminal ends us as Ctrl-C does


class PartFailed(AsyncCoderError):
    """A part did not come up; the sentence ends with its own last words."""

    code = "part_failed"


class Child:
    """A part's process, its last lines, and the task that reads them."""

    def __init__(self, part: Part, say: Callable[[str, str], None]) -> None:
        self.part = part
        self.lines: deque[str] = deque(maxlen=20)
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def spawn(self, cwd: str) -> int:
        """Starts the program and gives its pid."""
        self._process = await asyncio.create_subprocess_exec(
            *self.part.command(),
            stdin=asyncio.subprocess.PIPE if self.part.starts_early else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self.part.env},
            cwd=cwd,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(self._process))
        return self._process.pid

    def go(self) -> None:
        """Tells a part that started early that its turn has come."""
        stdin = self._process.stdin if self._process else None
        if stdin is not None and not stdin.is_closing():
            stdin.write(b"go\n")
            stdin.close()

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs. Before its first start it counts as ended."""
        return self._process.returncode if self._process else 0

    @property
    def how(self) -> str:
        """How it ended, for a sentence."""
        code = self.returncode or 0
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def ended(self, seconds: float = math.inf) -> bool:
        """Waits for the end; False when it has not come within `seconds`.

        Process.wait() would also wait for every grandchild that holds the output's pipe, so the code is polled.
        """
        deadline = time.monotonic() + seconds
        pause = POLL_SECONDS if math.isfinite(seconds) else WATCH_SECONDS
        while self.returncode is None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(pause)
        return True

    def send(self, number: int) -> None:
        """A signal to the program itself."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def kill_group(self) -> None:
        """KILL to whatever is left of its group, then what it still had to say."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # PermissionError is macOS's word for a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)
        await self.ended(2)
        if self._reading:
            await asyncio.wait({self._reading}, timeout=0.2)
            self._reading.cancel()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._heard(line)
        if rest:
            self._heard(rest)

    def _heard(self, line: bytes) -> None:
        text = _UNPRINTABLE.sub("\ufffd", _COLOURS.sub("", line.decode(errors="replace"))).rstrip()
        if not text:
            return
        self.lines.append(text)
        if self.part.is_noise is None or not self.part.is_noise(text):
            self._say(self.part.name, text)


class Supervisor:
    """Keeps the given parts running, in their order, until a signal or `stop()`.

    `say(name, text)` shows a line of a part, `tell(text)` one of our own; `ready` is told when all parts are up.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        record: Record,
        say: Callable[[str, str], None],
        tell: Callable[[str], None],
        ready: str = "",
        cwd: str = ".",
    ) -> None:
        self._children = [Child(part, say) for part in parts]
        self._record = record
        self._tell = tell
        self._ready = ready
        self._cwd = cwd
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self, then: Callable[[], Coroutine[None, None, None]] | None = None) -> None:
        """Returns after a clean stop; `then` runs once when all parts are up.

        Raises PartFailed, everything else stopped, when a part does not come up.
        """
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.stop)
        starting = asyncio.create_task(self._start_all())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                if then is not None:
                    self._keepers.append(asyncio.create_task(then()))
                await stopping
        finally:
            starting.cancel()
            stopping.cancel()
            await self._stop_all()
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Asks for a clean stop; asked again, for a stop without patience."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _start_all(self) -> None:
        for child in self._children:
            if child.part.starts_early:
                await self._spawn(child)
        for child in self._children:
            begun = time.monotonic()
            if child.part.is_needed is None or await asyncio.to_thread(child.part.is_needed):
                await self._start(child)
            took = time.monotonic() - begun
            self._tell(f"{child.part.name:<10} {child.part.summary or 'up'} ({took:.1f} s)")
            if not child.part.is_once:
                self._keepers.append(asyncio.create_task(self._keep(child)))
        if self._ready:
            self._tell(self._ready)

    async def _start(self, child: Child) -> None:
        part = child.part
        if child.returncode is not None:
            await self._spawn(child)
        child.go()
        if part.is_once:
            await self._finished(child)
            return
        await self._healthy(child)
        if part.on_ready is not None:
            await asyncio.to_thread(part.on_ready)

    async def _spawn(self, child: Child) -> None:
        try:
            pid = await child.spawn(self._cwd)
        except OSError as error:
            raise PartFailed(f"{child.part.name} cannot be started: {error.strerror}.") from error
        self._record.add(child.part.name, pid, child.part.stop_signal)

    async def _finished(self, child: Child) -> None:
        is_over = await child.ended(child.part.start_seconds)
        code = child.returncode
        await child.kill_group()
        if not is_over:
            raise PartFailed(f"{child.part.name} took longer than {child.part.start_seconds:.0f} s.")
        if code:
            raise PartFailed(_failure(child))

    async def _healthy(self, child: Child) -> None:
        health = child.part.health
        deadline = time.monotonic() + child.part.start_seconds
        while child.returncode is None and time.monotonic() < deadline:
            if health is None or await asyncio.to_thread(health):
                return
            await asyncio.sleep(POLL_SECONDS)
        if child.returncode is None:
            words = f"{child.part.name} does not answer within {child.part.start_seconds:.0f} s."
        else:
            await asyncio.sleep(POLL_SECONDS)  # its last words are still on their way
            words = _failure(child)
        raise PartFailed(words)

    async def _keep(self, child: Child) -> None:
        """Starts the part again whenever it ends, later each time it ends soon."""
        pause = FIRST_PAUSE
        while True:
            born = time.monotonic()
            await child.ended()
            if self._stop.is_set():
                return
            if time.monotonic() - born > SETTLED_SECONDS:
                pause = FIRST_PAUSE
            self._tell(f"{child.part.name:<10} ended ({child.how}); again in {pause:g} s")
            await child.kill_group()  # a server's worker may outlive it and keep the port
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                await self._start(child)
            except AsyncCoderError as error:
                self._tell(f"{child.part.name:<10} {error}")
                await child.kill_group()
            else:
                self._tell(f"{child.part.name:<10} is back")

    async def _stop_all(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        clients = [child for child in self._children if not child.part.is_server]
        servers = [child for child in self._children if child.part.is_server]
        for group in (clients, servers):
            await asyncio.gather(*(self._end(child) for child in group))

    async def _end(self, child: Child) -> None:
        child.send(child.part.stop_signal)
        ending = asyncio.create_task(child.ended(child.part.stop_seconds))
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({ending, hurry}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        hurry.cancel()
        await child.kill_group()


def _failure(child: Child) -> str:
    lines = list(child.lines) or ["it gave no reason"]
    words = lines[-1].strip()
    if len(lines) > 1 and lines[-1].startswith("  "):  # our own programs say the fix in a line beneath
        words = f"{lines[-2]} {words}"
    return f"{child.part.name} did not start ({child.how}): {words}"

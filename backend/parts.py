"""A part: one program that something of ours starts, watches and ends."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Part:
    """One program and how it lives. Times in seconds.

    `health()` asks whether it serves; without one it serves as soon as it runs. `on_ready()` is called each time it has
    become healthy. `stop_signal` is its clean end; `death_signal` is what the kernel sends it when we are gone. A part
    with `is_once` has to end with 0 before the next one starts, unless `is_needed()` says at its turn that it need not
    start at all. One that `starts_early` is started with the first, and
    told by a line on its stdin when its turn to serve has come. Lines that `is_noise` are not shown. `launch_options`
    go to `launch.py`. What is said of it when it is ready is `summary`.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    health: Callable[[], bool] | None = None
    on_ready: Callable[[], None] | None = None
    death_signal: int = SIGTERM
    stop_signal: int = SIGTERM
    start_seconds: float = 30
    stop_seconds: float = 4
    is_once: bool = False
    is_needed: Callable[[], bool] | None = None
    starts_early: bool = False
    is_noise: Callable[[str], bool] | None = None
    is_server: bool = False  # others need it until their own end: it is stopped last
    launch_options: tuple[str, ...] = ()
    summary: str = ""

    def command(self) -> tuple[str, ...]:
        """The argv that starts it by way of the launcher, as a child of this very process."""
        return launched(self.argv, death_signal=self.death_signal, options=self.launch_options)


def launched(argv: tuple[str, ...], *, death_signal: int, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The argv that starts `argv` as a child of this process which the kernel ends together with it."""
    return (
        sys.executable, "-I", "-S", str(LAUNCHER), "--parent", str(os.getpid()),
        "--death-signal", str(int(death_signal)), *options, "--", *argv,
    )  # fmt: skip

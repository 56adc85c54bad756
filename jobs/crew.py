"""Many workers from one process: what they import is read once, and each is a fork that shares it.

A hundred workers that import for themselves hold a hundred megabytes each and take two minutes of two cores to start.
"""

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backend import log

_PR_SET_PDEATHSIG = 1  # prctl(2)
_STOPS = (signal.SIGTERM, signal.SIGINT)
_LOOK_SECONDS = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_SETTLED_SECONDS = 60.0  # a worker that lived this long starts again with the first pause
_log = log.get(__name__)


def die_with(parent: int) -> None:
    """From now on this process is killed when the one that forked it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # not "is it 1": in a container the parent itself may be process 1
        os._exit(1)  # it was gone before the bond was made


def settle() -> None:
    """What is in memory now stays shared with every fork: the garbage collector does not touch it again."""
    gc.collect()
    gc.freeze()


@dataclass
class _Place:
    """One worker's; `due` is when the next one is forked, on the monotonic clock."""

    pid: int = 0
    born: float = 0.0
    due: float = 0.0
    pause: float = _FIRST_PAUSE


class Crew:
    """Keeps so many forks at `work(place)`, places from 0 on; one that ends untold is followed by another, later each
    time."""

    def __init__(self, count: int, work: Callable[[int], None]) -> None:
        self._places = [_Place() for _ in range(count)]
        self._work = work
        self._stop = threading.Event()
        self._told = 0

    def lead(self) -> None:
        """Returns once a signal has come and all have ended. They are told as this process is, each time it is."""
        for number in _STOPS:
            signal.signal(number, self._hear)
        while not self._stop.is_set():
            self._reap()
            self._fill()
            self._stop.wait(_LOOK_SECONDS)
        passed_on = 0
        while any(place.pid for place in self._places):
            if passed_on < self._told:
                passed_on += 1
                self._tell()
            self._reap()
            time.sleep(_LOOK_SECONDS / 4)

    def _hear(self, *_: Any) -> None:
        self._told += 1
        self._stop.set()

    def _tell(self) -> None:
        for place in self._places:
            if place.pid:
                os.kill(place.pid, signal.SIGTERM)  # not reaped yet, so the number is still its own

    def _fill(self) -> None:
        for number, place in enumerate(self._places):
            if not place.pid and time.monotonic() >= place.due and not self._stop.is_set():
                place.pid, place.born = self._fork(number), time.monotonic()

    def _reap(self) -> None:
        for place in self._places:
            if place.pid and os.waitpid(place.pid, os.WNOHANG)[0]:
                self._note_end(place)

    def _note_end(self, place: _Place) -> None:
        now = time.monotonic()
        place.pause = _FIRST_PAUSE if now - place.born > _SETTLED_SECONDS else place.pause
        if not self._stop.is_set():
            _log.warning("a worker ended, another follows", pid=place.pid, seconds=place.pause)
        place.pid, place.due = 0, now + place.pause
        place.pause = min(place.pause * 2, _LONGEST_PAUSE)

    def _fork(self, place: int) -> int:
        leader = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # what comes before the fork is itself must not be lost on it
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            return pid
        code = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C reaches the leader alone, who passes it on: twice were a stop without patience
            for number in _STOPS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            die_with(leader)
            self._work(place)
            code = 0
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
        except BaseException:
            _log.exception("a worker broke")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

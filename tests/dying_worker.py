"""A run worker that kills itself at a named point: `python -m tests.dying_worker [POINT]`.

Without a point it works to the end. It takes one run as the real worker does. The points are places between two lines
where a power cut could strike.
"""

import os
import signal
import sys
import threading
from typing import Any

from sqlmodel import Session

import jobs.tasks
from backend import log
from backend.engine.assignment import Ending
from backend.providers.demo import DemoProvider
from backend.services import executor, handover
from backend.services.handover import Commit, Handover
from backend.services.recorder import Recorder
from backend.words import EventKind

POINTS = (
    "after_a_model_answer",
    "in_a_command",
    "before_the_commit",
    "after_the_push",
    "after_the_pull_request",
    "before_the_settlement_ends",
)


def die() -> None:
    """Ends this process as the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingRecorder(Recorder):
    """Dies right after the second turn is stored, or while the first command runs, or once the branch is pushed."""

    point = ""
    turns = 0

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Stores, then may die."""
        super().emit(kind, payload, raw)
        if kind is EventKind.MODEL_TURN:
            self.turns += 1
            if self.point == "after_a_model_answer" and self.turns == 2:
                die()
        if kind is EventKind.TOOL_STARTED and payload["name"] == "run_command" and self.point == "in_a_command":
            threading.Timer(0.05, die).start()

    def once(self, kind: EventKind, payload: dict[str, Any], name: str) -> None:
        """May die before it stores."""
        if kind is EventKind.PUSH and self.point == "after_the_push":
            die()
        super().once(kind, payload, name)


class DyingHandover(Handover):
    """Dies before it commits, or around the transaction that ends the run."""

    point = ""

    def commit(self, ending: Ending) -> Commit | None:
        """May die first."""
        if self.point == "before_the_commit":
            die()
        return super().commit(ending)

    def _end(self, session: Session, *args: Any) -> None:
        if self.point == "after_the_pull_request":
            die()
        super()._end(session, *args)
        if self.point == "before_the_settlement_ends":
            die()


def main(point: str) -> None:
    """Takes one run and works on it, up to the point."""
    if point and point not in POINTS:
        raise SystemExit(f"no such point: {point}")
    log.configure()
    DyingRecorder.point = DyingHandover.point = point
    # In this process alone: the road is the real one but for where it ends.
    vars(executor)["Recorder"] = DyingRecorder
    vars(executor)["open_provider"] = lambda provider_id, **_: DemoProvider(provider_id, pace=0)
    vars(handover)["Handover"] = DyingHandover
    jobs.tasks.look()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")

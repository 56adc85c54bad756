"""A run worker that kills itself at a named point: `python -m tests.dying_worker [POINT]`.

Without a point it works to the end. It takes one run as the real worker does. The points are places between two lines
where a power cut could strike.
"""

import os
import signal
import sys
import threading
from typing import Any
from uuid import UUID

from sqlmodel import Session

import jobs.tasks
from backend import log
from backend.providers import open_provider
from backend.providers.base import Provider
from backend.providers.demo import DemoProvider
from backend.services import executor, runs, workplace
from backend.services.recorder import Recorder
from backend.services.runs import End
from backend.words import EventKind

POINTS = (
    "after_a_model_answer",
    "in_a_command",
    "before_the_commit",
    "after_the_push",
    "after_the_pull_request",
    "before_the_settlement_ends",
)
# Of a task that is planned first; the others' workers pass them by.
PLAN_POINTS = ("after_the_plan_is_proposed", "after_the_plan")


def die() -> None:
    """Ends this process as the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingRecorder(Recorder):
    """Dies right after the second turn or the finish is stored, while the first command runs, or after the push."""

    point = ""
    turns = 0

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Stores, then may die."""
        super().emit(kind, payload, raw)
        if kind is EventKind.MODEL_TURN:
            self.turns += 1
            if self.point == "after_a_model_answer" and self.turns == 2:
                die()
        is_done = kind is EventKind.TOOL_RESULT and payload["name"] == "finish" and not payload["is_error"]
        if is_done and self.point == "before_the_commit":
            die()
        if kind is EventKind.TOOL_RESULT and payload["name"] == "propose_plan" and self.point == PLAN_POINTS[0]:
            die()
        if kind is EventKind.PLAN and self.point == PLAN_POINTS[1]:
            die()
        if kind is EventKind.TOOL_STARTED and payload["name"] == "run_command" and self.point == "in_a_command":
            threading.Timer(0.05, die).start()

    def once(self, kind: EventKind, payload: dict[str, Any], name: str) -> None:
        """May die before it stores."""
        if kind is EventKind.PUSH and self.point == "after_the_push":
            die()
        super().once(kind, payload, name)


_TRUE_END = runs.end


def end(session: Session, run_id: UUID, fence: int, how: End) -> None:
    """May die before the transaction that ends the run says so, or before it is durable."""
    if DyingRecorder.point == "after_the_pull_request":
        die()
    _TRUE_END(session, run_id, fence, how)
    if DyingRecorder.point == "before_the_settlement_ends":
        die()


def provider(provider_id: str, **given: Any) -> Provider:
    """The true one; the scripted one does not wait between its words."""
    return DemoProvider(provider_id, pace=0) if provider_id == "demo" else open_provider(provider_id, **given)


def main(point: str) -> None:
    """Takes one run and works on it, up to the point."""
    if point and point not in (*POINTS, *PLAN_POINTS):
        raise SystemExit(f"no such point: {point}")
    log.configure()
    DyingRecorder.point = point
    # In this process alone: the road is the real one but for where it ends.
    vars(workplace)["Recorder"] = DyingRecorder
    vars(executor)["open_provider"] = provider
    vars(runs)["end"] = end
    jobs.tasks.look()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")

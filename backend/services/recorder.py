"""Writes what the engine does into the log: each stored event a short transaction under the fence, then a ring."""

from collections.abc import Callable
from typing import IO, Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, events, jsonb
from backend.db import patiently
from backend.engine.assignment import Withdrawn
from backend.engine.tools import WITH_EFFECTS
from backend.models import Artifact, Task, TaskEvent, TaskMessage, TaskRun
from backend.services import attachments, notices, runs
from backend.services.claims import Claim
from backend.services.credits import WARN_AT, buys, in_dollars
from backend.words import EventKind
from backend.workspace.packing import MAX_UNPACKED, Packed, pack, pack_files

CHECKPOINT = "checkpoint"
PATCH = "patch"
MAX_ARTIFACT = 20_000_000  # bytes, compressed
TOO_LARGE = "checkpoint_too_large"
_MEGABYTES = f"{MAX_ARTIFACT // 1_000_000} MB"
_TOO_LARGE = f"The changes are over {_MEGABYTES} now, too large for a checkpoint: the last one before stands."
_CUT = (
    f"The patch is cut off at {_MEGABYTES}, compressed, or {MAX_UNPACKED // 1_000_000} MB as it is: what did not fit is"
    " left out."
)


class Recorder:
    """The engine's pen for one claim. Every method raises StaleFence once the run belongs to another worker.

    `checkpoint` gives the tree's id and its binary diff, None for one too large, when a step changed files: it is
    stored with the step's result, in one transaction, so that the log and the files never disagree.
    """

    def __init__(
        self, task_id: UUID, claim: Claim, checkpoint: Callable[[], tuple[str, bytes | None] | None] | None = None
    ) -> None:
        self._task_id = task_id
        self._claim = claim
        self._checkpoint = checkpoint
        self._is_behind = False  # whether the files have grown over what a checkpoint may hold

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Stores one event durably, waiting while the database is away."""
        may_change_files = kind is EventKind.TOOL_RESULT and payload["name"] in WITH_EFFECTS
        saved = self._checkpoint() if may_change_files and self._checkpoint else None
        note_id = uuid4()
        event_id = uuid4()

        def store(session: Session) -> None:
            if self._append(session, kind, payload, raw, event_id) is None:
                return
            if "cost_micro" in payload:  # a turn, or the summary that a full window needed
                self._count(session, payload, steps=int(kind is EventKind.MODEL_TURN))
            if kind is EventKind.USER_MESSAGE:
                self._take(session, payload)
            if saved is not None and saved[1] is not None:
                self._save(session, saved[0], saved[1])
            elif saved is not None and not self._is_behind:
                self._append(session, EventKind.NOTE, {"text": _TOO_LARGE, "code": TOO_LARGE}, None, note_id)

        patiently(store)
        if saved is not None:
            self._is_behind = saved[1] is None

    def once(self, kind: EventKind, payload: dict[str, Any], name: str) -> None:
        """Stores an event of which the run has one by that name: a second time it is not written."""
        fitting = jsonb.fit(payload)
        patiently(lambda session: self._append(session, kind, fitting, None, uuid5(self._claim.run_id, name)))

    def paid_once(self, kind: EventKind, payload: dict[str, Any], name: str) -> None:
        """As `once`, of a call with `usage` and `cost_micro`, which count for the run; it is no step of its own."""
        fitting = jsonb.fit(payload)

        def store(session: Session) -> None:
            if self._append(session, kind, fitting, None, uuid5(self._claim.run_id, name)) is not None:
                self._count(session, fitting, steps=0)

        patiently(store)

    def found(self, name: str) -> dict[str, Any] | None:
        """The payload of the run's event of that name, if an earlier attempt wrote it."""
        event_id = uuid5(self._claim.run_id, name)
        found = patiently(lambda session: session.exec(select(TaskEvent).where(TaskEvent.id == event_id)).first())
        return found.payload if found else None

    def delta(self, text: str, kind: str) -> None:
        """Sends streamed text on; the engine has joined it to a piece per 100 ms. Never stored."""
        events.ring_delta(self._task_id, text, kind)

    def _append(
        self, session: Session, kind: EventKind, payload: dict[str, Any], raw: bytes | None, event_id: UUID
    ) -> int | None:
        return events.append(
            session,
            task_id=self._task_id,
            run_id=self._claim.run_id,
            kind=kind,
            payload=payload,
            raw=raw,
            fence=self._claim.fence,
            event_id=event_id,
        )

    def _count(self, session: Session, payload: dict[str, Any], *, steps: int) -> None:
        usage = payload.get("usage", {})
        run = session.execute(
            sql(
                "UPDATE task_runs SET steps = steps + :steps, cost_micro = cost_micro + :cost,"
                " tokens_input = tokens_input + :input, tokens_cached = tokens_cached + :cached,"
                " tokens_output = tokens_output + :output WHERE id = :id"
                " RETURNING cost_micro, CASE WHEN own_key THEN budget ELSE held END AS may_cost, own_key, margin"
            ),
            {
                "id": self._claim.run_id,
                "steps": steps,
                "cost": payload.get("cost_micro", 0),
                "input": usage.get("input_total", 0),
                "cached": usage.get("cache_read", 0),
                "output": usage.get("output", 0),
            },
        ).one()
        if run.cost_micro >= WARN_AT * buys(run.may_cost, run.margin):
            self._warn(session, run.may_cost, own_key=run.own_key)

    def _warn(self, session: Session, may_cost: int, *, own_key: bool) -> None:
        """Says once that most of what the run may cost is used, and once more where it was allowed more since."""
        whole = in_dollars(may_cost) if own_key else f"{may_cost} credits"
        said = {"text": f"{WARN_AT:.0%} of what this run may cost, {whole}, is used.", "code": "budget_warning"}
        event_id = uuid5(self._claim.run_id, f"warned:{may_cost}")
        if self._append(session, EventKind.NOTE, said, None, event_id) is not None:
            owner = session.exec(select(Task.user_id).where(Task.id == self._task_id)).one()
            notices.tell(session, owner, notices.CREDITS, {"task_id": str(self._task_id), "used": WARN_AT})

    def _take(self, session: Session, payload: dict[str, Any]) -> None:
        # The task is locked by now, as it is for whoever withdraws.
        message = session.get(TaskMessage, UUID(payload["message_id"]))
        if message is None or message.withdrawn_at is not None:
            raise Withdrawn
        message.taken_at, message.run_id = clock.now(), self._claim.run_id
        session.add(message)
        attachments.hand_over(session, self._task_id, self._claim.run_id, [message.id])

    def _save(self, session: Session, tree: str, content: bytes) -> None:
        values = {"content": content, "size": len(content), "created_at": clock.now()}
        session.execute(
            insert(Artifact)
            .values(task_id=self._task_id, run_id=self._claim.run_id, kind=CHECKPOINT, name="", **values)
            .on_conflict_do_update(index_elements=["run_id", "kind", "name"], set_=values)
        )
        self._append(session, EventKind.CHECKPOINT, {"tree": tree, "bytes": len(content)}, None, uuid4())


def latest_checkpoint(session: Session, run_id: UUID) -> bytes | None:
    """The run's last checkpoint, if any step of it changed files."""
    return session.exec(select(Artifact.content).where(Artifact.run_id == run_id, Artifact.kind == CHECKPOINT)).first()


def pack_patch(file: IO[bytes]) -> Packed:
    """A patch as it is kept to download: all of it, or as many whole files as fit."""
    return pack(file, MAX_ARTIFACT) or pack_files(file, MAX_ARTIFACT, f"# {_CUT}\n".encode())


def keep_patch(session: Session, run: TaskRun, patch: Packed) -> None:
    """Keeps the run's changes as a patch to download; the newest one stands."""
    if patch.is_cut:
        runs.record(session, run, EventKind.NOTE, {"text": _CUT, "code": "patch_cut"}, "patch-cut")
    values = {"content": patch.content, "size": patch.size, "created_at": clock.now()}
    session.execute(
        insert(Artifact)
        .values(task_id=run.task_id, run_id=run.id, kind=PATCH, name="", **values)
        .on_conflict_do_update(
            index_elements=[col(Artifact.run_id), col(Artifact.kind), col(Artifact.name)], set_=values
        )
    )

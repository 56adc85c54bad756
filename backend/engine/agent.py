"""The agent: ask the model, do what it says, look again, until something ends it.

Everything that happens is one entry of the log, stored before it counts. A run that starts with a log goes on where
that log ends: a turn in it is never asked again, and so never paid again.
"""

import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal, NoReturn

from backend import jsonb
from backend.engine import context, limits, prompts
from backend.engine.assignment import Assignment, Control, Ending, Orders, QueuedMessage, Recorder, Withdrawn
from backend.engine.calls import PaidCalls, TooDear
from backend.engine.limits import RunLimits
from backend.engine.patience import Cancelled, LongWait, Patience, Seams
from backend.engine.tools import WITH_EFFECTS, Toolbox, ToolOutcome
from backend.engine.transcript import INTERRUPTED, NUDGE, LogEntry, rebuild, with_images, write_turn
from backend.errors import RunFailed
from backend.providers.base import Final, Provider, ProviderError, ToolCall
from backend.words import APPROVAL, EventKind, Failure

__all__ = [
    "Assignment",
    "Control",
    "Ending",
    "LogEntry",
    "Orders",
    "QueuedMessage",
    "Recorder",
    "RunLimits",
    "Seams",
    "run",
]

NOT_RUN = "Not run: the run was cancelled."
_POLL_EVERY = 1.0  # seconds between two looks at the person's orders while something runs
_ENDINGS = {
    "steps": "The run reached its limit of steps and was brought to an end.",
    "time": "The run reached its time limit and was brought to an end.",
    "finish_now": "The run was brought to an end, as asked.",
    "budget": "The budget does not pay for another turn, so the run was brought to an end.",
}


class _Over(Exception):
    """The one way out of the loop that is no failure."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.kind)
        self.ending = ending


def run(
    assignment: Assignment,
    provider: Provider,
    toolbox: Toolbox,
    log: Sequence[LogEntry],
    recorder: Recorder,
    control: Control,
    *,
    seams: Seams | None = None,
) -> Ending:
    """Works on the assignment until it ends. Raises RunFailed, and StaleFence from the recorder."""
    agent = _Agent(assignment, provider, toolbox, log, recorder, control, seams or Seams())
    try:
        agent.work()
    except _Over as over:
        return over.ending
    except Cancelled:
        return agent.ending("cancelled", "The run was cancelled.")
    except LongWait as wait:
        return agent.ending("parked", str(wait), reason=wait.reason, until=wait.until)
    except TooDear:
        return agent.too_dear()
    except ProviderError as error:
        raise RunFailed(error.failure, str(error)) from error


class _Agent:
    def __init__(
        self,
        assignment: Assignment,
        provider: Provider,
        toolbox: Toolbox,
        log: Sequence[LogEntry],
        recorder: Recorder,
        control: Control,
        seams: Seams,
    ) -> None:
        self.job = assignment
        self.toolbox = toolbox
        self.recorder = recorder
        self.control = control
        self.seams = seams
        self.heard = Orders(cancelled=False, finish_now=False, hold_micro=assignment.hold_micro)
        system, specs = prompts.system(assignment.task_type, toolbox.plan_first), toolbox.specs()
        opening = prompts.opening(assignment.task_type, assignment.guidance, assignment.subject)
        self.talk = rebuild(log, opening, limits.overhead_tokens(system, specs), assignment.picture)
        if not self.talk.has_prompt:
            self.talk.apply(LogEntry(EventKind.PROMPT, {"text": assignment.prompt}))
        if self.talk.is_approved:  # only the log says so: no word of the model's opens the toolbox
            toolbox.unlock()
        patience = Patience(recorder.delta, self._note_wait, self._is_cancelled, seams)
        self.calls = PaidCalls(assignment, provider, patience, system, specs)
        self.began = seams.monotonic() - self.talk.worked_seconds
        self._polled_at = seams.monotonic()
        self._was_cancelled = False

    def work(self) -> NoReturn:
        """The loop. Each line looks at the conversation as the log tells it, so that it can begin anywhere."""
        while True:
            self.do_open_calls()
            self.hand_in_the_plan()
            self.hear_the_person()
            self.end_if_over()
            self.mind_the_limits()
            self.make_room()
            self.ask()

    def do_open_calls(self) -> None:
        """Executes what the last turn asked for and has no result yet."""
        failed = False
        for call, was_started in self.talk.open_calls():
            outcome = self._outcome(call, was_started, failed)
            failed = failed or outcome.is_error
            self._record_result(call, outcome)

    def _outcome(self, call: ToolCall, was_started: bool, another_failed: bool) -> ToolOutcome:
        if self._was_cancelled:
            return ToolOutcome(NOT_RUN, is_error=True, summary=f"{call.name}: cancelled")
        if was_started and call.name in WITH_EFFECTS:  # the others are simply done again
            return ToolOutcome(INTERRUPTED, is_error=True, summary=f"{call.name}: interrupted")
        if self.talk.is_wrapped_up and call.name != "finish":
            return ToolOutcome("Not run: the run is ending.", is_error=True, summary=f"{call.name}: not run")
        if self.talk.finish is not None:
            return ToolOutcome("Not run: the run has finished.", is_error=True, summary=f"{call.name}: not run")
        if self.talk.handed_in is not None and call.name in ("finish", "propose_plan"):
            return ToolOutcome("Not run: a plan is handed in.", is_error=True, summary=f"{call.name}: not run")
        if call.name == "finish" and another_failed and not self.talk.is_wrapped_up:
            return ToolOutcome("Not finished: a call of this turn failed. Look at it first.", is_error=True)
        started = {"call_id": call.id, "name": call.name, "args": call.args or {}}
        self._record(EventKind.TOOL_STARTED, jsonb.fit(started))
        return self.toolbox.execute(call, self._is_cancelled)

    def hand_in_the_plan(self) -> None:
        """Writes a plan that was proposed into the log, for the person to decide on: once, wherever a worker died."""
        plan = self.talk.handed_in
        if plan is not None:
            told = {"number": self.talk.plans + 1, "title": " ".join(plan["title"].split())[:200], "text": plan["plan"]}
            self._record(EventKind.PLAN, jsonb.clean(told))

    def hear_the_person(self) -> None:
        """Cancel, a changed hold, messages, finish now: in that order."""
        orders = self.control.poll()
        self.heard = orders
        if orders.cancelled or self._was_cancelled:
            raise Cancelled
        if self.talk.wrap_up or (self.talk.awaits_approval and not orders.finish_now):
            return  # what is said while a plan waits is read with the answer to it
        for message in orders.messages:
            if message.id not in self.talk.taken_messages:
                said = {"text": message.text, "message_id": message.id}
                with suppress(Withdrawn):
                    self._record(EventKind.USER_MESSAGE, said | with_images(message.images))
        if orders.finish_now and self.talk.finish is None:
            self._begin_wrap_up("finish_now", "The person asks you to finish now.")

    def end_if_over(self) -> None:
        """Finished, wrapped up, waiting for approval, silent, refused, stuck, unreadable."""
        talk = self.talk
        if talk.awaits_approval and talk.wrap_up is None:
            raise _Over(self.ending("parked", "The plan waits for its approval.", reason=APPROVAL))
        if talk.finish is not None:
            args = talk.finish
            reason = talk.wrap_up
            findings = tuple(args.get("findings") or ())
            raise _Over(self.ending("finished", args["summary"], args["title"], reason=reason, findings=findings))
        if talk.is_wrapped_up and talk.wrap_up:
            raise _Over(self.ending("finished", self._last_words(talk.wrap_up), reason=talk.wrap_up))
        if talk.stop_reason == "refusal":
            raise _Over(self.ending("finished", talk.last_text or "The model declined to go on.", reason="refusal"))
        if talk.silent_turns >= limits.SILENT_TURNS:
            raise _Over(self.ending("finished", talk.last_text or "The model gave no answer.", reason="no_tool_call"))
        if talk.most_repeated >= limits.STUCK_AT_SAME:
            raise RunFailed(Failure.STUCK)
        if talk.malformed_turns >= limits.MALFORMED_TURNS:
            raise RunFailed(Failure.STUCK, "The model's tool calls could not be read three times in a row.")

    def mind_the_limits(self) -> None:
        """Asks for the wrap-up turn at 90 % of steps or time, and reminds a model that only talks."""
        talk = self.talk
        if talk.wrap_up:
            return
        if talk.steps >= self.job.limits.steps * limits.WRAP_UP_AT:
            self._begin_wrap_up("steps", "The limit of steps is reached.")
        elif self.seams.monotonic() - self.began >= self.job.limits.seconds * limits.WRAP_UP_AT:
            self._begin_wrap_up("time", "The time limit is reached.")
        elif talk.awaits_answer:
            self._remind()

    def make_room(self) -> None:
        """Shortens what the model gets where the window fills; the log keeps everything."""
        until = context.elidable(self.talk, self.job.context_window)
        if until:
            self._record(EventKind.COMPACTED, context.elision(self.talk, until))
        if self.talk.context_tokens > self.job.context_window * context.SUMMARISE_AT:
            self._summarise()

    def ask(self) -> None:
        """One paid call: message, usage and cost become one entry."""
        began = self.seams.monotonic()
        try:
            final = self.calls.make(self.talk, self.heard.hold_micro, self.job.max_output)
        except ProviderError as error:
            if error.failure is not Failure.CONTEXT_EXCEEDED or not self._give_way():
                raise
            return
        self._record_turn(final, self.seams.monotonic() - began)

    def ending(
        self,
        kind: Literal["finished", "parked", "cancelled"],
        text: str,
        title: str = "",
        *,
        reason: str | None = None,
        until: datetime | None = None,
        findings: tuple[dict[str, Any], ...] = (),
    ) -> Ending:
        """The ending as it stands now."""
        first_line = next((line.strip() for line in self.job.prompt.splitlines() if line.strip()), "Task")
        spent, steps = self.talk.spent_micro, self.talk.steps
        return Ending(kind, text, title or first_line[:72], spent, reason, until, steps, findings, self.heard)

    def too_dear(self) -> Ending:
        """The run parks and asks; where its last turn was asked for already, it ends without."""
        if self.talk.wrap_up:
            return self.ending("finished", self._last_words("budget"), reason="budget")
        return self.ending("parked", "The next turn does not fit the budget.", reason="budget")

    def _give_way(self) -> bool:
        """After the provider found the context too long: everything old goes at once, if there is anything."""
        until = context.elidable(self.talk, self.job.context_window, is_urgent=True)
        if until:
            self._record(EventKind.COMPACTED, context.elision(self.talk, until))
        return until > 0

    def _summarise(self) -> None:
        until = context.summarisable(self.talk, self.job.context_window)
        if not until:
            return
        final = self.calls.make(self.talk, self.heard.hold_micro, context.SUMMARY_OUTPUT, context.ASK_FOR_SUMMARY)
        cost = self.job.prices.cost_micro(final.usage)
        stat = self.toolbox.diff_stat(self._is_cancelled)
        payload = jsonb.fit(context.summary(self.talk, until, final.message.text, stat))
        self._record(EventKind.COMPACTED, payload | {"usage": asdict(final.usage), "cost_micro": cost})

    def _begin_wrap_up(self, reason: str, why: str) -> None:
        text = f"{why} This is the last turn: call finish now, and hand over what there is, saying what is not done."
        self._record(EventKind.NOTE, {"text": text, "code": "wrap_up", "reason": reason})

    def _remind(self) -> None:
        if self.talk.stop_reason == "max_tokens":
            text = "Your answer was cut off at the limit of its length. Go on in smaller pieces."
            self._record(EventKind.NOTE, {"text": text, "code": "cut_off"})
            return
        ways = "call finish if you are done"
        if self.toolbox.is_locked:
            ways = "hand in your plan with propose_plan"
        text = f"You called no tool. Go on with the task, or {ways}: text alone reaches nobody."
        self._record(EventKind.NOTE, {"text": text, "code": "no_tool_call"})

    def _last_words(self, reason: str) -> str:
        return f"{_ENDINGS[reason]}\n\n{self.talk.last_text}".strip()

    def _record_turn(self, final: Final, seconds: float) -> None:
        parts, raw = write_turn(final.message)
        payload = {
            "parts": parts,
            "usage": asdict(final.usage),
            "cost_micro": self.job.prices.cost_micro(final.usage),
            "stop_reason": final.stop_reason,
            "duration_ms": round(seconds * 1000),
            "model": self.job.model,
        }
        self._record(EventKind.MODEL_TURN, payload, raw)

    def _record_result(self, call: ToolCall, outcome: ToolOutcome) -> None:
        repeats = self.talk.repeats(call, outcome.text)
        payload = {
            "call_id": call.id,
            "name": call.name,
            "text": outcome.text + (NUDGE if repeats >= limits.NUDGE_AT_SAME else ""),
            "is_error": outcome.is_error,
            "exit_code": outcome.exit_code,
            "duration_ms": round(outcome.duration * 1000),
            "summary": outcome.summary or outcome.text[:160],
            "path": outcome.path,
            "added": outcome.added,
            "removed": outcome.removed,
            "malformed": outcome.is_malformed,
        }
        raw = zlib.compress(outcome.full) if outcome.full is not None else None
        self._record(EventKind.TOOL_RESULT, jsonb.fit(payload), raw)

    def _note_wait(self, reason: str, until: datetime, attempt: int) -> None:
        self._record(EventKind.WAIT, {"reason": reason, "until": until.isoformat(), "attempt": attempt})

    def _record(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Stored first, believed afterwards: what the recorder refuses has not happened."""
        self.recorder.emit(kind, payload, raw)
        self.talk.apply(LogEntry(kind, payload, raw))

    def _is_cancelled(self) -> bool:
        now = self.seams.monotonic()
        if not self._was_cancelled and now - self._polled_at >= _POLL_EVERY:
            self._polled_at = now
            self._was_cancelled = self.control.poll().cancelled
        return self._was_cancelled

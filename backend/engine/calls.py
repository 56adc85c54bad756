"""Paid calls: what one sends, how long its answer may be, and that the hold surely covers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.engine import limits
from backend.engine.assignment import Assignment
from backend.engine.patience import Patience
from backend.engine.transcript import MARK, Conversation
from backend.providers.base import Final, Message, Provider, Request, Text, ToolSpec


class TooDear(Exception):
    """The rest of the hold does not surely pay for the call, so it was not made."""


@dataclass(frozen=True)
class PaidCalls:
    """The calls of one run to one provider."""

    job: Assignment
    provider: Provider
    patience: Patience
    system: str
    specs: Sequence[ToolSpec]

    def make(self, talk: Conversation, hold_micro: int, wanted: int, closing: str = "") -> Final:
        """One answer of at most `wanted` tokens; `closing` is asked after the conversation and not kept in it.

        Raises TooDear, and what Patience.answer raises.
        """
        most = self._affordable(talk, hold_micro, wanted)
        job = self.job
        messages = _closed(talk.messages, closing) if closing else list(talk.messages)
        request = Request(job.model, self.system, self.specs, messages, most, run_key=job.run_key, effort=job.effort)
        return self.patience.answer(self.provider, request)

    def _affordable(self, talk: Conversation, hold_micro: int, wanted: int) -> int:
        """The output tokens that the window and the rest of the hold allow. Raises TooDear where too few."""
        room = self.job.context_window - talk.context_tokens
        wanted = min(wanted, max(room, limits.MIN_OUTPUT))
        most = limits.affordable_output(
            self.job.prices,
            left_micro=hold_micro - talk.spent_micro,
            input_tokens=talk.context_tokens,
            wanted=wanted,
            is_last=talk.wrap_up is not None,
        )
        if most < min(limits.MIN_OUTPUT, wanted):
            raise TooDear
        return most


def _closed(messages: Sequence[Message], closing: str) -> list[Message]:
    said = Text(f"{MARK} {closing}")
    if messages[-1].role == "user":
        return [*messages[:-1], replace(messages[-1], parts=(*messages[-1].parts, said))]
    return [*messages, Message("user", (said,))]

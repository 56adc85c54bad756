"""What the model still gets to see when its window fills. Each shortening breaks the prompt cache once: waiting pays.

The figures are for windows of 200,000 tokens; in small windows they shrink with it.
"""

from typing import Any

from backend.engine import limits
from backend.engine.transcript import Conversation, freed

ELIDE_AT, SUMMARISE_AT = 0.6, 0.85  # of the window
SUMMARY_OUTPUT = 4_000
_KEPT_WHOLE, _WORTH_IT, _KEPT_BY_SUMMARY = 40_000, 20_000, 15_000
ASK_FOR_SUMMARY = (
    "The conversation has become too long for your window. Call no tool now. Write a summary from which you can go on: "
    "what was asked, what you found out (with paths and lines), what you changed, what you ran and what came out, what "
    "is left to do. Everything but the newest messages is replaced by it."
)


def elidable(talk: Conversation, window: int, *, is_urgent: bool = False) -> int:
    """Up to which message old tool results should go; 0 while it is not time or not worth it."""
    if is_urgent:
        kept, worth = min(_KEPT_BY_SUMMARY, window // 10), 1
    elif talk.context_tokens >= window * ELIDE_AT:
        kept, worth = min(_KEPT_WHOLE, window * 3 // 10), min(_WORTH_IT, window * 15 // 100)
    else:
        return 0
    until = _newest(talk, kept)
    return until if freed(talk.messages[:until]) >= worth else 0


def elision(talk: Conversation, until: int) -> dict[str, Any]:
    """The log's entry for leaving out the tool results before that message."""
    dropped = freed(talk.messages[:until])
    text = f"Older tool results (about {dropped:,} tokens) are no longer sent to the model."
    return {"mode": "elided", "until": until, "dropped": dropped, "kept": talk.context_tokens - dropped, "text": text}


def summarisable(talk: Conversation, window: int) -> int:
    """The first message to keep as it is beside a summary: always one of the model's; 0 where nothing can go."""
    until = _newest(talk, min(_KEPT_BY_SUMMARY, window // 4))
    while until < len(talk.messages) and talk.messages[until].role != "assistant":
        until += 1
    return until if 1 < until < len(talk.messages) else 0


def summary(talk: Conversation, until: int, text: str, diff_stat: str) -> dict[str, Any]:
    """The log's entry for a summary in place of all messages before `until`."""
    dropped = sum(limits.message_tokens(message) for message in talk.messages[:until])
    told = f"The earlier conversation was replaced by your summary of it:\n\n{text or '(you wrote none)'}"
    if diff_stat:
        told += f"\n\nWhat differs from the last commit (git diff --stat):\n{diff_stat}"
    kept = talk.context_tokens - dropped
    return {"mode": "summarised", "until": until, "dropped": dropped, "kept": max(kept, 0), "text": told}


def _newest(talk: Conversation, tokens: int) -> int:
    """The index from which on the messages have about that many tokens."""
    for index in range(len(talk.messages) - 1, -1, -1):
        tokens -= limits.message_tokens(talk.messages[index])
        if tokens < 0:
            return index + 1
    return 0

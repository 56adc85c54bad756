"""What a comment asks for: its first word may say the type, and only what its author wrote for people counts."""

import pytest

from backend.services.mentions import Wish, read
from backend.words import TaskType

ASKED = {
    "@asynccoder fix the rounding": (None, "fix the rounding"),
    "@AsyncCoder": (None, ""),
    "@asynccoder[bot] debug: why?": (TaskType.DEBUG, "why?"),
    "@asynccoder ask what rounds, and where?": (TaskType.ASK, "what rounds, and where?"),
    "@asynccoder  ARCHITECT  a plan": (TaskType.ARCHITECT, "a plan"),
    "@asynccoder asking for a friend": (None, "asking for a friend"),
    "@asynccoder, please mend it": (None, "please mend it"),
    "Thanks! @asynccoder documentation of `total`": (TaskType.DOCUMENTATION, "Thanks! of `total`"),
    "One.\nTwo.\n\n@asynccoder debug\nthree": (TaskType.DEBUG, "One.\nTwo.\n\nthree"),
    "> @asynccoder ask no\n\n@asynccoder ask yes": (TaskType.ASK, "> @asynccoder ask no\n\nyes"),
    "(@asynccoder async do it)": (TaskType.ASYNC, "( do it)"),
    "@asynccoder review it": (None, "review it"),
    "@asynccoder <!-- ask --> \u200bdebug it\U000e0041": (TaskType.DEBUG, "it"),
}
NOT_ASKED = [
    "",
    "asynccoder fix it",
    "mail@asynccoder fix it",
    "@asynccoders fix it",
    "@asynccoder-team fix it",
    "@asynccoder/team fix it",
    "see https://a.example/@asynccoder",
    "> @asynccoder fix it",
    "  > @asynccoder fix it",
    "`@asynccoder fix it`",
    "``a ` @asynccoder b``",
    "```\n@asynccoder fix it\n```",
    "    @asynccoder fix it",
    "<!-- @asynccoder fix it -->",
    "[//]: # (@asynccoder fix it)",
    '<b title="@asynccoder fix it">x</b>',
    "@\u200basynccoder fix it",
    "<!-- asynccoder:trigger:1 -->\n@asynccoder fix it",
]


@pytest.mark.parametrize("said", ASKED)
def test_a_mention_asks(said: str) -> None:
    assert read(said, "asynccoder") == Wish(*ASKED[said])


@pytest.mark.parametrize("said", NOT_ASKED)
def test_what_is_no_mention_asks_for_nothing(said: str) -> None:
    assert read(said, "asynccoder") is None


def test_only_a_pull_request_is_reviewed() -> None:
    assert read("@asynccoder review it", "asynccoder", is_pull=True) == Wish(TaskType.PR_REVIEW, "it")
    assert read("@asynccoder review it", "other") is None and read("@o-1 x", "o-1") == Wish(None, "x")

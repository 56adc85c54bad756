"""What a comment asks of the app: whether it names it, the type of task that its first word says, and the rest."""

import re
from dataclasses import dataclass

from backend.hidden_text import visible
from backend.words import TaskType

MARK = "<!-- asynccoder:"  # each comment of ours begins with it, so that none of them starts anything
_TYPES = {
    "ask": TaskType.ASK,
    "debug": TaskType.DEBUG,
    "documentation": TaskType.DOCUMENTATION,
    "architect": TaskType.ARCHITECT,
    "review": TaskType.PR_REVIEW,
    "async": TaskType.ASYNC,
}
_TYPE = re.compile(r"[ \t]*(" + "|".join(_TYPES) + r")\b[ \t]*[:,]?[ \t]*", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(```|~~~)")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")


@dataclass(frozen=True)
class Wish:
    """What was asked for: the type where one was said, and in words what is to be done, if anything."""

    task_type: TaskType | None
    words: str


def read(said: str, name: str, *, is_pull: bool = False) -> Wish | None:
    """The wish in a comment that names `@name`; None for one that does not, for ours, and for what it quotes or shows
    as code. Only a pull request can be reviewed: elsewhere the word is one of the sentence.
    """
    named = re.compile(rf"(?<![\w@/.`-])@{re.escape(name)}(?:\[bot\])?(?![\w/-])", re.IGNORECASE)
    if MARK in said or not named.search(said):  # as it was written: a sign of no width keeps it from being a mention
        return None
    shown = visible(said)
    at = _first(shown, named)
    if at is None:
        return None
    before, rest = shown[: at[0]], shown[at[1] :]
    found = _TYPE.match(rest)
    task_type = _TYPES[found[1].lower()] if found else None
    if found and (is_pull or task_type is not TaskType.PR_REVIEW):
        rest = rest[found.end() :]
    else:
        task_type = None
    return Wish(task_type, _joined(before, rest))


def _first(shown: str, named: "re.Pattern[str]") -> tuple[int, int] | None:
    """Where it is named first, in what is the author's own and no code."""
    start, is_code = 0, False
    for line in shown.split("\n"):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and not line.lstrip().startswith(">") and not line.startswith("    "):
            found = named.search(_CODE.sub(lambda code: "`" * len(code[0]), line))
            if found:
                return start + found.start(), start + found.end()
        start += len(line) + 1
    return None


def _joined(before: str, rest: str) -> str:
    gap = "\n\n" if before.endswith("\n") else " "
    return f"{before.strip()}{gap}{rest.strip().lstrip(',:').strip()}".strip()

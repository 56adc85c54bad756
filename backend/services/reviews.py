"""A review of a task's changes: comments on lines, sent together as one follow-up."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from backend.errors import InvalidInput, TooLarge
from backend.models import TaskMessage, TaskRun, User
from backend.services import access, runs, tasks

MAX_COMMENTS = 50
MAX_COMMENT = 2_000  # characters
_QUOTED = 200  # characters of a line
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)")


@dataclass(frozen=True)
class Comment:
    """A remark on a line of the changes: `side` is `new`, or `old` for a line that was removed."""

    path: str
    line: int
    side: str
    text: str


def parse(comments: Sequence[Any]) -> list[Comment]:
    """The comments as a browser sent them. Raises InvalidInput, or TooLarge past 50 of them or 2,000 characters."""
    if not comments:
        raise InvalidInput("There is no comment to send.", field="comments")
    if len(comments) > MAX_COMMENTS:
        raise TooLarge(f"A review holds at most {MAX_COMMENTS} comments; this one has {len(comments)}.")
    return [_comment(one) for one in comments]


def review_text(comments: Sequence[Comment], files: Sequence[tasks.FileDiff]) -> str:
    """The follow-up: a Markdown list, each comment with its `path:line` and the line it is about.

    Raises InvalidInput for a line that is not part of the changes.
    """
    lines = {file.path: dict(lines_of(file.patch)) for file in files}
    parts = ["Please address this review of the changes:"]
    for one in comments:
        quoted = lines.get(one.path, {}).get((one.side, one.line))
        if quoted is None:
            raise InvalidInput(f"{one.path}:{one.line} is no longer part of the changes. Remove that comment.")
        where = _code(f"{one.path}:{one.line}") + (" (removed line)" if one.side == "old" else "")
        said = one.text.replace("\n", "\n  ")
        parts.append(f"- {where}\n  > {_code(quoted.strip()[:_QUOTED])}\n\n  {said}" if quoted.strip() else
                     f"- {where}\n\n  {said}")  # fmt: skip
    return "\n\n".join(parts)


def send(session: Session, user: User, task_id: UUID, comments: Sequence[Any]) -> None:
    """Sends a review as one follow-up; while a run knows of it already, the same review again is nothing new.

    Raises NotFound, Forbidden, InvalidInput, TooLarge, and what a follow-up is refused with.
    """
    task = access.owned(session, user, task_id, lock=True)
    text = review_text(parse(comments), tasks.diff(session, user, task_id))
    run = runs.alive(session, task.id)
    if run is None or not _is_known(session, run, text):
        tasks.follow_up(session, user, task_id, text)


def _comment(given: Any) -> Comment:
    match given:
        case {"path": str() as path, "line": int() as line, "side": ("new" | "old") as side, "text": str() as text}:
            pass
        case _:
            raise InvalidInput("A comment needs a path, a line, a side and a text.", field="comments")
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise InvalidInput(f"The comment on {path}:{line} is empty.", field="comments")
    if len(text) > MAX_COMMENT:
        raise TooLarge(f"A comment is at most {MAX_COMMENT:,} characters long; the one on {path}:{line} is longer.")
    return Comment(path, line, side, text)


def lines_of(patch: str) -> Iterator[tuple[tuple[str, int], str]]:
    """Every line of a diff by its side and number; one that stayed is on the new side alone."""
    old = new = 0
    in_hunk = False
    for line in patch.split("\n"):
        if found := _HUNK.match(line):
            old, new, in_hunk = int(found[1]), int(found[2]), True
        elif not in_hunk:
            continue
        elif line.startswith("+"):
            yield ("new", new), line[1:]
            new += 1
        elif line.startswith("-"):
            yield ("old", old), line[1:]
            old += 1
        elif line.startswith(" "):
            yield ("new", new), line[1:]
            old, new = old + 1, new + 1


def _is_known(session: Session, run: TaskRun, text: str) -> bool:
    if run.prompt == text:
        return True
    waiting = select(TaskMessage.id).where(
        TaskMessage.run_id == run.id, TaskMessage.text == text, col(TaskMessage.withdrawn_at).is_(None)
    )
    return session.exec(waiting).first() is not None


def _code(text: str) -> str:
    """The text as a code span that it cannot break out of (CommonMark 0.31, section 6.1)."""
    text = re.sub(r"[\x00-\x1f]", " ", text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"

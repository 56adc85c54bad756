"""What the demo's scripts are written in: what was done so far, and what is said and called next."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TESTS = "python3 -m unittest"
STAND_IN = "This is the scripted demo model. It is no AI: it follows a fixed script"


@dataclass(frozen=True)
class Talk:
    """One turn of the script: its words, and the one tool that it calls."""

    words: str
    tool: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """One step of the script that has its answer: the call and what came back."""

    name: str
    args: dict[str, Any]
    text: str
    is_error: bool

    @property
    def is_green(self) -> bool:
        """Whether a run of the tests passed."""
        return not self.is_error and self.text.rstrip().endswith("(exit code 0)") and "\nOK" in self.text

    @property
    def ending(self) -> str:
        """How a command ended, in the tool's words."""
        return self.text.rstrip().rsplit("\n", 1)[-1].strip("()")


@dataclass(frozen=True)
class Script:
    """Where the script stands: the newest `prompt`, how many of them this run heard, and the steps since it began."""

    prompt: str
    prompts: int
    done: Sequence[Done]
    is_follow_up: bool
    reads_pull: bool
    reviews: bool
    conflicts: Sequence[str] = ()  # the files in which a merge is to be settled

    @property
    def listing(self) -> list[str]:
        """The files that the first step listed."""
        return [] if self.done[0].is_error else [line.split("  (")[0] for line in self.done[0].text.splitlines()]

    def finish(self, words: str, title: str, summary: str, findings: Sequence[dict[str, Any]] = ()) -> Talk:
        """The last turn."""
        found = {"findings": list(findings)} if self.reviews else {}
        return Talk(words, "finish", {"title": title, "summary": summary, **found})


def numbered(read: str) -> list[tuple[int, str]]:
    """The lines of a `read_file` answer."""
    found = (re.match(r" *(\d+)\t(.*)", line) for line in read.split("\n"))
    return [(int(one[1]), one[2]) for one in found if one]


def indented(text: str, most: int = 40) -> str:
    """Text as Markdown shows it: as it is."""
    return "\n".join(f"    {line}" for line in text.split("\n")[:most])

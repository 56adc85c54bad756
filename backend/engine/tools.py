"""The tools. What a task's type may do is decided by which of them exist, not by asking the model nicely."""

import fnmatch
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backend.engine import edits, guidance
from backend.engine.toolspecs import SPECS, argument_fault
from backend.errors import InvalidInput
from backend.jsonb import clean_text
from backend.jsonb import size as jsonb_size
from backend.providers.base import ToolCall, ToolSpec
from backend.sandbox.base import Completed, Sandbox
from backend.words import TaskType
from backend.workspace import docs_only, files
from backend.workspace.pull import PullChanges

WITH_EFFECTS = ("edit_file", "run_command")
# All that there is before a plan is approved: a tool that is not named here waits for the person.
BEFORE_APPROVAL = frozenset({"read_file", "search", "list_files", "propose_plan", "finish"})
MAX_PLAN, MAX_PLAN_BYTES = 24_000, 40_000  # characters; bytes in the log, whose entry also holds what is said of it
_FILE_BYTES = 4_000_000
_READ_LINES, _READ_CHARS = 2_000, 16_000
_LISTED, _HITS = 500, 200
_HEAD, _TAIL = 5_000, 15_000
_COMMAND_SECONDS, _LONGEST_COMMAND = 120, 600
_LINE_CHARS = 400
# What a set-up script installs would hide the repository's own files: its folder is named, and listed when asked for.
_INSTALLED = frozenset({".venv", "node_modules", ".tox", ".nox", "__pycache__"})
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CALM = {  # no pagers, no colours, and no droppings that would end up in the diff
    "CI": "1",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_ADDOPTS": "-p no:cacheprovider",
}
_LOCKED = (
    "Not done: {} waits until the person has approved a plan. Until then you can read, search and list. Hand your plan "
    "in with propose_plan."
)
_HIT = re.compile(r"^[^\n]+?:[0-9]+:", re.MULTILINE)
# ripgrep where the jail has it, else grep; arguments: pattern, path, glob.
_SEARCH = """
if command -v rg >/dev/null 2>&1; then
  exec rg --line-number --with-filename --no-heading --color never --hidden --sort path \
    --max-columns 300 --max-columns-preview --glob '!.git' ${3:+--glob "$3"} -e "$1" -- "$2"
fi
exec grep -rnHIE --exclude-dir=.git ${3:+--include="$3"} -e "$1" -- "$2"
"""


@dataclass(frozen=True)
class ToolOutcome:
    """What a call came to: `text` is what the model sees, `full` all of it where there is more. In seconds."""

    text: str
    is_error: bool = False
    exit_code: int | None = None
    duration: float = 0.0
    summary: str = ""
    path: str | None = None
    added: int = 0
    removed: int = 0
    full: bytes | None = None
    is_malformed: bool = False


class Toolbox:
    """The tools of one run in one workspace: files are opened without following links, commands run in the jail, with
    the repository's `environment`.

    With `plan_first` it is locked, and only reads, until `unlock`.
    """

    def __init__(
        self,
        workspace: Path,
        sandbox: Sandbox,
        task_type: TaskType,
        changes: PullChanges | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        plan_first: bool = False,
    ) -> None:
        self.workspace = workspace
        self.plan_first = self.is_locked = plan_first
        self.task_type = task_type
        self._sandbox = sandbox
        self._environment = {**_CALM, **(environment or {})}
        self._read: dict[str, str] = {}  # path → digest of the content that the model knows
        self._guided: set[str] = {"."}
        self._tools: dict[str, Callable[..., ToolOutcome]] = {
            "finish": self._finish,
            "list_files": self._list_files,
            "read_file": self._read_file,
            "search": self._search,
        }
        if task_type.may_edit:
            self._tools |= {"edit_file": self._edit_file, "run_command": self._run_command}
        if plan_first:
            self._tools["propose_plan"] = self._propose_plan
        if changes is not None:
            self._changes = changes
            self._guided |= {path.removesuffix("/AGENTS.md") for path in changes.paths}
            self._tools["read_diff"] = self._read_diff

    def specs(self) -> list[ToolSpec]:
        """The tools that this task's type has, by name, so that the prompt's prefix never varies: locked or not."""
        special = {"finish": "review"} if self.task_type is TaskType.PR_REVIEW else {}
        return [SPECS[special.get(name, name)] for name in sorted(self._tools)]

    def unlock(self) -> None:
        """The person has approved a plan."""
        self.is_locked = False

    def execute(self, call: ToolCall, cancelled: Callable[[], bool]) -> ToolOutcome:
        """Runs one call. What the model did wrong comes back as an outcome; only our own faults are raised."""
        began = time.monotonic()
        fault = argument_fault(self.specs(), call)
        if fault:
            return ToolOutcome(fault, is_error=True, is_malformed=True, summary=f"{call.name}: not understood")
        if self.is_locked and call.name not in BEFORE_APPROVAL:
            return ToolOutcome(_LOCKED.format(call.name), is_error=True, summary=f"{call.name}: not before approval")
        try:
            outcome = self._tools[call.name](cancelled=cancelled, **self._known_arguments(call))
        except InvalidInput as error:
            outcome = ToolOutcome(str(error), is_error=True, summary=f"{call.name}: refused")
        return replace(outcome, duration=time.monotonic() - began)

    def diff_stat(self, cancelled: Callable[[], bool]) -> str:
        """`git diff --stat` by the workspace's own untrusted git, for the model's eyes only; empty where that fails."""
        done = self._jailed(["git", "diff", "--stat", "HEAD"], 30, cancelled)
        return decoded(done.stdout)[:4_000] if done.exit_code == 0 else ""

    def _known_arguments(self, call: ToolCall) -> dict[str, Any]:
        spec = next(spec for spec in self.specs() if spec.name == call.name)
        return {name: value for name, value in (call.args or {}).items() if name in spec.parameters["properties"]}

    def _jailed(self, argv: list[str], timeout: float, cancelled: Callable[[], bool]) -> Completed:
        return self._sandbox.run(
            argv,
            workspace=self.workspace,
            timeout=timeout,
            env=self._environment,
            cancelled=cancelled,
            merge_stderr=True,
        )

    def _text_of(self, path: str) -> str:
        data = files.read_bytes(self.workspace, path, _FILE_BYTES)
        if b"\0" in data[:8_000]:
            raise InvalidInput(f"{path!r} is a binary file.")
        return data.decode("utf-8", "surrogateescape")

    def _read_file(
        self, path: str, start: int = 1, end: int | None = None, *, cancelled: Callable[[], bool]
    ) -> ToolOutcome:
        content = self._text_of(path)
        lines = content.split("\n")
        if lines[-1] == "":
            lines.pop()
        first = max(1, start)
        last = min(len(lines), end or len(lines), first + _READ_LINES - 1)
        shown: list[str] = []
        size = 0
        for number in range(first, last + 1):
            line = f"{number:6}\t{lines[number - 1]}"
            size += len(line) + 1
            if size > _READ_CHARS and shown:
                break
            shown.append(line[:_READ_CHARS])
        until = first + len(shown) - 1
        text = "\n".join(shown) or f"({path} has {len(lines)} lines; none in that range)"
        if shown and until < len(lines):
            text += f"\n(lines {first}–{until} of {len(lines)}; read on with start={until + 1})"
        self._read[_plain(path)] = _digest(content)
        text += guidance.nested(self.workspace, path, self._guided)
        which = f", lines {first}–{until}" if shown else ""
        return ToolOutcome(clean_text(text), summary=f"Read {path}{which}", path=path)

    def _list_files(self, path: str = ".", glob: str | None = None, *, cancelled: Callable[[], bool]) -> ToolOutcome:
        found: list[str] = []
        total = 0
        for entry in files.walk(self.workspace, path, closed=_INSTALLED):
            if glob and not _fits(entry.path, glob):
                continue
            total += 1
            if len(found) < _LISTED:
                found.append(entry.path + ("" if entry.kind == "file" else f"  ({entry.kind})"))
        text = "\n".join(found) or "(no files)"
        if total > len(found):
            text += f"\n({total - len(found)} more; narrow it with path or glob)"
        return ToolOutcome(clean_text(text), summary=f"Listed {glob or path}: {total} files", path=path)

    def _search(
        self, pattern: str, path: str = ".", glob: str | None = None, *, cancelled: Callable[[], bool]
    ) -> ToolOutcome:
        found = None if path in ("", ".") else files.stat(self.workspace, path)
        if found is None and path not in ("", "."):
            raise InvalidInput(f"There is no {path!r}.")
        if found is not None and found.kind == "other":  # a pipe would be waited for
            raise InvalidInput(f"{path!r} is not a file.")
        argv = ["/bin/sh", "-c", _SEARCH, "search", pattern, path or ".", glob or ""]
        done = self._jailed(argv, 60, cancelled)
        output = decoded(done.stdout)
        # With 2 what was found is said all the same: a file among them could not be read.
        if done.exit_code not in (0, 1) and not (done.exit_code == 2 and _HIT.search(output)):
            failed = f"Search for {pattern!r} failed"
            return ToolOutcome(clipped(output) or ended(done, 60), is_error=True, summary=failed)
        hits = [line.removeprefix("./")[:_LINE_CHARS] for line in output.splitlines()]
        text = "\n".join(hits[:_HITS]) or "(no hits)"
        if len(hits) > _HITS:
            text += f"\n({len(hits) - _HITS} more hits; narrow it with path or glob)"
        return ToolOutcome(clipped(text), summary=f"Searched for {pattern!r}: {_counted_hits(len(hits))}", path=path)

    def _read_diff(self, path: str = "", start: int = 1, *, cancelled: Callable[[], bool]) -> ToolOutcome:
        wanted = _plain(path)
        lines = (self._changes.of(wanted) if wanted else self._changes.listing()).split("\n")
        first = max(1, start)
        shown, size = list[str](), 0
        for line in lines[first - 1 :]:
            size += len(line) + 1
            if size > _READ_CHARS and shown:
                break
            shown.append(line[:_READ_CHARS])
        text, until = "\n".join(shown) or "(nothing from that line on)", first + len(shown) - 1
        if shown and until < len(lines):
            text += f"\n(lines {first}–{until} of {len(lines)}; read on with start={until + 1})"
        what = f"the changes of {wanted}" if wanted else "which files the pull request changes"
        return ToolOutcome(clean_text(text), summary=f"Read {what}", path=wanted or None)

    def _edit_file(
        self, path: str, old_str: str, new_str: str, replace_all: bool = False, *, cancelled: Callable[[], bool]
    ) -> ToolOutcome:
        exists = files.stat(self.workspace, path) is not None
        before = self._text_of(path) if exists else ""
        known = self._read.get(_plain(path))
        if exists and known and known != _digest(before):
            raise InvalidInput(f"{path!r} has changed since you read it. Read it again before editing.")
        if old_str == "":
            glue = "\n" if before and not before.endswith("\n") else ""
            after, where = before + glue + new_str, f"line {before.count(chr(10)) + 1}" if exists else "a new file"
        elif not exists:
            raise InvalidInput(f"There is no {path!r}. An empty old_str creates it.")
        else:
            edited = edits.apply(before, old_str, new_str, replace_all=replace_all)
            after, where = edited.content, "line " + ", ".join(map(str, edited.lines[:20]))
        if after == before and exists:
            return ToolOutcome(f"Nothing changed: {path} already reads like that at {where}.", path=path)
        data = after.encode("utf-8", "surrogateescape")
        if self.task_type is TaskType.DOCUMENTATION:
            old = before.encode("utf-8", "surrogateescape") if exists else None
            if why := docs_only.fault(_plain(path), old, data):
                raise InvalidInput(f"{why} Nothing was written.")
        files.write_bytes(self.workspace, path, data, self._sandbox.owner)
        self._read[_plain(path)] = _digest(after)
        added, removed = _counted(before, after)
        done = f"{'Edited' if exists else 'Created'} {path}"
        return ToolOutcome(
            f"{done} at {where}: +{added} −{removed} lines.", summary=done, path=path, added=added, removed=removed
        )

    def _run_command(
        self, command: str, timeout: int = _COMMAND_SECONDS, *, cancelled: Callable[[], bool]
    ) -> ToolOutcome:
        seconds = min(max(timeout, 1), _LONGEST_COMMAND)
        # bash where there is one: models write for it.
        shell = 'command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"'
        done = self._jailed(["/bin/sh", "-c", shell, "sh", command], seconds, cancelled)
        output = decoded(done.stdout)
        end, text = ended(done, seconds), clipped(output)
        return ToolOutcome(
            f"{text.rstrip()}\n({end})" if text.strip() else f"({end}, no output)",
            is_error=done.killed_by is not None,
            exit_code=done.exit_code,
            summary=f"{_one_line(command)} → {end}",
            full=done.stdout if text != output else None,
        )

    def _propose_plan(self, title: str, plan: str, **_: Any) -> ToolOutcome:
        # The plan is read from the call itself, as a finish is.
        if not self.is_locked:
            raise InvalidInput("A plan is approved already. Carry it out, then call finish.")
        if not plan.strip():
            raise InvalidInput("The plan is empty.")
        if len(plan) > MAX_PLAN or jsonb_size(clean_text(plan)) > MAX_PLAN_BYTES:
            raise InvalidInput(f"The plan is too long: at most {MAX_PLAN:,} characters. Shorten it.")
        return ToolOutcome("Handed in. The person reads it now.", summary=f"Plan: {_one_line(title)[:120]}")

    def _finish(self, title: str, **_: Any) -> ToolOutcome:
        # Summary and findings are read from the call itself, which is in the log.
        return ToolOutcome("Finished.", summary=_one_line(title)[:120])


def ended(done: Completed, seconds: float) -> str:
    """How a command ended, in a few words; `seconds` were its time."""
    match done.killed_by:
        case "timeout":
            return f"stopped after {seconds:.0f} s"
        case "cancelled":
            return "cancelled"
        case "memory" | "disk" as what:
            return f"stopped: it used too much {what}"
    return f"exit code {done.exit_code}"


def clipped(text: str) -> str:
    """The head and the tail: the first error and the last word are where the meaning is."""
    if len(text) <= _HEAD + _TAIL:
        return text
    left_out = len(text) - _HEAD - _TAIL
    return f"{text[:_HEAD]}\n… ({left_out:,} characters left out) …\n{text[-_TAIL:]}"


def decoded(data: bytes) -> str:
    """As a terminal would leave it: no escapes, and of a line that was overwritten only its last state."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
    return clean_text("\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n")))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:160]


def _fits(path: str, glob: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return fnmatch.fnmatch(path, glob) or fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(path, glob.replace("**/", ""))


def _plain(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


def _counted_hits(number: int) -> str:
    return "1 hit" if number == 1 else f"{number} hits"


def _counted(before: str, after: str) -> tuple[int, int]:
    """Lines added and removed, after cutting off what both share at either end: exact enough for a label."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return len(new), len(old)

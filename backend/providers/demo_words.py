"""The demo's scripts for what hands over words: an answer, a plan, a review. Each tells what the tools showed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from backend.providers.demo_script import STAND_IN, Done, Script, Talk, indented, numbered

_SOURCE = re.compile(r"\.(py|go|js|ts|tsx|rs|rb|java|kt|c|cpp|cs|php|swift|scala|ex|lua|pl|sh|vue)$")
_TEST = re.compile(r"(^|/)(tests?|spec)/|(^|/)test_|[._-](test|spec)\.")
_DEFINITION = re.compile(r"\s*(?:export\s+)?(?:async\s+)?(?:def|class|func|function|fn)\s+(\w+)")
_HIT = re.compile(r"(?m)^([^\n:]+):(\d+):")
_MOST_FILES = 8  # of a pull request that the script reads
_TODO = re.compile(r"\b(TODO|FIXME|XXX)\b")
_LONG_LINE = 120  # characters
REMARK = "remark"  # the one tool of whoever is asked for a second opinion


@dataclass(frozen=True)
class _Outline:
    """What a file holds: its line count and the definitions with their lines."""

    path: str
    lines: int
    definitions: list[tuple[str, int, str]]  # name, line, the line itself

    def told(self) -> str:
        """As Markdown."""
        listed = [f"- `{self.path}:{line}`: `{text}`" for _, line, text in self.definitions[:20]]
        return "\n".join(listed) or f"`{self.path}` has {self.lines} lines, and the script knows none of its words."


def ask(script: Script) -> Talk:
    """Reads the file that the question names, looks for where it is used, and tells both."""
    step = _reading(script)
    if step:
        return step
    outline, uses = _seen(script)
    summary = (
        f"{STAND_IN}, so it cannot weigh your question. What it read for it:\n\n### What `{outline.path}` holds\n\n"
        f"{outline.told()}\n\n{_used(outline, uses)}\n\nChoose a real model to have the question answered."
    )
    return script.finish("That is what the files say.", f"What {outline.path} holds", summary)


def plan(script: Script) -> Talk:
    """The same look, as a plan in steps."""
    step = _reading(script)
    if step:
        return step
    outline, uses = _seen(script)
    wish = script.prompt.split("\n", 1)[0][:200]
    others = sorted({path for path, _ in uses} - {outline.path})
    tests = next((path for path in [*others, *script.listing] if _TEST.search(path)), "")
    said = f"`{tests}`" if tests else "a new test file: the script saw none"
    callers = ", ".join(f"`{path}`" for path in others) or "none that the search found"
    summary = (
        f"{STAND_IN}: the outline is read from the files, the steps are the same for every wish.\n\n"
        f"## Goal\n\n> {wish}\n\n## What there is now\n\n{outline.told()}\n\n{_used(outline, uses)}\n\n"
        "## Decision\n\n"
        f"Change `{outline.path}` where it is, rather than beside it: its callers stay as they are. Against it speaks "
        "that all of them get the change at once.\n\n## Steps\n\n"
        f"1. A test in {said} that fails for want of the change. By itself it can be merged as an expected failure.\n"
        f"2. The change in `{outline.path}`; the test passes.\n"
        f"3. The documentation: {'`README.md`' if 'README.md' in script.listing else 'a README'} says what is new.\n\n"
        "## How each is tested\n\nStep 1 by its own failure, step 2 by the whole suite, step 3 by running what it "
        f"shows.\n\n## Risks\n\nWho uses it: {callers}."
    )
    return script.finish("The plan stands.", f"A plan for {outline.path}", summary)


def review(script: Script) -> Talk:
    """Reads the pull request's diff file by file; its findings are what the added lines themselves show."""
    if not script.reads_pull:
        return look_around(script)
    done = script.done
    if len(done) == 1:
        return Talk("What does the pull request change?", "read_diff", {})
    changed = [] if done[1].is_error else [line.split(" (was ")[0] for line in done[1].text.splitlines()]
    changed = [path for path in changed if not path.startswith("(")]
    read = {one.args["path"]: one for one in done[2:] if one.name == "read_diff" and one.args.get("path")}
    for path in changed[:_MOST_FILES]:
        if path not in read:
            return Talk(f"The changes of {path}.", "read_diff", {"path": path})
    return _reviewed(script, changed, [one for one in read.values() if not one.is_error])


def look_around(script: Script) -> Talk:
    """Lists, reads a README where there is one, and says that this is all."""
    readme = next((path for path in script.listing if re.fullmatch(r"(?i)readme(\.\w+)?", path)), None)
    if readme and len(script.done) == 1:
        return Talk("There is a README.", "read_file", {"path": readme, "end": 60})
    seen = f"I listed the files (about {len(script.listing)} lines){' and read the README' if readme else ''}."
    if script.reviews:
        summary = (
            f"{STAND_IN} and cannot judge code. **That it has no findings means nothing: nothing was reviewed.** "
            f"{seen}\n\nName a pull request to have its diff read, or choose a real model."
        )
        return script.finish("That is all that a script can do here.", "Looked, and judged nothing", summary)
    summary = (
        f"{STAND_IN}, and this task is not the one that it can do, so it changed nothing. {seen}\n\n"
        "Choose a real model to have this task worked on."
    )
    return script.finish("That is all that a script can do here.", "Looked around, changed nothing", summary)


def _reading(script: Script) -> Talk | None:
    """The next of the steps that an answer and a plan have in common; None once they are done."""
    done, path = script.done, _chosen(script)
    if not path:
        return None if len(done) > 1 else look_around(script)
    if len(done) == 1:
        return Talk(f"{path} is the nearest to what is asked.", "read_file", {"path": path})
    names = [name for name, _, _ in _outline(path, done[1]).definitions]
    if len(done) == 2 and names:
        return Talk("Who uses it?", "search", {"pattern": rf"\b({'|'.join(names[:5])})\b"})
    return None


def _chosen(script: Script) -> str:
    """The file that the prompt names by path or stem, else the first source file, else any text that is known."""
    words = set(re.findall(r"\w+", script.prompt.lower()))
    files = script.listing
    named = [path for path in files if path in script.prompt]
    stems = [
        path for path in files if path.rsplit("/", 1)[-1].split(".")[0].lower() in words and not _TEST.search(path)
    ]
    sources = [path for path in files if _SOURCE.search(path) and not _TEST.search(path)]
    sources.sort(key=lambda path: path.endswith("__init__.py"))
    prose = [path for path in files if path.lower().endswith((".md", ".rst", ".txt"))]
    return next(iter([*named, *stems, *sources, *prose]), "")


def _seen(script: Script) -> tuple[_Outline, list[tuple[str, int]]]:
    path = _chosen(script)
    if not path or len(script.done) < 2:
        return _Outline(path or "the repository", 0, []), []
    outline = _outline(path, script.done[1])
    hits = script.done[2].text if len(script.done) > 2 and not script.done[2].is_error else ""
    own = {line for _, line, _ in outline.definitions}
    uses = [(found[1], int(found[2])) for found in _HIT.finditer(hits)]
    return outline, [use for use in uses if use[0] != path or use[1] not in own]


def _outline(path: str, read: Done) -> _Outline:
    lines = [] if read.is_error else numbered(read.text)
    found = [(name[1], number, text.strip()) for number, text in lines if (name := _DEFINITION.match(text))]
    return _Outline(path, len(lines), found)


def _used(outline: _Outline, uses: Sequence[tuple[str, int]]) -> str:
    if not outline.definitions:
        return ""
    listed = [f"- `{path}:{line}`" for path, line in uses[:20]]
    return "### Where it is used\n\n" + ("\n".join(listed) or "Nowhere that the search found.")


def _reviewed(script: Script, changed: Sequence[str], read: Sequence[Done]) -> Talk:
    findings: list[dict[str, Any]] = []
    for one in read:
        findings += _findings(str(one.args["path"]), one.text)
    tests = [path for path in changed if _TEST.search(path)]
    code = [path for path in changed if _SOURCE.search(path) and not _TEST.search(path)]
    said = [f"I read the changes of {len(read)} of {len(changed)} files:", indented("\n".join(changed))]
    if code and not tests:
        said.append("**No test is changed along with the code.**")
    summary = (
        f"{STAND_IN} and judges nothing: its findings are what the added lines themselves show. "
        + "\n\n".join(said)
        + "\n\nChoose a real model to have this reviewed."
    )
    count = "1 remark" if len(findings) == 1 else f"{len(findings)} remarks"
    return script.finish("That is all that a script can see.", f"{count} on what the diff shows", summary, findings)


def second_opinion(asked: str) -> Talk:
    """Remarks on what the lines of a diff themselves show, as of a review."""
    patches = re.split(r"^(?=diff --git )", asked, flags=re.MULTILINE)[1:]
    found = [
        {"path": name[1], "line": number, "severity": severity, "text": text}
        for patch in patches
        if (name := re.search(r"^\+\+\+ b/(.+)$", patch, re.MULTILINE))
        for number, line in _added(patch)
        for severity, text in _remarks(name[1], line)
    ]
    return Talk(f"{STAND_IN} and judges nothing.", REMARK, {"findings": found[:5]})


def _findings(path: str, diff: str) -> Iterator[dict[str, Any]]:
    added = list(_added(diff))
    found = 0
    for number, line in added:
        for severity, text in _remarks(path, line):
            found += 1
            yield {"path": path, "line": number, "severity": severity, "text": text}
    if added and not found:
        removed = sum(line.startswith("-") and not line.startswith("---") for line in diff.split("\n"))
        text = f"The first of {len(added)} added and {removed} removed lines here; the script found nothing to say."
        yield {"path": path, "line": added[0][0], "severity": "info", "text": text}


def _remarks(path: str, line: str) -> Iterator[tuple[str, str]]:
    if word := _TODO.search(line):
        yield "minor", f"A `{word[1]}` is left here: `{line.strip()[:80]}`."
    if path.endswith(".py") and re.match(r"\s*except\s*:", line):
        yield "major", "A bare `except:` also takes what asks the program to end."
    if path.endswith(".py") and re.search(r"\bround\(\w+\.\w+, \d\) for\b", line):
        yield "major", "Every item is rounded by itself and then added up: what is cut off of each is lost in the sum."
    if re.search(r"\b(price|percent|amount|total|net)\w*: float\b", line):
        yield "minor", "A `float` holds most decimal fractions only nearly; the amounts beside it are exact."
    if line != line.rstrip():
        yield "info", "Blanks at the end of the line."
    if len(line) > _LONG_LINE:
        yield "info", f"The line has {len(line)} characters."


def _added(diff: str) -> Iterator[tuple[int, str]]:
    number = 0
    for line in diff.split("\n"):
        if hunk := re.match(r"@@ -\d+(?:,\d+)? \+(\d+)", line):
            number = int(hunk[1])
        elif number and line.startswith("+"):
            yield number, line[1:]
            number += 1
        elif number and line.startswith(" "):
            number += 1

"""The tools as the model sees them, and the check of what it sends. All of it together stays under 4 KB."""

import json
from typing import Any

from backend.providers.base import ToolCall, ToolSpec

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


def _spec(name: str, description: str, required: list[str], **properties: dict[str, Any]) -> ToolSpec:
    return ToolSpec(name, description, {"type": "object", "properties": properties, "required": required})


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


_PATH = _text("Relative to the repository's root.")
_GLOB = _text("Only files that fit, such as *.py.")
FINDING = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "line": {"type": "integer"},
        "severity": {"type": "string", "enum": ["info", "minor", "major", "critical"]},
        "text": {"type": "string"},
    },
    "required": ["path", "line", "severity", "text"],
}
_TITLE = _text("One line, as a commit's title would say it.")
_SUMMARY = _text("Markdown: the answer, or what was done and how it was checked. Say plainly what is not done.")

SPECS = {
    "read_file": _spec(
        "read_file",
        "Shows a text file with line numbers, at most 2,000 lines or 16,000 characters at once.",
        ["path"],
        path=_PATH,
        start={"type": "integer", "description": "First line, from 1."},
        end={"type": "integer", "description": "Last line."},
    ),
    "search": _spec(
        "search",
        "Searches file contents by regular expression; answers path:line:text, at most 200 hits.",
        ["pattern"],
        pattern=_text("A regular expression, as ripgrep reads it."),
        path=_PATH,
        glob=_GLOB,
    ),
    "list_files": _spec("list_files", "Lists all files beneath a folder.", [], path=_PATH, glob=_GLOB),
    "read_diff": _spec(
        "read_diff",
        "Shows what the pull request changes in one file, 16,000 characters at once; without path, which files.",
        [],
        path=_PATH,
        start={"type": "integer", "description": "First line of the diff, from 1."},
    ),
    "edit_file": _spec(
        "edit_file",
        "Replaces old_str by new_str. old_str must stand at exactly one place: copy it as it is, without line numbers, "
        "with enough lines around it. An empty old_str creates the file, or appends to one that exists.",
        ["path", "old_str", "new_str"],
        path=_PATH,
        old_str=_text("The present text."),
        new_str=_text("What replaces it."),
        replace_all={"type": "boolean", "description": "Replace every place."},
    ),
    "run_command": _spec(
        "run_command",
        "Runs a shell command at the repository's root, sandboxed, without network. Long output is cut in the middle.",
        ["command"],
        command=_text("As for bash -c."),
        timeout={"type": "integer", "description": "Seconds; 120 unless given, at most 600."},
    ),
    "propose_plan": _spec(
        "propose_plan",
        "Hands your plan to the person and waits for their answer. Before they approve it nothing can be changed.",
        ["title", "plan"],
        title=_text("One line: what will be done."),
        plan=_text("Markdown: what you found (paths), the steps in order, how each is checked, risks."),
    ),
    "finish": _spec(
        "finish", "Ends the run and hands over the work.", ["title", "summary"], title=_TITLE, summary=_SUMMARY
    ),
    "review": _spec(
        "finish",
        "Ends the review and hands over its findings.",
        ["title", "summary", "findings"],
        title=_TITLE,
        summary=_SUMMARY,
        findings={"type": "array", "items": FINDING},
    ),
}


def argument_fault(specs: list[ToolSpec], call: ToolCall) -> str | None:
    """What is wrong with a call, as a sentence for the model; None where nothing is."""
    spec = next((spec for spec in specs if spec.name == call.name), None)
    if spec is None:
        return f"There is no tool {call.name!r}. There are: {', '.join(spec.name for spec in specs)}."
    if call.args is None:
        return f"The arguments of {call.name} were not readable JSON (perhaps cut off). Send the call again."
    try:
        json.dumps(call.args, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return f"{call.name}: half a surrogate pair is no character. Send whole characters."
    return _object_fault(call.name, spec.parameters, call.args)


def _object_fault(where: str, schema: dict[str, Any], value: dict[str, Any]) -> str | None:
    missing = [name for name in schema["required"] if name not in value]
    if missing:
        return f"{where} lacks {', '.join(missing)}."
    for name, kind in schema["properties"].items():
        if name not in value:
            continue
        given = value[name]
        if not isinstance(given, _TYPES[kind["type"]]) or (kind["type"] == "integer" and isinstance(given, bool)):
            return f"{where}: {name} must be of type {kind['type']}."
        for item in given if isinstance(given, list) else []:
            if not isinstance(item, dict):
                return f"{where}: {name} must hold objects."
            fault = _object_fault(f"{where}: {name}", kind["items"], item)
            if fault:
                return fault
    return None

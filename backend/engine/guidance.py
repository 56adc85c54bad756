"""What the repository itself says to whoever works on it: quoted as its words, capped, and stripped of what hides."""

import re
from collections.abc import Container
from pathlib import Path

from backend.errors import InvalidInput
from backend.hidden_text import plain
from backend.workspace import files

_ROOT_NAMES = ("AGENTS.md", "CLAUDE.md", ".github/copilot-instructions.md")
_CAP = 8_000  # characters of one file
_CAP_BYTES = 200_000


def read(workspace: Path, without: Container[str] = ()) -> str:
    """The guidance at the repository's root, each file quoted under its name; empty where there is none.

    Files in `without` are left out.
    """
    names = (name for name in _ROOT_NAMES if name not in without)
    return "\n".join(quoted for name in names if (quoted := _quoted(workspace, name)))


def nested(workspace: Path, path: str, told: set[str]) -> str:
    """The AGENTS.md of each folder on the way to a file that was not told yet; adds those folders to `told`."""
    parts = [part for part in path.split("/") if part not in ("", ".")][:-1]
    found = []
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        if folder not in told:
            told.add(folder)
            found.append(_quoted(workspace, f"{folder}/AGENTS.md"))
    return "".join(f"\n\n{quoted}" for quoted in found if quoted)


def _quoted(workspace: Path, name: str) -> str:
    try:
        data = files.read_bytes(workspace, name, _CAP_BYTES)
    except InvalidInput:
        return ""  # absent, a link, or far too large: guidance is a courtesy, not a need
    text = plain(data.decode("utf-8", "replace")).strip()
    if not text:
        return ""
    cut = text if len(text) <= _CAP else text[:_CAP] + "\n(cut)"
    fence = max((len(run) for run in re.findall(r"`{3,}", cut)), default=2) + 1
    return f"{name} of the repository says:\n{'`' * fence}\n{cut}\n{'`' * fence}"

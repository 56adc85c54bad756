"""Which command runs a repository's tests, from what lies in it and from which programs the jail has."""

import json
import re
import tomllib
from collections.abc import Collection
from pathlib import Path

from backend.errors import InvalidInput
from backend.workspace import files

_LIMIT = 1 << 20  # bytes of a file that is looked into
_LOOKED_AT = 40  # test files; enough to see what a suite is written for
_NO_TEST = "no test specified"  # what `npm init` writes
_PACKAGE_MANAGERS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"}


def test_command(work_tree: Path, programs: Collection[str] | None = None) -> str | None:
    """The shell command that runs the tests, None where there are none to be seen.

    `programs` names what the jail can run (`sandbox.programs.available`; "pytest" means that Python can import it). A
    command that it cannot run is still better than none: the evidence then says why it could not be checked.
    """
    for found in (_python, _node, _go, _rust, _make):
        if command := found(work_tree, programs):
            return command
    return None


def _has(programs: Collection[str] | None, name: str) -> bool:
    return programs is None or name in programs


def _python(work_tree: Path, programs: Collection[str] | None) -> str | None:
    python = "python3" if _has(programs, "python3") or not _has(programs, "python") else "python"
    tests = _python_tests(work_tree)
    configured = _is_pytest_configured(work_tree)
    if not tests:
        return f"{python} -m pytest" if configured else None
    texts = [_text(work_tree, path) for path in tests[:_LOOKED_AT]]
    needs_pytest = any(re.search(r"^\s*(import pytest|from pytest)\b", text, re.MULTILINE) for text in texts)
    is_unittest = any(re.search(r"^\s*(import unittest|from unittest\b)", text, re.MULTILINE) for text in texts)
    has_pytest = programs is not None and "pytest" in programs
    if needs_pytest or not is_unittest or (configured and has_pytest):
        return f"{python} -m pytest"
    # Unittest finds by itself only what lies in packages beneath the root.
    folders = {path.rpartition("/")[0] for path in tests}
    top = sorted(folders, key=len)[0]
    if top and not files.stat(work_tree, f"{top}/__init__.py"):
        return f"{python} -m unittest discover -s {top}" if re.fullmatch(r"[\w./-]+", top) else f"{python} -m pytest"
    return f"{python} -m unittest"


def _python_tests(work_tree: Path) -> list[str]:
    """Files with tests in the root and beneath the usual folders."""
    found = [entry.path for entry in files.list_dir(work_tree) if _is_python_test(entry.path)]
    for folder in ("tests", "test"):
        entry = files.stat(work_tree, folder)
        if entry and entry.kind == "folder":
            found += [inner.path for inner in files.walk(work_tree, folder) if _is_python_test(inner.path)]
    if not found:
        found = [entry.path for entry in files.walk(work_tree) if _is_python_test(entry.path)]
    return found


def _is_python_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    is_vendored = re.search(r"(^|/)(\.[^/]+|node_modules|venv|site-packages)/", path)
    return bool(re.fullmatch(r"test_\w*\.py|\w+_test\.py", name)) and not is_vendored


def _is_pytest_configured(work_tree: Path) -> bool:
    if files.stat(work_tree, "pytest.ini") or files.stat(work_tree, "conftest.py"):
        return True
    if "[tool:pytest]" in _text(work_tree, "setup.cfg") or "[pytest]" in _text(work_tree, "tox.ini"):
        return True
    try:
        tools = tomllib.loads(_text(work_tree, "pyproject.toml")).get("tool", {})
    except tomllib.TOMLDecodeError:
        return False
    return "pytest" in tools


def _node(work_tree: Path, programs: Collection[str] | None) -> str | None:
    try:
        package = json.loads(_text(work_tree, "package.json") or "null")
    except ValueError:
        return None
    scripts = package.get("scripts") if isinstance(package, dict) else None
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or not script.strip() or _NO_TEST in script:
        return None
    for lock, manager in _PACKAGE_MANAGERS.items():
        if files.stat(work_tree, lock) and _has(programs, manager):
            return f"{manager} test" if manager != "bun" else "bun run test"
    return "npm test"


def _go(work_tree: Path, programs: Collection[str] | None) -> str | None:
    has_tests = files.stat(work_tree, "go.mod") and any(e.path.endswith("_test.go") for e in files.walk(work_tree))
    return "go test ./..." if has_tests else None


def _rust(work_tree: Path, programs: Collection[str] | None) -> str | None:
    return "cargo test" if files.stat(work_tree, "Cargo.toml") else None


def _make(work_tree: Path, programs: Collection[str] | None) -> str | None:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        for target in ("test", "check"):
            if re.search(rf"^{target}\s*:(?!=)", _text(work_tree, name), re.MULTILINE):
                return f"make {target}"
    return None


def _text(work_tree: Path, path: str) -> str:
    """A file's text; empty where it is missing, a link, or too large to be what its name says."""
    try:
        return files.read_bytes(work_tree, path, _LIMIT).decode("utf-8", "replace")
    except InvalidInput:
        return ""

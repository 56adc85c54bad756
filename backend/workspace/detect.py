"""Which command runs a repository's tests, and what its end says about the commit it ran on."""

import json
import re
import tomllib
from collections.abc import Collection
from pathlib import Path

from backend.errors import InvalidInput
from backend.words import Verdict
from backend.workspace import files

_LIMIT = 1 << 20  # bytes of a file that is looked into
_LOOKED_AT = 40  # test files; enough to see what a suite is written for
_NO_TEST = "no test specified"  # what `npm init` writes
_NOT_THERE, _NO_PYTEST_TESTS = (126, 127), 5  # POSIX: not executable, not found; pytest: nothing collected
_TAIL = 20_000  # bytes of an output where its last words are looked for

# A missing interpreter or test runner says nothing about the code.
_MISSING = re.compile(
    rb"No module named '?(?:pytest|unittest|tox|nose)\b|Missing script|could not determine executable|"
    rb"\w+: (?:command )?not found|prlimit: failed to execute [^:]+|make: [\w./-]+: No such file or directory|"
    rb"Could not resolve host|Temporary failure in name resolution|EAI_AGAIN|ENOTFOUND|Network is unreachable|"
    rb"dial tcp: lookup|failed to download|failed to get .* as a dependency|JAVA_HOME|in offline mode|"
    rb"available for offline mode|UnknownHostException"
)
_RAN_NOTHING = re.compile(
    rb"\bRan 0 tests in|\bno tests ran\b|\bNo tests found\b|\[no test files\]|\brunning 0 tests\b|"
    rb"\bNo tests to run\.|:test NO-SOURCE\b"
)
_RAN_SOMETHING = re.compile(
    rb"\bRan [1-9]\d* tests? in|\b[1-9]\d* (?:passed|failed|passing|failing)\b|^(?:ok|FAIL|not ok)\s|"
    rb"\brunning [1-9]\d* tests?\b|\bTests run: [1-9]|\b[1-9]\d* tests? completed\b",
    re.MULTILINE,
)
_GRADLE_FILES = ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
_PACKAGE_MANAGERS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"}


def test_command(work_tree: Path, programs: Collection[str] | None = None) -> str | None:
    """The shell command that runs the tests, None where there are none to be seen.

    `programs` names what the jail can run (`sandbox.programs.available`; "pytest" means that Python can import it). A
    command that it cannot run is still better than none: the evidence then says why it could not be checked.
    """
    command = _python(work_tree, programs) or _node(work_tree, programs)
    return command or _go(work_tree) or _rust(work_tree) or _java(work_tree, programs) or _make(work_tree)


def judge(exit_code: int, output: bytes, killed_by: str | None = None) -> tuple[Verdict, str]:
    """What a test run of the worker's own is worth, with the reason in one sentence where it is not plain.

    `output` is its stdout and stderr. A run without a single test is no evidence, whatever its exit code.
    """
    if killed_by:
        return Verdict.FAILED, f"The tests were stopped: {killed_by}."
    ran_nothing = _RAN_NOTHING.search(output) and not _RAN_SOMETHING.search(output)
    if ran_nothing and exit_code in (0, _NO_PYTEST_TESTS):
        return Verdict.NOT_RUN, "The test command ran, but it found no test."
    if exit_code == 0:
        return Verdict.VERIFIED, ""
    if exit_code in _NOT_THERE or says_missing(output):
        words = output.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        return Verdict.CANNOT_RUN, f"What the tests need is not there in the jail: {words}"
    return Verdict.FAILED, f"The tests ended with exit code {exit_code}."


def says_missing(output: bytes) -> bool:
    """Whether a failed test run says that an interpreter, a test runner or the network is missing.

    Only where no test got to run: a test that fails for want of them has failed.
    """
    return not _RAN_SOMETHING.search(output) and bool(_MISSING.search(output[-_TAIL:]))


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


def _go(work_tree: Path) -> str | None:
    has_tests = files.stat(work_tree, "go.mod") and any(e.path.endswith("_test.go") for e in files.walk(work_tree))
    return "go test ./..." if has_tests else None


def _rust(work_tree: Path) -> str | None:
    return "cargo test" if files.stat(work_tree, "Cargo.toml") else None


def _java(work_tree: Path, programs: Collection[str] | None) -> str | None:
    """Maven or Gradle, told that there is no network: what they need was loaded by the set-up."""
    if not any("src/test/" in f"/{entry.path}" for entry in files.walk(work_tree)):
        return None
    if files.stat(work_tree, "pom.xml"):
        return f"{_tool(work_tree, programs, 'mvn', 'mvnw')} -B -o test"
    if any(files.stat(work_tree, name) for name in _GRADLE_FILES):
        return f"{_tool(work_tree, programs, 'gradle', 'gradlew')} --offline --console=plain test"
    return None


def _tool(work_tree: Path, programs: Collection[str] | None, program: str, wrapper: str) -> str:
    """The repository's own wrapper, which knows the version; it is not always executable."""
    is_wrapped = files.stat(work_tree, wrapper) and (programs is None or program not in programs)
    return f"sh ./{wrapper}" if is_wrapped else program


def _make(work_tree: Path) -> str | None:
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

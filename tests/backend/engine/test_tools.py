"""The six tools on a true workspace: what the model sees, and what it cannot reach."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from backend.engine.tools import Toolbox, ToolOutcome
from backend.providers.base import ToolCall
from backend.sandbox.base import Sandbox
from backend.words import TaskType


class Hand:
    def __init__(self, toolbox: Toolbox) -> None:
        self.toolbox = toolbox

    def __call__(self, name: str, **args: Any) -> ToolOutcome:
        return self.toolbox.execute(ToolCall("c", name, args), lambda: False)


@pytest.fixture
def use(workspace: Path, sandbox: Sandbox) -> Hand:
    return Hand(Toolbox(workspace, sandbox, TaskType.ASYNC))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("search", {"pattern": "\ud83d"}),
        ("search", {"pattern": "x", "glob": "\ud83d"}),
        ("edit_file", {"path": "f", "old_str": "", "new_str": "\ud83d"}),
        ("run_command", {"command": "echo \ud83d"}),
        ("run_command", {"command": "true", "\ud83d": 1}),
    ],
)
def test_half_a_surrogate_pair_is_refused_as_malformed(use: Hand, name: str, args: dict[str, Any]) -> None:
    outcome = use(name, **args)
    assert outcome.is_malformed and "surrogate" in outcome.text


def test_a_search_passes_by_what_is_no_text_or_cannot_be_read(use: Hand, workspace: Path) -> None:
    (workspace / "found").write_text("needle\n")
    os.mkfifo(workspace / "pipe")
    (workspace / "closed").write_text("needle\n")
    (workspace / "closed").chmod(0)
    shown = use("search", pattern="needle")
    assert "found:1:needle" in shown.text and not shown.is_error
    began = time.monotonic()
    assert use("search", pattern="needle", path="pipe").is_error
    assert time.monotonic() - began < 10
    assert use("search", pattern="needle(").is_error


def test_a_file_is_shown_with_its_line_numbers(use: Hand) -> None:
    shown = use("read_file", path="README.md")
    assert shown.text == "     1\t# Sample shop\n     2\t\n     3\tA cart and its totals."
    assert (shown.summary, shown.path) == ("Read README.md, lines 1–3", "README.md")


def test_a_long_file_is_shown_in_parts_that_say_how_to_go_on(use: Hand, workspace: Path) -> None:
    (workspace / "long.txt").write_text("".join(f"line {n}\n" for n in range(1, 5_001)))
    first = use("read_file", path="long.txt")
    assert len(first.text) < 17_000 and "read on with start=" in first.text
    part = use("read_file", path="long.txt", start=4_999, end=6_000)
    assert part.text == "  4999\tline 4999\n  5000\tline 5000"


def test_a_single_huge_line_is_cut(use: Hand, workspace: Path) -> None:
    (workspace / "min.js").write_text("x" * 1_000_000)
    assert len(use("read_file", path="min.js").text) <= 16_100


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../secret", "a/../../x", ".git/config", ".GIT/config", "link", "folder/passwd", "no\0pe", ""],
)
def test_no_path_leads_out(use: Hand, workspace: Path, path: str) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".git/config").write_text("[core]\n")
    (workspace / "link").symlink_to("/etc/passwd")
    (workspace / "folder").symlink_to("/etc")
    for outcome in (
        use("read_file", path=path),
        use("edit_file", path=path, old_str="", new_str="x"),
        use("edit_file", path=path, old_str="root", new_str="toor"),
    ):
        assert outcome.is_error and "root:" not in outcome.text
    assert (workspace / ".git/config").read_text() == "[core]\n" and (workspace / "link").is_symlink()


def test_searching_through_a_planted_link_finds_nothing_outside(use: Hand, workspace: Path) -> None:
    (workspace / "link").symlink_to("/etc/passwd")
    assert use("search", pattern="root:").text == "(no hits)"
    assert use("search", pattern="root:", path="link").text != "root:"


def test_a_search_names_path_line_and_text(use: Hand) -> None:
    found = use("search", pattern="def total", glob="*.py")
    assert found.text.startswith("shop/totals.py:15:def total(") and found.summary.endswith("1 hit")
    assert use("search", pattern="-e", path="shop").text == "(no hits)"
    assert use("search", pattern="(").is_error
    assert use("search", pattern="x", path="nowhere").is_error


def test_a_search_with_too_many_hits_says_how_many_are_left_out(use: Hand, workspace: Path) -> None:
    (workspace / "many.txt").write_text("needle\n" * 1_000)
    assert "(800 more hits" in use("search", pattern="needle").text


def test_files_are_listed_by_glob_without_git(use: Hand, workspace: Path) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".git/HEAD").write_text("ref")
    assert use("list_files").text.split("\n") == [
        "README.md", "shop/__init__.py", "shop/totals.py", "tests/__init__.py", "tests/test_totals.py",
    ]  # fmt: skip
    assert use("list_files", path="shop", glob="tot*").text == "shop/totals.py"
    assert use("list_files", glob="**/test_*.py").text == "tests/test_totals.py"


def test_an_empty_old_text_creates_with_folders_and_appends(use: Hand, workspace: Path, sandbox: Sandbox) -> None:
    made = use("edit_file", path="docs/new/a.md", old_str="", new_str="one\n")
    assert "Created" in made.text and (made.added, made.removed) == (1, 0)
    use("edit_file", path="docs/new/a.md", old_str="", new_str="two\n")
    assert (workspace / "docs/new/a.md").read_text() == "one\ntwo\n"
    if sandbox.owner:
        assert (workspace / "docs/new/a.md").stat().st_uid == sandbox.owner[0]


def test_an_edit_of_a_file_that_changed_since_it_was_read_is_refused(use: Hand, workspace: Path) -> None:
    use("read_file", path="README.md")
    (workspace / "README.md").write_text("# Another shop\n\nA cart and its totals.\n")
    refused = use("edit_file", path="./README.md", old_str="A cart", new_str="Two carts")
    assert refused.is_error and "changed since you read it" in refused.text
    use("read_file", path="README.md")
    assert not use("edit_file", path="README.md", old_str="A cart", new_str="Two carts").is_error
    assert not use("edit_file", path="README.md", old_str="Two carts", new_str="A cart").is_error


def test_an_edit_keeps_bytes_that_are_no_text_and_the_executable_bit(use: Hand, workspace: Path) -> None:
    script = workspace / "run.sh"
    script.write_bytes(b"#!/bin/sh\necho \xff\xfe\necho old\n")
    script.chmod(0o755)
    use("edit_file", path="run.sh", old_str="echo old", new_str="echo new")
    assert script.read_bytes() == b"#!/bin/sh\necho \xff\xfe\necho new\n" and script.stat().st_mode & 0o777 == 0o755


def test_a_binary_file_is_not_shown(use: Hand, workspace: Path) -> None:
    (workspace / "logo.png").write_bytes(b"\x89PNG\0\0")
    assert use("read_file", path="logo.png").is_error


def test_a_command_shows_output_and_exit_code(use: Hand) -> None:
    done = use("run_command", command="echo out; echo err >&2; exit 3")
    assert done.text == "out\nerr\n(exit code 3)" and (done.exit_code, done.is_error) == (3, False)
    assert done.summary == "echo out; echo err >&2; exit 3 → exit code 3" and done.duration > 0


def test_long_output_is_cut_in_the_middle_and_kept_whole(use: Hand) -> None:
    done = use("run_command", command="seq 1 100000")
    assert done.text.startswith("1\n2\n") and "100000\n(exit code 0)" in done.text and "left out" in done.text
    assert len(done.text) < 20_200 and done.full is not None and done.full.count(b"\n") == 100_000


def test_a_terminals_tricks_are_taken_out(use: Hand) -> None:
    done = use("run_command", command=r"printf '\033[31mred\033[0m\n10%%\r100%%\n\000\n'")
    assert done.text == "red\n100%\n�\n(exit code 0)"


def test_a_command_that_takes_too_long_is_stopped(use: Hand) -> None:
    done = use("run_command", command="sleep 30", timeout=1)
    assert done.is_error and "stopped after 1 s" in done.text


def test_bash_is_what_models_write_for(use: Hand) -> None:
    assert use("run_command", command="[[ a == a ]] && echo {1..3}").text.startswith("1 2 3")


def test_running_tests_leaves_no_droppings(use: Hand, workspace: Path) -> None:
    use("run_command", command="python3 -m unittest")
    assert not list(workspace.rglob("__pycache__"))


def test_guidance_in_a_folder_is_told_once_with_the_first_file_read_there(use: Hand, workspace: Path) -> None:
    (workspace / "shop/AGENTS.md").write_text("Use Decimal.<!-- hidden order -->\u200b\n")
    first, second = use("read_file", path="shop/totals.py"), use("read_file", path="shop/totals.py")
    assert "shop/AGENTS.md of the repository says:\n```\nUse Decimal.\n```" in first.text
    assert "hidden" not in first.text and "AGENTS" not in second.text


def test_a_hit_in_a_single_file_names_the_file_too(use: Hand) -> None:
    assert use("search", pattern="Sample", path="README.md").text == "README.md:1:# Sample shop"


def test_what_a_set_up_installed_is_named_and_listed_only_when_asked_for(use: Hand) -> None:
    for path in ("node_modules/left/index.js", "web/.venv/lib/six.py"):
        (use.toolbox.workspace / path).parent.mkdir(parents=True)
        (use.toolbox.workspace / path).touch()
    listed = use("list_files").text.split("\n")
    assert {"node_modules  (folder)", "web/.venv  (folder)"} <= set(listed) and not any("six" in one for one in listed)
    assert use("list_files", path="node_modules").text == "node_modules/left/index.js"

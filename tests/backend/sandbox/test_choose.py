"""Which jail is taken, and what is said where there is none."""

import os
from pathlib import Path

import pytest

from backend.errors import RunFailed, SandboxUnavailable
from backend.sandbox.bubblewrap import Bubblewrap
from backend.sandbox.choose import choose
from backend.sandbox.none import Unjailed
from backend.sandbox.programs import available
from backend.sandbox.selftest import scratch
from backend.words import Failure


def test_auto_takes_the_first_jail_that_passes_and_remembers_it() -> None:
    sandbox = choose("auto")
    assert sandbox.kind in ("bubblewrap", "sandlock")
    assert choose("auto") is sandbox


def test_none_is_taken_only_where_it_was_typed() -> None:
    assert choose("none").kind == "none"


def test_a_machine_without_bubblewrap_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable) as refused:
        choose("bubblewrap", (Path("/nowhere/else"),))
    assert "apt-get install bubblewrap" in refused.value.fix


def test_a_jail_that_does_not_start_says_so(bubblewrap: Bubblewrap, workspace: Path) -> None:
    with pytest.raises(RunFailed) as lost:
        bubblewrap.run(["true"], workspace=workspace / "not-there", timeout=5)
    assert lost.value.failure is Failure.SANDBOX_LOST
    assert "not-there" in str(lost.value)


def test_the_programs_of_a_jail_are_listed(bubblewrap: Bubblewrap, workspace: Path) -> None:
    assert {"python3", "git"} <= available(bubblewrap, workspace)


def test_without_a_jail_the_whole_tree_still_ends(tmp_path: Path) -> None:
    script = "(setsid sh -c 'while :; do echo . >> beat; sleep 0.02; done' &); sleep 60"
    done = Unjailed().run(["sh", "-c", script], workspace=tmp_path, timeout=1.5)
    size = (tmp_path / "beat").stat().st_size
    assert done.killed_by == "timeout"
    assert Unjailed().run(["sleep", "0.2"], workspace=tmp_path, timeout=5).exit_code == 0
    assert (tmp_path / "beat").stat().st_size == size


def test_without_a_jail_a_missing_program_is_127(tmp_path: Path) -> None:
    assert Unjailed().run(["no-such-program"], workspace=tmp_path, timeout=5).exit_code == 127


def test_what_a_killed_self_test_left_goes_with_a_later_one(tmp_path: Path) -> None:
    left, recent = tmp_path / "asynccoder-probe-left", tmp_path / "asynccoder-probe-recent"
    for folder in (left, recent):
        (folder / "workspace").mkdir(parents=True)
    os.utime(left, (0, 0))
    with scratch(Unjailed(), tmp_path) as workspace:
        assert sorted(tmp_path.iterdir()) == sorted([recent, workspace.parent])

"""The supervisor with small real children."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.data_dir import Held, Record, Started, end_leftovers, held, running, since
from backend.errors import Misconfigured
from backend.parts import Part, launched
from backend.ports import ensure_free
from backend.supervisor import PartFailed, Supervisor

SLEEP = (sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(600)")


class Stage:
    """A supervisor on a folder of its own, with everything it said."""

    def __init__(self, folder: Path, parts: list[Part]) -> None:
        self.said: list[str] = []
        self.told: list[str] = []
        self.record = Record(folder / "up.json")
        self.supervisor = Supervisor(
            parts,
            record=self.record,
            say=lambda name, text: self.said.append(f"{name}: {text}"),
            tell=self.told.append,
            ready="all up",
        )

    def run(self, act: Callable[[], None] | None = None, seconds: float = 60) -> float:
        """Runs until the stop that `act` (once all are up) ends with; gives how long the stop took."""
        return asyncio.run(asyncio.wait_for(self._run(act), seconds))

    async def _run(self, act: Callable[[], None] | None) -> float:
        task = asyncio.create_task(self.supervisor.run())
        while "all up" not in self.told and not task.done():
            await asyncio.sleep(0.01)
        if act is not None and not task.done():
            await asyncio.to_thread(act)
        begun = time.monotonic()
        self.supervisor.stop()
        await task
        return time.monotonic() - begun

    def pid(self, name: str) -> int:
        return self.record.children[name].pid


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    return since(pid) is None


def test_parts_start_in_order_and_each_waits_for_the_health_of_the_one_before(tmp_path: Path) -> None:
    first = tmp_path / "first"
    script = f"import time, pathlib; time.sleep(0.3); pathlib.Path({str(first)!r}).touch(); time.sleep(600)"
    looks = f"import pathlib, sys; sys.exit(0 if pathlib.Path({str(first)!r}).exists() else 3)"
    stage = Stage(
        tmp_path,
        [
            Part("first", (sys.executable, "-S", "-c", script), health=first.exists),
            Part("second", (sys.executable, "-S", "-c", looks), is_once=True, summary="saw the first"),
        ],
    )
    stage.run()
    assert [line.split()[0] for line in stage.told[:2]] == ["first", "second"]
    assert "saw the first" in stage.told[1]


def test_a_part_that_ends_at_once_is_told_with_its_last_words_and_the_others_are_stopped(tmp_path: Path) -> None:
    dies = (sys.executable, "-S", "-c", "import sys; print('the disk is full'); sys.exit(4)")
    stage = Stage(tmp_path, [Part("lives", SLEEP), Part("dies", dies, health=lambda: False)])
    with pytest.raises(PartFailed, match=r"dies did not start \(exit code 4\): the disk is full"):
        stage.run()
    assert is_gone(stage.pid("lives"))


def test_a_part_that_never_answers_is_given_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [Part("mute", SLEEP, health=lambda: False, start_seconds=0.3)])
    with pytest.raises(PartFailed, match="does not answer within"):
        stage.run()
    assert is_gone(stage.pid("mute"))


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [Part("lost", ("/nowhere/at all",), health=lambda: False)])
    with pytest.raises(PartFailed, match="No such file or directory"):
        stage.run()


def test_a_part_that_is_killed_comes_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [Part("one", SLEEP, health=lambda: True)])

    def kill() -> None:
        before = stage.pid("one")
        os.kill(before, signal.SIGKILL)
        until(lambda: stage.pid("one") != before and any("is back" in line for line in stage.told))

    stage.run(kill)
    assert any("killed by SIGKILL" in line for line in stage.told)
    assert is_gone(stage.pid("one"))


def test_a_part_that_keeps_ending_is_started_less_and_less_often(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [Part("short", (sys.executable, "-S", "-c", "print(1)"))])
    stage.run(lambda: until(lambda: sum("again in" in line for line in stage.told) >= 3, 10))
    pauses = [line.rpartition("again in ")[2] for line in stage.told if "again in" in line]
    assert pauses[:3] == ["0.5 s", "1 s", "2 s"]


def test_a_child_that_ignores_the_stop_is_killed_with_its_whole_group(tmp_path: Path) -> None:
    script = "trap '' TERM; (trap '' TERM; sleep 600) & echo $!; wait; sleep 600"
    stage = Stage(tmp_path, [Part("deaf", ("sh", "-c", script), stop_seconds=0.3)])
    stage.run(lambda: until(lambda: bool(stage.said)))
    grandchild = int(stage.said[0].split()[1])
    until(lambda: is_gone(grandchild))
    assert is_gone(stage.pid("deaf"))


def test_a_grandchild_that_holds_the_output_open_does_not_hold_the_stop(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [Part("parent", ("sh", "-c", "setsid sleep 3 & sleep 600"))])
    assert stage.run() < 2


def test_servers_are_stopped_after_those_who_need_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"trap 'echo $0 >> \"{log}\"; exit' TERM; echo ready; while :; do sleep 0.05; done"
    parts = [Part(name, ("sh", "-c", script, name), is_server=name == "server") for name in ("server", "client")]
    stage = Stage(tmp_path, parts)
    stage.run(lambda: until(lambda: len(stage.said) == 2))
    assert log.read_text().split() == ["client", "server"]


def test_a_second_stop_does_not_wait(tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    stage = Stage(tmp_path, [Part("deaf", ("sh", "-c", script), stop_seconds=60)])

    def twice() -> None:
        until(lambda: bool(stage.said))
        stage.supervisor.stop()

    assert stage.run(twice) < 3


def test_a_very_long_line_is_passed_on_in_pieces(tmp_path: Path) -> None:
    script = "import time; print('x' * 300_000, flush=True); print('after', flush=True); time.sleep(600)"
    stage = Stage(tmp_path, [Part("loud", (sys.executable, "-S", "-c", script))])
    stage.run(lambda: until(lambda: "loud: after" in stage.said))
    assert sum(line.count("x") for line in stage.said) == 300_000


def test_a_part_gives_the_terminal_no_orders(tmp_path: Path) -> None:
    said = "print('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\rweb\\x9b', flush=True)"
    stage = Stage(tmp_path, [Part("loud", (sys.executable, "-S", "-c", f"import time; {said}; time.sleep(600)"))])
    stage.run(lambda: until(lambda: bool(stage.said)))
    assert stage.said == ["loud: red \ufffd]0;title\ufffd\ufffdweb\ufffd"]


def test_children_end_when_the_one_who_started_them_is_killed(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        "from backend.parts import launched\n"
        "child = subprocess.Popen(launched(('sleep', '600'), death_signal=9), start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
    parent.kill()
    parent.wait()
    until(lambda: is_gone(child))


def test_the_launcher_gives_up_when_its_parent_is_already_gone() -> None:
    argv = list(launched(("true",), death_signal=9))
    argv[argv.index("--parent") + 1] = "1"
    assert subprocess.run(argv, check=False).returncode == 128 + 9


def test_a_second_up_on_a_data_dir_is_told_who_holds_it(tmp_path: Path) -> None:
    with held(tmp_path, url="http://127.0.0.1:3000"):
        with pytest.raises(Held, match=rf"process {os.getpid()}, http://127.0.0.1:3000") as refused, held(tmp_path):
            pass
        assert refused.value.exit_code == 75
        assert running(tmp_path) is not None
    assert running(tmp_path) is None
    with held(tmp_path):
        pass


def test_nothing_of_the_lock_stays_behind(tmp_path: Path) -> None:
    with held(tmp_path):
        assert (tmp_path / "run" / "up.json").exists()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_folder_where_a_file_stands_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(Misconfigured) as refused, held(tmp_path / "data"):
        pass
    assert "ASYNCCODER_DATA_DIR" in refused.value.fix


def test_leftovers_of_an_older_up_are_ended_and_a_reused_pid_is_left_alone(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    started = since(left.pid)
    assert started is not None
    record = Record(tmp_path / "up.json")
    record.children["left"] = Started("left", left.pid, started, signal.SIGTERM)
    record.children["stranger"] = Started("stranger", stranger.pid, "another boot 123", signal.SIGTERM)
    end_leftovers(record.children.values())
    assert left.wait(5) == -signal.SIGTERM
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_taken_port_is_told_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Misconfigured) as refused:
            ensure_free("127.0.0.1", port, what="web server")
    assert f"(process {os.getpid()})" in str(refused.value)
    assert "ASYNCCODER_PORT" in refused.value.fix
    ensure_free("127.0.0.1", port, what="web server")


def test_an_address_of_another_machine_is_refused_in_one_sentence() -> None:
    with pytest.raises(Misconfigured, match=r"cannot listen on 192\.0\.2\.1"):
        ensure_free("192.0.2.1", 3000, what="web server")


def test_a_part_that_starts_early_serves_only_when_its_turn_comes(tmp_path: Path) -> None:
    order = tmp_path / "order"
    waits = f"read line; echo early-$line >> '{order}'; echo told; sleep 600"
    first = f"sleep 0.3; echo first >> '{order}'"
    stage = Stage(
        tmp_path,
        [
            Part("first", ("sh", "-c", first), is_once=True),
            Part("early", ("sh", "-c", waits), starts_early=True),
        ],
    )
    stage.run(lambda: until(lambda: "early: told" in stage.said))
    assert order.read_text().split() == ["first", "early-go"]


def test_a_part_that_started_early_and_died_is_started_again_at_its_turn(tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    script = f"if [ -e '{tried}' ]; then read line; echo up; sleep 600; fi; touch '{tried}'"
    parts = [
        Part("first", ("sleep", "0.4"), is_once=True),
        Part("early", ("sh", "-c", script), starts_early=True),
    ]
    stage = Stage(tmp_path, parts)
    stage.run(lambda: until(lambda: "early: up" in stage.said))
    assert not [line for line in stage.told if "ended" in line]


def test_a_part_that_is_not_needed_is_not_started(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    stage = Stage(tmp_path, [Part("once", ("touch", str(ran)), is_once=True, is_needed=lambda: False)])
    stage.run()
    assert not ran.exists()
    assert stage.told[0].startswith("once")


def test_noise_is_not_shown_but_is_remembered_for_the_last_words(tmp_path: Path) -> None:
    script = "echo noise one; echo news; echo noise two; exit 3"
    stage = Stage(
        tmp_path,
        [Part("loud", ("sh", "-c", script), health=lambda: False, is_noise=lambda line: "noise" in line)],
    )
    with pytest.raises(PartFailed, match="noise two"):
        stage.run()
    assert stage.said == ["loud: news"]


def test_the_fix_that_a_part_says_is_told_with_its_sentence(tmp_path: Path) -> None:
    script = "echo 'asynccoder: The disk is full.'; echo '  Make room.'; exit 1"
    stage = Stage(tmp_path, [Part("migrate", ("sh", "-c", script), is_once=True)])
    with pytest.raises(PartFailed, match=r"The disk is full\. Make room\."):
        stage.run()

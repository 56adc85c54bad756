"""What a command in a jail cannot reach: the service, its files and sockets, other processes, shared memory."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from backend.sandbox.base import Sandbox
from backend.sandbox.bubblewrap import Bubblewrap
from backend.sandbox.none import Unjailed
from backend.sandbox.selftest import probes
from tests.backend.sandbox.conftest import sh


def test_nothing_of_the_services_environment_is_seen(
    jail: Sandbox, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCCODER_SECRET_KEYS", "the-key-of-everything")
    _, said = sh(jail, workspace, "env; cat /proc/*/environ | tr '\\0' '\\n'", env={"GIVEN": "this"})
    assert "GIVEN=this" in said
    assert "the-key-of-everything" not in said


def test_a_variable_for_the_command_is_on_no_command_line(bubblewrap: Bubblewrap, workspace: Path) -> None:
    seen: list[bytes] = []

    def look() -> bool:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(entry.read_bytes())
            except OSError:
                continue
        return False

    done = bubblewrap.run(
        ["sh", "-c", "sleep 0.3; echo $SECRET"],
        workspace=workspace,
        timeout=10,
        env={"SECRET": "value-of-a-secret"},
        cancelled=look,
    )
    assert done.stdout == b"value-of-a-secret\n"
    assert any(b"sleep" in line for line in seen)
    assert not any(b"value-of-a-secret" in line for line in seen)


def test_open_descriptors_are_not_inherited(jail: Sandbox, workspace: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    try:
        code, said = sh(jail, workspace, f"python3 -c 'import os; os.fstat({read})'")
        assert code == 1 and "Bad file descriptor" in said
    finally:
        os.close(read)
        os.close(write)


def test_files_around_the_workspace_are_out_of_reach(jail: Sandbox, workspace: Path) -> None:
    beside = workspace.parent / "another-run"
    beside.mkdir()
    (beside / "secret").write_text("of another task")
    beside.chmod(0o755)
    (workspace / "link").symlink_to(beside / "secret")
    script = f"cat {beside}/secret; cat ../another-run/secret; cat link; ls {beside}; echo x > {beside}/new"
    _, said = sh(jail, workspace, script)
    assert "of another task" not in said
    assert os.listdir(beside) == ["secret"]


def test_sockets_of_this_machine_are_out_of_reach(jail: Sandbox, workspace: Path) -> None:
    name = workspace.parent / "socket"
    with (
        socket.socket(socket.AF_UNIX) as by_path,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        by_path.bind(str(name))
        name.chmod(0o777)
        abstract.bind(f"\0{name}")
        udp.bind(("127.0.0.1", 0))
        for listener in (by_path, abstract, tcp):
            listener.listen()
        script = f"""
import socket
for family, address in ((socket.AF_UNIX, {str(name)!r}), (socket.AF_UNIX, "\\0" + {str(name)!r}),
                        (socket.AF_INET, ("127.0.0.1", {tcp.getsockname()[1]}))):
    try:
        socket.socket(family).connect(address)
        print("reached", address)
    except OSError as error:
        print(error)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", {udp.getsockname()[1]}))
except OSError as error:
    print(error)
"""
        done = jail.run(["python3", "-c", script], workspace=workspace, timeout=10)
        udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            udp.recv(10)
    assert done.exit_code == 0
    assert b"reached" not in done.stdout


# What has no path, tried on a process and on queues and a segment of the jail's own uid.
SAME_USER = """
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
victim = int(os.environ["VICTIM"])
def reaches(what, attempt):
    try:
        if attempt() != -1:
            print("reached by", what)
    except OSError:
        pass
reaches("prlimit", lambda: resource.prlimit(victim, resource.RLIMIT_CPU, (1, 1)))
reaches("setpriority", lambda: os.setpriority(os.PRIO_PROCESS, victim, 19))
reaches("affinity", lambda: os.sched_setaffinity(victim, {0}))
reaches("scheduler", lambda: os.sched_setscheduler(victim, os.SCHED_IDLE, os.sched_param(0)))
reaches("ioprio", lambda: libc.syscall(251 if os.uname().machine == "x86_64" else 30, 1, victim, 3 << 13))
reaches("shmctl", lambda: libc.shmctl(int(os.environ["SEGMENT"]), 0, None))
reaches("msgget", lambda: libc.msgget(0x77AC, 0))
reaches("semget", lambda: libc.semget(0x77AC, 1, 0))
reaches("inotify", lambda: libc.inotify_add_watch(libc.inotify_init(), os.environ["BESIDE"].encode(), 0xFFF))
reaches("setxattr", lambda: os.setxattr(os.environ["BESIDE"], "user.a", b"b"))
os.nice(1)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
print("done")
"""


def test_other_processes_and_files_of_the_same_user_are_out_of_reach(jail: Sandbox, workspace: Path) -> None:
    beside = workspace.parent / "beside"
    beside.touch()
    uid = jail.owner[0] if jail.owner else os.geteuid()
    os.chown(beside, uid, -1)
    victim = subprocess.Popen(["python3", "-c", VICTIM], stdout=subprocess.PIPE, user=uid)
    try:
        assert victim.stdout
        segment = victim.stdout.readline().decode().strip()
        env = {"VICTIM": str(victim.pid), "SEGMENT": segment, "BESIDE": str(beside)}
        done = jail.run(["python3", "-c", SAME_USER], workspace=workspace, timeout=10, env=env)
        assert done.stdout == b"done\n", done
    finally:
        victim.terminate()
        victim.communicate()


VICTIM = """
import ctypes, signal, sys, time
libc = ctypes.CDLL(None)
segment, queue, semaphore = libc.shmget(0, 4096, 0o1600), libc.msgget(0x77AC, 0o1600), libc.semget(0x77AC, 1, 0o1600)
def end(*_):
    libc.shmctl(segment, 0, None), libc.msgctl(queue, 0, None), libc.semctl(semaphore, 0, 0)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print(segment, flush=True)
time.sleep(60)
"""


def test_shared_memory_that_no_process_maps_cannot_be_made(jail: Sandbox, workspace: Path) -> None:
    script = "import ctypes; print(ctypes.CDLL(None).shmget(0, ctypes.c_size_t(100 << 20), 0o1600))"
    done = jail.run(["python3", "-c", script], workspace=workspace, timeout=10)
    assert done.stdout == b"-1\n", done


def test_a_jail_that_shares_memory_with_this_machine_fails_its_self_test(tmp_path: Path) -> None:
    failed = {probe.name for probe in probes(Unjailed(), tmp_path) if not probe.passed}
    assert {"has no shared memory with this machine", "cannot limit other processes"} <= failed

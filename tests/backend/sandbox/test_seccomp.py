"""The system-call filter: as a program for both machines, and at work."""

import errno
import struct
from pathlib import Path

import pytest

from backend.errors import SandboxUnavailable
from backend.sandbox import seccomp
from backend.sandbox.base import Sandbox

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def answer(machine: str, number: int, *args: int, arch: int | None = None, **options: bool) -> int:
    """What the program says, by the kernel's rules for classic BPF (Documentation/networking/filter)."""
    program = seccomp.program(machine, **options)
    steps = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    data = struct.pack("=IIQ6Q", number, arch or ARCH[machine], 0, *args, *([0] * (6 - len(args))))
    at, loaded = 0, 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            loaded = struct.unpack_from("=I", data, value)[0]
            continue
        holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
        at += if_true if holds else if_false


@pytest.mark.parametrize(("machine", "read", "ptrace", "keyctl"), [("x86_64", 0, 101, 250), ("aarch64", 63, 117, 219)])
def test_each_machine_has_its_own_numbers(machine: str, read: int, ptrace: int, keyctl: int) -> None:
    assert answer(machine, read) == ALLOW
    assert answer(machine, ptrace) == ERRNO | errno.EPERM
    assert answer(machine, keyctl) == ERRNO | errno.EPERM
    assert answer(machine, 425) == ERRNO | errno.EPERM  # io_uring_setup
    assert answer(machine, 435) == ERRNO | errno.ENOSYS  # clone3


def test_calls_in_another_machines_dress_end_the_process() -> None:
    assert answer("x86_64", 0, arch=0x40000003) == KILL  # int 0x80: the numbers of i386
    assert answer("x86_64", 0x40000000 + 101) == ERRNO | errno.ENOSYS  # x32


@pytest.mark.parametrize(("machine", "clone", "ioctl", "sock"), [("x86_64", 56, 16, 41), ("aarch64", 220, 29, 198)])
def test_arguments_are_looked_at(machine: str, clone: int, ioctl: int, sock: int) -> None:
    assert answer(machine, clone, 0x1200011) == ALLOW  # what fork asks for
    assert answer(machine, clone, 0x10000000 | 17) == ERRNO | errno.EPERM  # a user namespace
    assert answer(machine, ioctl, 0, 0x5401) == ALLOW
    assert answer(machine, ioctl, 0, 0x5412) == ERRNO | errno.EPERM  # TIOCSTI
    assert answer(machine, sock, 2, 1) == ALLOW
    assert answer(machine, sock, 2, 1, without_namespaces=True) == ERRNO | errno.EPERM
    for family in (16, 17, 38, 40):
        assert answer(machine, sock, family, 1) == ERRNO | errno.EAFNOSUPPORT


@pytest.mark.parametrize(("machine", "shmget", "msgget"), [("x86_64", 29, 68), ("aarch64", 194, 186)])
def test_memory_that_no_process_maps_is_refused_but_for_a_page(machine: str, shmget: int, msgget: int) -> None:
    assert answer(machine, msgget) == ERRNO | errno.ENOSYS
    assert answer(machine, shmget, 0, 56) == ALLOW  # PostgreSQL's
    assert answer(machine, shmget, 0, 4097) == ERRNO | errno.ENOSYS
    assert answer(machine, shmget, 0, 1 << 32) == ERRNO | errno.ENOSYS
    assert answer(machine, shmget, 0, 56, without_namespaces=True) == ERRNO | errno.ENOSYS


# Numbers: shmat, shmctl, semop, msgctl, mq_open, inotify_add_watch; prlimit64, sched_setaffinity; setpriority.
@pytest.mark.parametrize(
    ("machine", "shared", "on_process", "setpriority"),
    [
        ("x86_64", (30, 31, 65, 71, 240, 254), (302, 203), 141),
        ("aarch64", (196, 195, 193, 187, 180, 27), (261, 122), 140),
    ],
)
def test_without_namespaces_other_processes_are_out_of_reach(
    machine: str, shared: tuple[int, ...], on_process: tuple[int, ...], setpriority: int
) -> None:
    def alone(number: int, *args: int) -> int:
        return answer(machine, number, *args, without_namespaces=True)

    assert {alone(number) for number in shared} == {ERRNO | errno.EPERM}
    assert {alone(number, 0) for number in on_process} == {ALLOW}
    assert {alone(number, 4711) for number in on_process} == {ERRNO | errno.EPERM}
    assert alone(setpriority, 0, 0, 10) == ALLOW  # nice
    assert alone(setpriority, 0, 4711, 10) == ERRNO | errno.EPERM
    assert alone(setpriority, 2, 0, 10) == ERRNO | errno.EPERM  # all processes of this user


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(SandboxUnavailable):
        seccomp.program("vax")


CALLS = """
import ctypes, errno, os, socket, fcntl
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    ctypes.set_errno(0)
    result = libc.syscall(number, *args)
    return result, ctypes.get_errno()
x = os.uname().machine == "x86_64"
names = dict(io_uring=425, keyctl=250 if x else 219, add_key=248 if x else 217, bpf=321 if x else 280,
    perf=298 if x else 241, userfaultfd=323 if x else 282, ptrace=101 if x else 117, vm_readv=310 if x else 270,
    mount=165 if x else 40, unshare=272 if x else 97, setns=308 if x else 268, kexec=246 if x else 104,
    init_module=175 if x else 105, by_handle=304 if x else 265, open_tree=428, fsopen=430, pidfd_getfd=438)
for name, number in names.items():
    result, code = call(number, 0, 0, 0, 0, 0)
    if result != -1 or code != errno.EPERM:
        print(name, result, code)
for family in (16, 17, 38, 40):
    try:
        socket.socket(family, socket.SOCK_RAW if family == 17 else socket.SOCK_DGRAM)
        print("socket", family)
    except OSError:
        pass
try:
    fcntl.ioctl(0, 0x5412, b"x")
    print("TIOCSTI")
except OSError as error:
    if error.errno not in (errno.EPERM, errno.ENOTTY):
        print("TIOCSTI", error)
if libc.memfd_create(b"x", 0) != -1:
    print("memfd")
"""


def test_the_filter_holds_at_work(jail: Sandbox, workspace: Path) -> None:
    done = jail.run(["python3", "-c", CALLS], workspace=workspace, timeout=10)
    assert (done.exit_code, done.stdout) == (0, b""), done

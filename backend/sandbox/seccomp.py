"""The jail's system-call filter, as the classic BPF program that the kernel takes (seccomp(2), linux/filter.h).

Everything is allowed but a list: what a build or a test needs is endless, what only an escape needs is not. Calls on
the list answer EPERM, or ENOSYS where programs then take an older way.
"""

import errno
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from backend.errors import SandboxUnavailable

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NR, _ARCH, _ARGS = 0, 4, 16  # offsets in struct seccomp_data; both machines are little-endian

_X32_BIT = 0x40000000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_NAMESPACES = 0x7E020000  # CLONE_NEW…: mount, cgroup, uts, ipc, user, pid, net
_FORBIDDEN_FAMILIES = (15, 16, 17, 38, 40)  # KEY, NETLINK, PACKET, ALG, VSOCK

# (x86_64, aarch64); None where the machine does not have the call.
_FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "clock_settime": (227, 112),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "move_pages": (279, 239),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "clock_adjtime": (305, 266),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "finit_module": (313, 273),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
    "quotactl_fd": (443, 443),
}
# Kernel memory that no process maps would not be seen by the watchdog: ENOSYS in both jails. Programs take /dev/shm
# instead, which has a size.
_UNCOUNTED: dict[str, tuple[int, int]] = {"memfd_create": (319, 279), "semget": (64, 190), "msgget": (68, 186)}
_SHMGET = (29, 194)
_SHM_BYTES = 4096  # what PostgreSQL takes, and times the 4,096 segments of an IPC namespace little enough
# What an IPC or pid namespace otherwise keeps apart, and what Landlock does not look at: refused where there is none.
_SHARED: dict[str, tuple[int, int]] = {
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "migrate_pages": (256, 238),
    "inotify_add_watch": (254, 27),
}
# As of a file system without extended attributes, which `cp -a` and `tar` take; the last two are the same everywhere.
_ATTRIBUTES: dict[str, tuple[int, int]] = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
}
# ENOSYS sends programs that watch files to polling.
_INOTIFY: dict[str, tuple[int | None, int | None]] = {"inotify_init": (253, None), "inotify_init1": (294, 26)}
# Calls on a process by number, and which argument has it: 0 is the caller itself, others are anyone of the same uid.
_ON_PROCESS: dict[str, tuple[int, int, int]] = {
    "prlimit64": (302, 261, 0),
    "sched_setparam": (142, 118, 0),
    "sched_setscheduler": (144, 119, 0),
    "sched_setaffinity": (203, 122, 0),
    "sched_setattr": (314, 274, 0),
    "setpriority": (141, 140, 1),
    "ioprio_set": (251, 30, 1),
}
# Of these two the first argument says what the number is: 0 of all the user's processes is not the caller itself.
_USERS: dict[str, tuple[int, int, int]] = {"setpriority": (141, 140, 2), "ioprio_set": (251, 30, 3)}
# clone3 hides its flags behind a pointer: ENOSYS sends the C library back to clone, whose flags can be read.
_CLONE3 = 435


@dataclass(frozen=True)
class _Machine:
    column: int
    audit_arch: int
    ioctl: int
    clone: int
    socket: int
    socketpair: int
    setsid: int
    setpgid: int


_MACHINES = {
    "x86_64": _Machine(*(0, 0xC000003E), ioctl=16, clone=56, socket=41, socketpair=53, setsid=112, setpgid=109),
    "aarch64": _Machine(*(1, 0xC00000B7), ioctl=29, clone=220, socket=198, socketpair=199, setsid=157, setpgid=154),
}
_MACHINES["arm64"] = _MACHINES["aarch64"]


def program(machine_name: str = "", *, without_namespaces: bool = False) -> bytes:
    """The filter for this machine, an array of struct sock_filter. Raises SandboxUnavailable for an unknown machine.

    `without_namespaces` also closes what namespaces otherwise hold: no sockets at all (pairs work), no System V IPC, no
    limits or priorities of other processes, and nobody leaves the process group, by which the tree is then counted and
    killed; those calls say that they succeeded.
    """
    name = machine_name or platform.machine()
    machine = _MACHINES.get(name)
    if machine is None:
        raise SandboxUnavailable(f"There is no system-call filter for {name} machines.", fix="Use x86_64 or aarch64.")
    eperm, enosys = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
    steps = [_step(_LOAD, _ARCH), *_unless(_IF_EQUAL, machine.audit_arch, _KILL), _step(_LOAD, _NR)]
    if name == "x86_64":
        steps += _when(_IF_AT_LEAST, _X32_BIT, enosys)
    steps += _all(_FORBIDDEN, machine, eperm) + _all(_UNCOUNTED, machine, enosys) + _when(_IF_EQUAL, _CLONE3, enosys)
    # The size is a long: anything in its upper half is too much as well.
    steps += _argument(_SHMGET[machine.column], 1, _when(_IF_AT_LEAST, _SHM_BYTES + 1, enosys))
    steps += _argument(_SHMGET[machine.column], 1, _when(_IF_AT_LEAST, 1, enosys), upper=True)
    if without_namespaces:
        steps += _apart(machine)
        steps += _when(_IF_EQUAL, machine.socket, eperm)
        steps += _when(_IF_EQUAL, machine.setsid, _ERRNO) + _when(_IF_EQUAL, machine.setpgid, _ERRNO)
    steps += _argument(machine.clone, 0, _when(_IF_ANY_BIT, _NAMESPACES, eperm))
    typed = _when(_IF_EQUAL, _TIOCSTI, eperm) + _when(_IF_EQUAL, _TIOCLINUX, eperm)
    steps += _argument(machine.ioctl, 1, typed)
    for call in (machine.socket, machine.socketpair):
        unknown = _ERRNO | errno.EAFNOSUPPORT
        families = [step for family in _FORBIDDEN_FAMILIES for step in _when(_IF_EQUAL, family, unknown)]
        steps += _argument(call, 0, families)
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _apart(machine: _Machine) -> list[bytes]:
    eperm, enosys = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
    steps = _all({"shmget": _SHMGET}, machine, enosys) + _all(_SHARED, machine, eperm)
    steps += _all(_INOTIFY, machine, enosys) + _all(_ATTRIBUTES, machine, _ERRNO | errno.EOPNOTSUPP)
    for *numbers, argument in _ON_PROCESS.values():
        steps += _argument(numbers[machine.column], argument, _unless(_IF_EQUAL, 0, eperm))
    for *numbers, users in _USERS.values():
        steps += _argument(numbers[machine.column], 0, _when(_IF_EQUAL, users, eperm))
    return steps


def _all(calls: Mapping[str, tuple[int | None, int | None]], machine: _Machine, answer: int) -> list[bytes]:
    numbers = [each[machine.column] for each in calls.values()]
    return [step for number in numbers if number is not None for step in _when(_IF_EQUAL, number, answer)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _when(test: int, value: int, answer: int) -> list[bytes]:
    return [_step(test, value, 0, 1), _step(_RETURN, answer)]


def _unless(test: int, value: int, answer: int) -> list[bytes]:
    return [_step(test, value, 1, 0), _step(_RETURN, answer)]


def _argument(call: int, index: int, tests: list[bytes], *, upper: bool = False) -> list[bytes]:
    """Runs the tests on the lower half of one argument of one call; leaves the call's number loaded."""
    load = _step(_LOAD, _ARGS + 8 * index + 4 * upper)
    return [_step(_IF_EQUAL, call, 0, len(tests) + 2), load, *tests, _step(_LOAD, _NR)]

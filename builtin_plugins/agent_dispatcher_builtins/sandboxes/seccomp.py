"""The filter of system calls that code in the sandbox may make, as the bytes of a BPF program.

It closes what namespaces leave open: sockets that no network namespace holds (vsock, kernel crypto), ways to new namespaces and mounts,
ways into other processes, and large kernel interfaces nothing here needs (io_uring, bpf, keyrings). Refused calls fail with ``EPERM``, so that
programs can fall back. A call by another architecture's numbers ends the process.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

__all__ = ["ARCHITECTURES", "SYSCALLS", "filter_program", "shared_filter_program"]

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_ABOVE = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_EPERM = 1
_ENOSYS = 38
_EAFNOSUPPORT = 97

_NUMBER, _ARCH, _ARG0, _ARG1, _ARG2 = (
    0,
    4,
    16,
    24,
    32,
)  # offsets in struct seccomp_data; both architectures are little-endian
_X32_BIT = 0x40000000
#: CLONE_NEWTIME (0x80) is only an option of clone3 and unshare: in clone those bits are the signal.
_NEW_NAMESPACES = 0x7E020000
_SOCKET_FAMILIES = (1, 2, 10)  # unix, inet, inet6: the network namespace holds loopback only

#: Architecture names as ``platform.machine()`` gives them -> the kernel's audit number.
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

#: Refused calls -> numbers on (x86_64, aarch64); ``None`` where the call does not exist.
SYSCALLS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_SOCKET = (41, 198)
_CLONE = (56, 220)
_CLONE3 = (435, 435)

#: Calls that reach what Landlock does not judge, refused where no namespace hides it: other processes of the user, shared memory and
#: queues, connections, owners, attributes, what happens in other folders.
_UNJUDGED: dict[str, tuple[int | None, int | None]] = {
    "bind": (49, 200),
    "chown": (92, None),
    "connect": (42, 203),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fremovexattr": (199, 16),
    "fsetxattr": (190, 7),
    "futimesat": (261, None),
    "inotify_add_watch": (254, 27),
    "ioprio_set": (251, 30),
    "lchown": (94, None),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "process_mrelease": (448, 448),
    "removexattr": (197, 14),
    "removexattrat": (466, 466),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "setxattr": (188, 5),
    "setxattrat": (463, 463),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
    "socket": _SOCKET,
    "utime": (132, None),
    "utimes": (235, None),
}
#: Changes of mode (and of times, see :func:`_times`): Landlock does not judge them, programs rely on them everywhere, so they are answered with
#: success and not done.
_PRETENDED: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
}
#: Calls whose first argument is a process: only 0, the caller itself, is let through.
_OF_A_PROCESS: dict[str, tuple[int, int]] = {
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}
#: Signals, which Landlock judges from version 6 on.
_SIGNALS: dict[str, tuple[int, int]] = {
    "kill": (62, 129),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tgkill": (234, 131),
    "tkill": (200, 130),
}
_SETPRIORITY = (141, 140)
_UTIMENSAT = (280, 88)
_SOCKETPAIR = (53, 199)
_FCNTL, _SET_OWNER = (72, 25), (8, 15)
_IOCTL, _SET_FILE_OWNER, _SET_FLAGS = (16, 29), (0x8901, 0x8902), (0x40086602, 0x401C5820)
_UNIX, _STREAM, _TYPE_BITS = 1, 1, 0xF


def _line(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _head(machine: str) -> list[bytes]:
    """Calls of another architecture end the process; the number of the call is what later lines compare."""
    lines = [
        _line(_LOAD, 0, 0, _ARCH),
        _line(_JUMP_EQUAL, 1, 0, ARCHITECTURES[machine]),
        _line(_RETURN, 0, 0, _KILL),
        _line(_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        lines += [_line(_JUMP_ABOVE, 0, 1, _X32_BIT), _line(_RETURN, 0, 0, _ERRNO | _EPERM)]
    return lines


def _answer(numbers: Iterable[int | None], verdict: int) -> list[bytes]:
    """One verdict for each of the calls."""
    lines = []
    for number in numbers:
        if number is not None:
            lines += [_line(_JUMP_EQUAL, 0, 1, number), _line(_RETURN, 0, 0, verdict)]
    return lines


def _inspect(number: int, body: Sequence[bytes]) -> list[bytes]:
    """``body`` decides about the call."""
    return [_line(_JUMP_EQUAL, 0, len(body), number), *body]


def _clones(column: int) -> list[bytes]:
    """Processes and threads may be made, namespaces not."""
    # glibc falls back from clone3, whose flags a filter cannot see, to clone
    body = [
        _line(_LOAD, 0, 0, _ARG0),
        _line(_JUMP_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        _line(_RETURN, 0, 0, _ERRNO | _EPERM),
        _line(_RETURN, 0, 0, _ALLOW),
    ]
    return [*_answer((_CLONE3[column],), _ERRNO | _ENOSYS), *_inspect(_CLONE[column], body)]


def filter_program(machine: str) -> bytes:
    """The program for code that namespaces shut in, as ``bwrap --seccomp`` reads it.

    Args:
        machine: as :func:`platform.machine` gives it.

    Raises:
        KeyError: for an architecture that is not in :data:`ARCHITECTURES`.
    """
    lines = _head(machine)
    column = list(ARCHITECTURES).index(machine)
    lines += _answer((numbers[column] for numbers in SYSCALLS.values()), _ERRNO | _EPERM)
    lines += _clones(column)
    families = len(_SOCKET_FAMILIES)
    lines += [_line(_JUMP_EQUAL, 0, families + 2, _SOCKET[column]), _line(_LOAD, 0, 0, _ARG0)]
    lines += [_line(_JUMP_EQUAL, families - index, 0, family) for index, family in enumerate(_SOCKET_FAMILIES)]
    lines += [_line(_RETURN, 0, 0, _ERRNO | _EAFNOSUPPORT), _line(_RETURN, 0, 0, _ALLOW)]
    return b"".join(lines)


def shared_filter_program(machine: str, *, signals_are_scoped: bool) -> bytes:
    """The program for code that shares processes, network and other namespaces with the host (tier ``reduced``).

    It makes no socket at all (a pair of connected ones it may have): the kernel does not say where a Unix socket leads before it is connected.

    Args:
        machine: as :func:`platform.machine` gives it.
        signals_are_scoped: something else keeps signals in; without that none can be sent.

    Raises:
        KeyError: for an architecture that is not in :data:`ARCHITECTURES`.
    """
    lines = _head(machine)
    column = list(ARCHITECTURES).index(machine)
    refused = {**SYSCALLS, **_UNJUDGED, **({} if signals_are_scoped else _SIGNALS)}
    lines += _answer((numbers[column] for numbers in refused.values()), _ERRNO | _EPERM)
    lines += _answer((numbers[column] for numbers in _PRETENDED.values()), _ERRNO)
    lines += _clones(column)
    refuse, allow = _line(_RETURN, 0, 0, _ERRNO | _EPERM), _line(_RETURN, 0, 0, _ALLOW)
    for numbers in _OF_A_PROCESS.values():
        lines += _inspect(numbers[column], [_line(_LOAD, 0, 0, _ARG0), _line(_JUMP_EQUAL, 1, 0, 0), refuse, allow])
    own = [
        _line(_LOAD, 0, 0, _ARG0),
        _line(_JUMP_EQUAL, 0, 2, 0),
        _line(_LOAD, 0, 0, _ARG1),
        _line(_JUMP_EQUAL, 1, 0, 0),
    ]
    lines += _inspect(_SETPRIORITY[column], [*own, refuse, allow])
    # a pair of datagram sockets could be sent elsewhere
    pair = [
        _line(_LOAD, 0, 0, _ARG0),
        _line(_JUMP_EQUAL, 0, 3, _UNIX),
        _line(_LOAD, 0, 0, _ARG1),
        _line(_AND, 0, 0, _TYPE_BITS),
        _line(_JUMP_EQUAL, 1, 0, _STREAM),
    ]
    lines += _inspect(_SOCKETPAIR[column], [*pair, refuse, allow])
    lines += _inspect(_IOCTL[column], _unless(_SET_FLAGS if signals_are_scoped else (*_SET_FLAGS, *_SET_FILE_OWNER)))
    lines += _inspect(_UTIMENSAT[column], _times())
    if not signals_are_scoped:
        lines += _inspect(_FCNTL[column], _unless(_SET_OWNER))
    return b"".join([*lines, allow])


def _unless(values: Sequence[int]) -> list[bytes]:
    """Refuse a call whose second argument is one of ``values``, let others through."""
    tests = [_line(_JUMP_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    return [_line(_LOAD, 0, 0, _ARG1), *tests, _line(_RETURN, 0, 0, _ALLOW), _line(_RETURN, 0, 0, _ERRNO | _EPERM)]


def _times() -> list[bytes]:
    """Pretend to set the times of a file, but refuse to set those of a path to now: that is how programs ask whether it is there."""
    return [
        _line(_LOAD, 0, 0, _ARG2),
        _line(_JUMP_EQUAL, 0, 6, 0),  # given times
        _line(_LOAD, 0, 0, _ARG2 + 4),
        _line(_JUMP_EQUAL, 0, 4, 0),
        _line(_LOAD, 0, 0, _ARG1),
        _line(_JUMP_EQUAL, 0, 3, 0),  # a path
        _line(_LOAD, 0, 0, _ARG1 + 4),
        _line(_JUMP_EQUAL, 0, 1, 0),
        _line(_RETURN, 0, 0, _ERRNO),
        _line(_RETURN, 0, 0, _ERRNO | _EPERM),
    ]

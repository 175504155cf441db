"""The filter of system calls that code in the sandbox may make, as the bytes of a BPF program.

It closes what namespaces leave open: sockets that no network namespace holds (vsock, kernel crypto), ways to new namespaces and mounts,
ways into other processes, and large kernel interfaces nothing here needs (io_uring, bpf, keyrings). Refused calls fail with ``EPERM``, so that
programs can fall back. A call by another architecture's numbers ends the process.
"""

from __future__ import annotations

import struct

__all__ = ["ARCHITECTURES", "SYSCALLS", "filter_program"]

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_ABOVE = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_EPERM = 1
_ENOSYS = 38
_EAFNOSUPPORT = 97

_NUMBER, _ARCH, _ARG0 = 0, 4, 16  # offsets in struct seccomp_data; both architectures are little-endian
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


def _line(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def filter_program(machine: str) -> bytes:
    """The program for an architecture, as ``bwrap --seccomp`` reads it.

    Args:
        machine: as :func:`platform.machine` gives it.

    Raises:
        KeyError: for an architecture that is not in :data:`ARCHITECTURES`.
    """
    audit = ARCHITECTURES[machine]
    column = list(ARCHITECTURES).index(machine)
    lines = [
        _line(_LOAD, 0, 0, _ARCH),
        _line(_JUMP_EQUAL, 1, 0, audit),
        _line(_RETURN, 0, 0, _KILL),
        _line(_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        lines += [_line(_JUMP_ABOVE, 0, 1, _X32_BIT), _line(_RETURN, 0, 0, _ERRNO | _EPERM)]
    for numbers in SYSCALLS.values():
        number = numbers[column]
        if number is not None:
            lines += [_line(_JUMP_EQUAL, 0, 1, number), _line(_RETURN, 0, 0, _ERRNO | _EPERM)]
    # glibc falls back from clone3, whose flags a filter cannot see, to clone
    lines += [_line(_JUMP_EQUAL, 0, 1, _CLONE3[column]), _line(_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    lines += [
        _line(_JUMP_EQUAL, 0, 4, _CLONE[column]),
        _line(_LOAD, 0, 0, _ARG0),
        _line(_JUMP_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        _line(_RETURN, 0, 0, _ERRNO | _EPERM),
        _line(_RETURN, 0, 0, _ALLOW),
    ]
    families = len(_SOCKET_FAMILIES)
    lines += [_line(_JUMP_EQUAL, 0, families + 2, _SOCKET[column]), _line(_LOAD, 0, 0, _ARG0)]
    lines += [_line(_JUMP_EQUAL, families - index, 0, family) for index, family in enumerate(_SOCKET_FAMILIES)]
    lines += [_line(_RETURN, 0, 0, _ERRNO | _EAFNOSUPPORT), _line(_RETURN, 0, 0, _ALLOW)]
    return b"".join(lines)

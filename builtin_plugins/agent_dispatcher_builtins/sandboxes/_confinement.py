"""What a process can give up for itself, for good and for all it starts: files, signals, system calls, privileges.

Every function works on the calling process and raises :class:`OSError` when the kernel does not do it. Nothing here is imported from the rest of the
package, because the launcher of :mod:`.reduced` uses it in a bare interpreter.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable

__all__ = [
    "READ",
    "RUN",
    "WRITE",
    "WRITE_FILE",
    "drop_privileges",
    "filter_calls",
    "landlock_abi",
    "restrict_files",
]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_CAPSET = {"x86_64": 126, "aarch64": 91}
_ASK_VERSION = 1
_PATH_BENEATH = 1
_BOTH_SCOPES = 3  # abstract Unix sockets, signals
_TCP = 3  # bind, connect
_NET_SINCE, _SCOPES_SINCE = 4, 6

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
#: How many file rights each version of Landlock knows.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
#: Rights that a file can have; the others are a folder's.
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

READ = _READ_FILE | _READ_DIR
RUN = READ | _EXECUTE
WRITE_FILE = _READ_FILE | _WRITE_FILE
_EVERYTHING = (1 << 16) - 1
WRITE = _EVERYTHING & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _CLEAR_ALL = 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(what: str, number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _prctl(what: str, option: int, *arguments: int) -> int:
    result = int(_libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, arguments)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def landlock_abi() -> int:
    """The version of Landlock that this kernel has.

    Raises:
        OSError: ``ENOSYS`` when it has none, ``EOPNOTSUPP`` when it is there but not switched on.
    """
    return _call("Landlock", _CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))


def restrict_files(rules: Iterable[tuple[str, int]], abi: int) -> None:
    """Leave only ``rules``: a path, and what may be done there and below. TCP is refused; from version 6 on so are signals to others, and their abstract sockets.

    Args:
        rules: paths that are not there are an error.
        abi: the version of Landlock to use, at least 4.
    """
    handled = (1 << _RIGHTS[min(abi, max(_RIGHTS))]) - 1
    attributes = struct.pack("=QQ", handled, _TCP if abi >= _NET_SINCE else 0)
    if abi >= _SCOPES_SINCE:
        attributes += struct.pack("=Q", _BOTH_SCOPES)
    ruleset = _call("Landlock", _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path, allowed in rules:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rights = allowed & handled
                if not os.path.isdir(f"/proc/self/fd/{fd}"):  # noqa: PTH112 - runs where pathlib costs more than all the rest
                    rights &= _FOR_FILES
                rule = struct.pack("=Qi", rights, fd)
                _call(
                    f"Landlock rule for {path}",
                    _ADD_RULE,
                    ctypes.c_int(ruleset),
                    ctypes.c_int(_PATH_BENEATH),
                    rule,
                    ctypes.c_uint32(0),
                )
            finally:
                os.close(fd)
        no_new_privileges()
        _call("Landlock", _RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def no_new_privileges() -> None:
    """No program that is started from here on gains anything by being setuid."""
    _prctl("no_new_privs", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_privileges(machine: str) -> None:
    """Give up every capability. A process of root's stays root by name, and keeps of root's rights those of the owner of a file."""
    with contextlib.suppress(
        PermissionError
    ):  # a user who is not root, also one who is called so in a namespace, keeps their groups
        os.setgroups([])
    for capability in range(64):
        try:
            held = _prctl("capability", _PR_CAPBSET_READ, capability, 0, 0, 0)
        except OSError:
            break  # the kernel knows no more
        if held:
            try:
                _prctl("capability", _PR_CAPBSET_DROP, capability, 0, 0, 0)
            except PermissionError:
                break  # only who may change them has any to lose
    _prctl("ambient capabilities", _PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _call("capset", _CAPSET[machine], header, struct.pack("=6I", *[0] * 6))


def filter_calls(program: bytes) -> None:
    """Let the kernel judge every further system call by a BPF program."""
    code = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    no_new_privileges()
    _prctl("seccomp", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(head), 0, 0)

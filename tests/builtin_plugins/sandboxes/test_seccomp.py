"""The filter of system calls, run on paper: which calls it lets through on each architecture."""

from __future__ import annotations

import struct

import pytest

from agent_dispatcher_builtins.sandboxes.seccomp import ARCHITECTURES, SYSCALLS, filter_program, shared_filter_program

_ALLOW, _KILL, _EPERM, _ENOSYS, _EAFNOSUPPORT = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50061


def _verdict(machine: str, number: int, *arguments: int, audit: int | None = None, program: bytes | None = None) -> int:
    """What a program (by default that of the tier isolated) returns for a call."""
    given = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, ARCHITECTURES[machine] if audit is None else audit, 0, *given)
    program = filter_program(machine) if program is None else program
    lines = [struct.unpack_from("<HBBI", program, offset) for offset in range(0, len(program), 8)]
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = lines[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return value
        else:
            test = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[code]
            at += if_true if test else if_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_listed_call_is_refused_and_ordinary_ones_are_not(machine: str) -> None:
    """No call of the list gets through; reading, writing and starting processes do."""
    column = list(ARCHITECTURES).index(machine)
    listed = {numbers[column] for numbers in SYSCALLS.values()} - {None}
    assert {_verdict(machine, number) for number in listed if number is not None} == {_EPERM}
    special = {(56, 220)[column], 435, (41, 198)[column]}
    ordinary = set(range(335 if column == 0 else 292)) - listed - special
    assert {_verdict(machine, number) for number in ordinary} == {_ALLOW}


@pytest.mark.parametrize(("machine", "clone", "socket"), [("x86_64", 56, 41), ("aarch64", 220, 198)])
def test_calls_are_judged_by_their_argument(machine: str, clone: int, socket: int) -> None:
    """Threads and processes may be made but no namespaces; Unix and internet sockets but no others."""
    assert _verdict(machine, clone, 0x3D0F00) == _ALLOW  # a thread
    assert _verdict(machine, clone, 0x11) == _ALLOW  # fork
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert _verdict(machine, clone, namespace | 0x11) == _EPERM
    assert _verdict(machine, 435) == _ENOSYS
    verdicts = {family: _verdict(machine, socket, family) for family in range(48)}
    assert {family for family, verdict in verdicts.items() if verdict == _ALLOW} == {1, 2, 10}
    assert set(verdicts.values()) == {_ALLOW, _EAFNOSUPPORT}


def test_calls_of_another_architecture_end_the_process() -> None:
    """32-bit calls and the x32 numbers do not slip past the list."""
    assert _verdict("x86_64", 1, audit=0x40000003) == _KILL
    assert _verdict("aarch64", 1, audit=ARCHITECTURES["x86_64"]) == _KILL
    assert _verdict("x86_64", 0x40000000 | 101) == _EPERM


# --- for code that shares the host's processes and network -----------------------------------------------------------

_DONE = 0x50000


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("scoped", [True, False])
def test_the_shared_program_refuses_more(machine: str, scoped: bool) -> None:
    """Whatever the other refuses, every socket, and what reaches other processes of the user; without scoped signals those, too."""
    program = shared_filter_program(machine, signals_are_scoped=scoped)
    column = list(ARCHITECTURES).index(machine)
    refused = [numbers[column] for numbers in SYSCALLS.values()]
    assert {_verdict(machine, n, program=program) for n in refused if n is not None} == {_EPERM}
    socket, pair, kill, fcntl = ((41, 198), (53, 199), (62, 129), (72, 25))
    assert {_verdict(machine, socket[column], family, program=program) for family in range(48)} == {_EPERM}
    assert (
        _verdict(machine, pair[column], 1, 1 | 0x80800, program=program) == _ALLOW
    )  # stream, not blocking, close on exec
    assert _verdict(machine, pair[column], 1, 2, program=program) == _EPERM  # datagrams
    assert _verdict(machine, pair[column], 30, 1, program=program) == _EPERM
    assert _verdict(machine, kill[column], 77, 9, program=program) == (_ALLOW if scoped else _EPERM)
    assert _verdict(machine, fcntl[column], 0, 8, program=program) == (_ALLOW if scoped else _EPERM)  # who gets SIGIO
    assert _verdict(machine, fcntl[column], 0, 2, program=program) == _ALLOW
    assert _verdict(machine, 435, program=program) == _ENOSYS
    for ordinary in ((0, 63), (257, 56), (59, 221)):  # read, openat, execve
        assert _verdict(machine, ordinary[column], program=program) == _ALLOW


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(
    ("call", "numbers"),
    {
        "bind": (49, 200),
        "connect": (42, 203),
        "fchown": (93, 55),
        "fsetxattr": (190, 7),
        "inotify_add_watch": (254, 27),
        "mq_open": (240, 180),
        "msgget": (68, 186),
        "semget": (64, 190),
        "shmat": (30, 196),
        "shmget": (29, 194),
    }.items(),
)
def test_the_shared_program_refuses_what_landlock_does_not_judge(
    machine: str, call: str, numbers: tuple[int, int]
) -> None:
    """Queues, shared memory, owners, attributes, connections: one by one, by the numbers of the kernel's headers."""
    program = shared_filter_program(machine, signals_are_scoped=True)
    assert _verdict(machine, numbers[list(ARCHITECTURES).index(machine)], program=program) == _EPERM, call


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_shared_program_lets_a_process_change_itself(machine: str) -> None:
    """Limits, processors and priority: those of process 0, which is the caller, and of nobody else."""
    program = shared_filter_program(machine, signals_are_scoped=True)
    column = list(ARCHITECTURES).index(machine)
    for number in ((302, 261), (203, 122), (144, 119)):
        assert _verdict(machine, number[column], 0, program=program) == _ALLOW
        assert _verdict(machine, number[column], 1234, program=program) == _EPERM
    verdicts = {
        (which, who): _verdict(machine, (141, 140)[column], which, who, program=program)
        for which in (0, 2)
        for who in (0, 9)
    }
    assert verdicts == {(0, 0): _ALLOW, (0, 9): _EPERM, (2, 0): _EPERM, (2, 9): _EPERM}


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_shared_program_pretends_to_change_modes_and_times(machine: str) -> None:
    """``chmod`` and given times are answered with success; "now" for a path is refused, so that programs create the file instead."""
    program = shared_filter_program(machine, signals_are_scoped=True)
    column = list(ARCHITECTURES).index(machine)
    path, times, high = 0x7F0000001000, 0x7F0000002000, 0x7F0000000000
    assert _verdict(machine, (268, 53)[column], program=program) == _DONE
    utimensat = (280, 88)[column]
    assert _verdict(machine, utimensat, 0, path, times, program=program) == _DONE
    assert _verdict(machine, utimensat, 0, path, high, program=program) == _DONE
    assert _verdict(machine, utimensat, 3, 0, 0, program=program) == _DONE
    assert _verdict(machine, utimensat, 0, path, 0, program=program) == _EPERM
    assert _verdict(machine, utimensat, 0, high, 0, program=program) == _EPERM


def test_the_shared_program_ends_calls_of_another_architecture() -> None:
    """As the other one does."""
    program = shared_filter_program("x86_64", signals_are_scoped=True)
    assert _verdict("x86_64", 1, audit=0x40000003, program=program) == _KILL
    assert _verdict("x86_64", 0x40000000 | 41, program=program) == _EPERM

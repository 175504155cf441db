"""The filter of system calls, run on paper: which calls it lets through on each architecture."""

from __future__ import annotations

import struct

import pytest

from agent_dispatcher_builtins.sandboxes.seccomp import ARCHITECTURES, SYSCALLS, filter_program

_ALLOW, _KILL, _EPERM, _ENOSYS, _EAFNOSUPPORT = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50061


def _verdict(machine: str, number: int, argument: int = 0, audit: int | None = None) -> int:
    """What the program returns for a call."""
    data = struct.pack("<IIQQ", number, ARCHITECTURES[machine] if audit is None else audit, 0, argument)
    program = filter_program(machine)
    lines = [struct.unpack_from("<HBBI", program, offset) for offset in range(0, len(program), 8)]
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = lines[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
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

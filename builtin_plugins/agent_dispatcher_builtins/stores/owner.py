"""Who holds a lease, and whether that process is still alive.

Time is the last thing to go by. On the same machine a process is looked at: by its id and the moment it started, so that an id that was
given to another process does not count. Only for an owner that is alive but does not renew (it is frozen), or that cannot be seen (another machine, another
container) does the lease end by its time: on the same machine by a clock that nobody can set, else by the wall clock.
"""

from __future__ import annotations

import os
import socket
import time
from functools import cache
from pathlib import Path

from attrs import frozen

__all__ = ["Holder", "clock", "is_alive", "this_process"]


@frozen
class Holder:
    """A process as the database names it.

    Attributes:
        host: name of the machine, and of the space its process ids are of.
        process: when the process started, in its machine's own units; ``""`` where that cannot be known.
        renewed_at: wall clock at the last renewal.
        renewed_clock: :func:`clock` at the last renewal.
    """

    host: str
    pid: int
    process: str
    renewed_at: float = 0.0
    renewed_clock: float = 0.0


def clock() -> float:
    """Seconds since the machine started: the same for all its processes, and nobody can set it."""
    return time.monotonic()


def this_process() -> Holder:
    """This process, as of now."""
    pid = os.getpid()
    return Holder(_host(), pid, _started(pid), time.time(), clock())


def is_alive(holder: Holder, lease_s: float) -> bool:
    """Whether ``holder`` may still be at work."""
    if holder.host != _host():
        return time.time() - holder.renewed_at <= lease_s
    return _is_running(holder) and clock() - holder.renewed_clock <= lease_s


def _is_running(holder: Holder) -> bool:
    started = _started(holder.pid)
    if started or holder.process:
        return started == holder.process
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """Start time of a process, ``""`` when it does not run, is a zombie, or cannot be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


@cache
def _host() -> str:
    """Machine, its current start, and its space of process ids: two processes with equal ones can see each other."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(Path("/proc/self/ns/pid").readlink().name)
    except OSError:
        pass
    return "/".join(parts)

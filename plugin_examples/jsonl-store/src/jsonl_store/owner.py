"""Who holds a lease, and whether that process may still be at work."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from attrs import evolve, field, frozen

__all__ = ["Holder", "this_process"]


@frozen(kw_only=True)
class Holder:
    """A lease as it stands in its file.

    Attributes:
        epoch: the number of leases there were; it never falls.
        owner: ``""`` when the run is free.
        machine: the machine's name and its current start: process ids mean something only there.
        begun: when the process began, by the machine's own count; a process id is given again, this is not.
        renewed_at: seconds since the epoch of the wall clock.
    """

    epoch: int = 0
    owner: str = ""
    machine: str = ""
    pid: int = 0
    begun: str = ""
    renewed_at: float = field(default=0.0, eq=False)

    @property
    def host(self) -> str:
        """The machine's name alone."""
        return self.machine.partition("/")[0]

    def is_alive(self, lease_s: float) -> bool:
        """Whether somebody holds it: on this machine the process is looked at, elsewhere only time tells."""
        if not self.owner:
            return False
        if self.machine != _machine():
            return time.time() - self.renewed_at <= lease_s
        return self.begun != "" and _begun(self.pid) == self.begun

    def freed(self) -> Holder:
        """The same without an owner."""
        return evolve(self, owner="")


def this_process(owner: str, epoch: int) -> Holder:
    """This process, as of now."""
    pid = os.getpid()
    return Holder(epoch=epoch, owner=owner, machine=_machine(), pid=pid, begun=_begun(pid), renewed_at=time.time())


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}"


def _begun(pid: int) -> str:
    """``""`` when there is no such process, or only what is left of one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return _without_proc(pid)
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]


def _without_proc(pid: int) -> str:
    """Where the system has no ``/proc``: only whether the process is there."""
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"

"""Sandboxes: commands that nobody vouches for, and what they may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import frozen

__all__ = ["Completed", "Limits", "Sandbox"]


@frozen(kw_only=True)
class Limits:
    """What a command may use.

    Attributes:
        timeout_s: seconds of wall time, then the whole process tree is killed.
        cpu_s: seconds of processor time per process.
        memory_bytes: address space per process.
        file_bytes: size of any one file.
        disk_bytes: growth of the writable folders together, looked at twice a second.
        output_bytes: kept of stdout and of stderr each; the rest is read and dropped.
        processes: processes and threads.
    """

    timeout_s: float = 120.0
    cpu_s: int | None = None
    memory_bytes: int | None = 2 * 1024**3
    file_bytes: int | None = 512 * 1024**2
    disk_bytes: int | None = 2 * 1024**3
    output_bytes: int = 1024**2
    processes: int | None = 256


@frozen(kw_only=True)
class Completed:
    """A command that ended. ``limit_hit`` names the field of :class:`Limits` that ended it, else ``None``."""

    code: int
    stdout: str
    stderr: str
    limit_hit: str | None = None
    duration_s: float = 0.0


class Sandbox(Protocol):
    """Runs commands that nobody vouches for.

    Attributes:
        tier: ``isolated``, ``reduced`` or ``none``.
    """

    tier: str

    async def probe(self) -> None:
        """Prove that the tier's promises hold on this machine; :class:`agent_dispatcher.errors.SandboxUnavailable` with the reason."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        """Run ``argv`` in ``cwd`` with the paths as they are named outside. Only ``writable`` can be written and only ``read_only``
        and the system can be read; no network but the Unix ``sockets``; no variables but ``env``. A command that cannot be
        found is code 127. Cancelling it kills the whole tree."""
        ...

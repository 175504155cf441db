"""What a workspace or a store may do beside its contract, so that runs can be removed, moved to other machines, and need not wait for the disk.

All of it is optional: a component that lacks a method keeps what it has of a run, and whoever asks says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..models import Event
from .components import Lease

__all__ = ["Compactor", "LateStore", "RunMover", "RunRemover"]


@runtime_checkable
class RunRemover(Protocol):
    """A workspace that can forget a run. Needs no :meth:`Workspace.start`; a run it knows nothing of is no error."""

    async def lost_with(self, run: str, output: Path) -> Sequence[str]:
        """What is nowhere else and would be gone with the run, one sentence each with what to do; empty: it can go. Changes nothing."""
        ...

    async def remove_run(self, run: str, output: Path) -> None:
        """Remove folders, refs and notes of the run, whatever is lost with it. What the user has of it (files, branches of their own) stays.
        Killed in the middle it can be called again."""
        ...


@runtime_checkable
class RunMover(Protocol):
    """A workspace that can put what it has of a run into files, and take it from them elsewhere. Needs no :meth:`Workspace.start`."""

    async def pack(self, run: str, output: Path, folder: Path) -> None:
        """Write everything into ``folder`` (empty, exists) that is not to be had elsewhere; the run may go on meanwhile."""
        ...

    async def unpack(self, run: str, output: Path, folder: Path) -> None:
        """Make ``output`` such that :meth:`Workspace.start` finds the run there. Can be called again.

        Raises:
            WorkspaceError: ``output`` cannot take it; says what is missing.
        """
        ...


@runtime_checkable
class LateStore(Protocol):
    """A store that can record at once and flush the disk later, so that nobody has to wait for the disk who need not."""

    @property
    def syncs_late(self) -> bool:
        """Whether it is to be used so: where :meth:`Store.append` flushes, and that takes long."""
        ...

    def append_soon(self, lease: Lease, events: Sequence[Event]) -> int:
        """As :meth:`Store.append`; a power cut may take it back until a :meth:`sync` that is called afterwards has returned."""
        ...

    def sync(self) -> None:
        """Everything that was appended before is on the disk when this returns; called in a thread of its own, while others append.

        Raises:
            StoreError: it is not; what was appended must not be relied upon.
        """
        ...


@runtime_checkable
class Compactor(Protocol):
    """A store that can give back the room of what was deleted."""

    def compact(self) -> int:
        """Bytes given back; 0 while a run is at work in it, which must not wait for this."""
        ...

"""What every promise of a store is tried with: a store in a folder, and events to record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ...extension.components import Store
from ...models import Event
from ..contract import Contract
from ..killing import Child

__all__ = ["StoreSetting", "batch_of"]


class StoreSetting(Contract):
    """What the author of a suite says of a store, and what the promises do with it."""

    durable: ClassVar[bool] = True
    detects_damage: ClassVar[bool] = True
    kills: ClassVar[int] = 8

    def make_store(self, data_dir: Path) -> Store:
        """A store that keeps its files in ``data_dir`` (may not exist yet). Called again with the same folder it must find what the first one recorded,
        as another process would."""
        self.to_override("make_store(self, data_dir)")

    def make_newer(self, data_dir: Path) -> bool:
        """Make what is in ``data_dir`` look as if a newer version of the store wrote it; ``False`` (the default) when that cannot be."""
        return False

    def _needs_processes(self) -> None:
        """Skip what only a store can do that outlives its process."""
        if not self.durable:
            self.skip("the store keeps nothing beyond its process (durable = False)")

    def _told(self, child: Child, lines: int) -> None:
        """Wait for what a child process has to say."""
        if not child.wait_for(lines):
            self.broken(
                "a child process could not open, own and write the store; its output says why",
                "a store works in any process",
            )


def batch_of(first: int, size: int, run: str = "run") -> list[Event]:
    """So many events in a row, from number ``first`` on."""
    return [Event(run=run, type="run.warning", at=float(n), data=_data(n)) for n in range(first, first + size)]


def _data(number: int) -> dict[str, Any]:
    return {"n": number, "text": "x" * 100}

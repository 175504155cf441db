"""What every promise of a workspace is tried with: a started workspace, and the way of a change from an attempt to the tip."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ...extension.components import Change, Conflict, Landed, Moved, Opened, Tree, Workspace
from ...models import Task
from ..contract import Contract

__all__ = ["RUN", "Files", "WorkspaceSetting", "files_in", "task_of", "write"]

RUN = "20260101-000000-0000"
#: Path to bytes; ``None`` deletes the file.
Files = Mapping[str, bytes | None]


class WorkspaceSetting(Contract):
    """What the author of a suite says of a workspace, and what the promises do with it."""

    durable: ClassVar[bool] = True
    keeps_history: ClassVar[bool] = True
    shows_result: ClassVar[bool] = True
    kills: ClassVar[int] = 6

    def make_workspace(self) -> Workspace:
        """A workspace that was not started; each test starts it in an output folder of its own that does not exist yet. A second one that is started in
        the same folder for the same run must find what the first one left."""
        self.to_override("make_workspace(self)")

    def _needs_processes(self) -> None:
        """Skip what only a workspace can do that outlives its process."""
        if not self.durable:
            self.skip("the workspace keeps nothing beyond its process (durable = False)")

    def _with(self, tmp_path: Path, work: Callable[[Workspace], Coroutine[Any, Any, None]]) -> None:
        """Carry out ``work`` with a workspace that was started below ``tmp_path``."""
        __tracebackhide__ = True

        async def with_a_new_one() -> None:
            await work(await self._start(tmp_path))

        self.go(with_a_new_one())

    async def _start(self, place: Path) -> Workspace:
        """A workspace that was started in the output folder below ``place``."""
        workspace = self.make_workspace()
        await workspace.start(RUN, place / "out", title="Sample")
        return workspace

    async def _attempt(self, workspace: Workspace, task: str, files: Files, attempt: int = 1) -> Change:
        """The change of an attempt that wrote these files."""
        opened = await workspace.open(task_of(task), attempt)
        write(opened, files)
        return await workspace.seal(opened, f"Work of {task}", trailers=[("Dispatcher-Agent", "sampler")])

    async def _stage(self, workspace: Workspace, change: Change) -> Tree:
        """The change on the tip; a broken promise when it does not fit."""
        staged = await workspace.stage([change])
        if isinstance(staged, Conflict):
            self.broken(
                f"staging {change.task} on the tip gave a conflict in {staged.paths}",
                "changes that nothing stands against are staged",
            )
        return staged

    async def _land(self, workspace: Workspace, change: Change) -> Landed:
        """Where the change landed, which nothing stood against."""
        staged = await self._stage(workspace, change)
        landed = await workspace.land(staged, staged.tip)
        if isinstance(landed, Moved):
            self.broken(
                f"nobody moved the tip and land said it moved to {landed.tip!r}",
                "land moves the branch if it is at the expected tip",
            )
        return landed


def task_of(name: str) -> Task:
    """A task of that name."""
    return Task(id=name, title=f"Task {name}")


def write(opened: Opened, files: Files) -> None:
    """Write (or delete) files in the folder of an attempt."""
    for path, data in files.items():
        target = opened.path / path
        if data is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def files_in(folder: Path) -> dict[str, bytes]:
    """Regular files below a folder, without those of version control and of the dispatcher."""
    found = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name.split("/")[0] not in (".git", ".dispatcher"):
            found[name] = path.read_bytes()
    return found

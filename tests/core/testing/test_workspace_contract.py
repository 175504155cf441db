"""The suite for workspaces finds what is wrong with workspaces that were broken on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import ClassVar

import pytest
from attrs import evolve

from agent_dispatcher.extension import Change, Conflict, Landed, Moved, Opened, Reconciled, Tree
from agent_dispatcher.extension.components import Workspace
from agent_dispatcher.models import Task
from agent_dispatcher.testing import MemoryWorkspace, WorkspaceContract


class Suite(WorkspaceContract):
    durable: ClassVar[bool] = False
    component: ClassVar[type[MemoryWorkspace]] = MemoryWorkspace

    def make_workspace(self) -> Workspace:
        return self.component()


class LastWriterWins(MemoryWorkspace):
    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        return await super().stage([evolve(change, base=self._tip) for change in changes])


class StacksNothing(MemoryWorkspace):
    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        staged = await super().stage(changes)
        return evolve(staged, stack=staged.stack[:1]) if isinstance(staged, Tree) and len(changes) > 1 else staged


class LandsOnAnything(MemoryWorkspace):
    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        return await super().land(tree, self._tip)


class StagingLands(MemoryWorkspace):
    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        staged = await super().stage(changes)
        if isinstance(staged, Tree):
            self._tip = staged.commit
        return staged


class SharesOneFolder(MemoryWorkspace):
    async def open(self, task: Task | None, attempt: int, base: str | None = None) -> Opened:
        opened = await super().open(task, attempt, base)
        shared = opened.path.parent / "shared"
        shared.mkdir(exist_ok=True)
        return evolve(opened, path=shared)


class ForgetsDeletions(MemoryWorkspace):
    async def seal(self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = ()) -> Change:
        change = await super().seal(opened, message, trailers=trailers)
        return evolve(change, paths=tuple(path for path in change.paths if path in self._trees[change.commit]))


class LosesTheFirstAttempt(MemoryWorkspace):
    async def seal(self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = ()) -> Change:
        change = await super().seal(opened, message, trailers=trailers)
        return evolve(change, ref=change.task)


class KeepsDiscarded(MemoryWorkspace):
    async def discard(self, opened: Opened) -> None:
        self._tip = (await self.seal(opened, "kept")).commit


class FollowsLinks(MemoryWorkspace):
    async def seal(self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = ()) -> Change:
        for path in list(opened.path.rglob("*")):
            if path.is_symlink():
                text = path.read_bytes()
                path.unlink()
                path.write_bytes(text)
            elif path.name == ".git":
                shutil.rmtree(path)
        return await super().seal(opened, message, trailers=trailers)


class ForgetsWhatLanded(MemoryWorkspace):
    async def reconcile(self, run: str) -> Reconciled:
        return evolve(await super().reconcile(run), landed={})


class DropsTheModes(MemoryWorkspace):
    async def seal(self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = ()) -> Change:
        for path in opened.path.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(0o644)
        return await super().seal(opened, message, trailers=trailers)


@pytest.mark.parametrize(
    ("workspace", "promise"),
    [
        (LastWriterWins, "test_changes_to_one_file_are_a_conflict"),
        (StacksNothing, "test_a_stack_lands_at_once"),
        (LandsOnAnything, "test_a_tip_that_moved_is_told"),
        (StagingLands, "test_staging_does_not_land"),
        (SharesOneFolder, "test_an_attempt_starts_from_what_landed"),
        (ForgetsDeletions, "test_sealing_names_what_changed"),
        (LosesTheFirstAttempt, "test_every_attempt_keeps_its_own_work"),
        (KeepsDiscarded, "test_discarded_work_is_gone"),
        (FollowsLinks, "test_links_and_repositories_are_not_taken_in"),
        (ForgetsWhatLanded, "test_an_attempt_that_wrote_nothing_can_land"),
        (DropsTheModes, "test_content_survives_landing"),
    ],
)
def test_faults_are_found(
    broken_promises: Callable[..., dict[str, str]], workspace: type[MemoryWorkspace], promise: str
) -> None:
    """The promise that the fault breaks is reported, with what the contract asks."""
    found = broken_promises(type("Broken", (Suite,), {"component": workspace}), promise)
    assert promise in found
    assert "The contract asks: " in found[promise]


class Restarting(WorkspaceContract):
    """A workspace that says it is durable and is not."""

    kills: ClassVar[int] = 1

    def make_workspace(self) -> Workspace:
        return MemoryWorkspace()


def test_a_workspace_that_forgets_is_found(broken_promises: Callable[..., dict[str, str]]) -> None:
    """Sealed and landed work that another process cannot find, and what a kill lost, are reported."""
    assert {
        "test_reconciling_finds_sealed_and_landed_work",
        "test_finishing_shows_the_result_and_loses_nothing",
        "test_a_kill_between_any_steps_loses_nothing",
    } <= set(broken_promises(type("Killed", (Restarting,), {"kills": 6})))


def test_the_workspace_in_memory_keeps_its_promises(broken_promises: Callable[..., dict[str, str]]) -> None:
    """The fake is a workspace, as far as one process goes."""
    assert broken_promises(Suite) == {}

"""What a workspace promises beyond one process: what was sealed or landed is found again, whenever the one before died."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from ..killing import Child
from .setting import RUN, WorkspaceSetting, files_in, task_of

__all__ = ["ProcessPromises"]


class ProcessPromises(WorkspaceSetting):
    """A workspace, from one process to the next."""

    def test_starting_again_finds_the_run(self, tmp_path: Path) -> None:
        """A second workspace in the same output gets the same base and branch."""
        self._needs_processes()

        async def work() -> None:
            first = await self.make_workspace().start(RUN, tmp_path / "out", title="Sample")
            second = await self.make_workspace().start(RUN, tmp_path / "out", title="Sample")
            same = (first.base, first.branch) == (second.base, second.branch)
            self.promise(
                same,
                f"(base, branch) were first {first.base, first.branch}, then {second.base, second.branch}",
                "start finds the run again",
            )

        self.go(work())

    def test_reconciling_finds_sealed_and_landed_work(self, tmp_path: Path) -> None:
        """Another process finds what landed by task, what is sealed by attempt, and the tip; sealed work lands from there."""
        self._needs_processes()

        async def work() -> None:
            first = await self._start(tmp_path)
            landed = await self._land(first, await self._attempt(first, "one", {"a.txt": b"1"}))
            sealed = await self._attempt(first, "two", {"b.txt": b"2"}, attempt=2)
            await first.open(task_of("three"), 1)
            second = await self._start(tmp_path)
            found = await second.reconcile(RUN)
            self.promise(
                found.landed == {"one": landed},
                f"landed was {found.landed}, expected {landed}",
                "reconcile gives what landed, by task",
            )
            self.promise(
                found.sealed == {("two", 2): sealed},
                f"sealed was {found.sealed}, expected {sealed}",
                "reconcile gives sealed work that did not land, by task and attempt",
            )
            self.promise(
                found.tip == landed.commit,
                f"tip was {found.tip!r}, landed is {landed.commit!r}",
                "reconcile gives the tip",
            )
            await self._land(second, found.sealed["two", 2])
            tree = files_in((await second.checkout_tip()).path)
            self.promise(
                tree == {"a.txt": b"1", "b.txt": b"2"},
                f"the tip held {tree}",
                "sealed work can be landed by another process",
            )

        self.go(work())

    def test_finishing_shows_the_result_and_loses_nothing(self, tmp_path: Path) -> None:
        """``finish`` returns the tip and shows what landed in a new output; sealed work that did not land stays."""

        async def work() -> None:
            workspace = await self._start(tmp_path)
            landed = await self._land(workspace, await self._attempt(workspace, "one", {"src/a.txt": b"1"}))
            waiting = await self._attempt(workspace, "two", {"b.txt": b"2"})
            tip = await workspace.finish("failed")
            self.promise(
                tip == landed.commit, f"finish returned {tip!r}, the tip is {landed.commit!r}", "finish returns the tip"
            )
            if self.shows_result:
                shown = {path: data for path, data in files_in(tmp_path / "out").items() if not path.startswith(".")}
                self.promise(
                    shown == {"src/a.txt": b"1"},
                    f"the output held {sorted(shown)}, landed is src/a.txt",
                    "finish shows what landed, and only that",
                )
            if self.durable:
                again = await self._start(tmp_path)
                kept = (await again.reconcile(RUN)).sealed
                self.promise(
                    ("two", 1) in kept and kept["two", 1].commit == waiting.commit,
                    f"after finish sealed work was {sorted(kept)}",
                    "sealed work that did not land stays",
                )

        self.go(work())

    def test_a_kill_between_any_steps_loses_nothing(self, tmp_path: Path) -> None:
        """Kill -9 while attempts are sealed, staged and landed: the next process finds all that was told, and ends with the same tree."""
        self._needs_processes()
        chance = random.Random(11)
        for number in range(self.kills):
            place = tmp_path / f"kill{number}"
            with Child(lambda tell, where=place: asyncio.run(self._do_three(where, tell))) as child:  # type: ignore[misc]
                if not child.wait_for(1 + number * 10 // self.kills):
                    self.broken(
                        "a child process could not carry three tasks through; its output says why",
                        "a workspace works in any process",
                    )
                time.sleep(chance.random() * 0.02)
                told = [tuple(line.split()) for line in child.kill()]
            self.go(self._after_the_kill(place, told), limit_s=60.0)

    async def _do_three(self, place: Path, tell: Callable[[str], None]) -> None:
        workspace = await self._start(place)
        tell("started")
        known = await workspace.reconcile(RUN)
        for task in ("a", "b", "c"):
            if task in known.landed:
                continue
            change = known.sealed.get((task, 1))
            if change is None:
                change = await self._attempt(workspace, task, {f"{task}.txt": task.encode() * 50_000})
            tell(f"sealed {task}")
            staged = await self._stage(workspace, change)
            tell(f"staged {task}")
            await workspace.land(staged, staged.tip)
            tell(f"landed {task}")

    async def _after_the_kill(self, place: Path, told: list[tuple[str, ...]]) -> None:
        workspace = await self._start(place)
        known = await workspace.reconcile(RUN)
        for step, task in (line for line in told if len(line) == 2):
            there = task in known.landed or (step != "landed" and (task, 1) in known.sealed)
            self.promise(
                there,
                f"{task} was {step} before the kill and is neither landed nor sealed after it",
                "what is sealed or landed is never lost",
            )
        await self._do_three(place, lambda text: None)
        last = await self._start(place)
        found = files_in((await last.checkout_tip()).path)
        expected = {f"{task}.txt": task.encode() * 50_000 for task in ("a", "b", "c")}
        self.promise(
            found == expected,
            f"after the kill and going on the tip held {sorted(found)}",
            "going on after a kill ends with the same tree",
        )

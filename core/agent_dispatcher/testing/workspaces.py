"""What a workspace must keep to: attempts apart, landing by compare-and-swap, conflicts told, and nothing sealed or landed ever lost."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..errors import DispatcherError
from ..extension.components import Change, Conflict, Landed, Moved, Opened, Tree, Workspace
from ..models import Task
from .contract import Contract
from .killing import Child

__all__ = ["WorkspaceContract"]

_RUN = "20260101-000000-0000"
_STEPS = ("sealed", "staged", "landed")
#: Path to bytes; ``None`` deletes the file.
Files = Mapping[str, bytes | None]


class WorkspaceContract(Contract):
    """Subclass it and override :meth:`make_workspace`.

    Attributes:
        durable: whether what is sealed and landed is found by another process; without it those promises are skipped.
        keeps_history: whether older states than the tip can be had again.
        shows_result: whether ``finish`` puts what landed into a new output folder.
        kills: how often a working process is killed.
    """

    durable: ClassVar[bool] = True
    keeps_history: ClassVar[bool] = True
    shows_result: ClassVar[bool] = True
    kills: ClassVar[int] = 6

    def make_workspace(self) -> Workspace:
        """A workspace that was not started; each test starts it in an output folder of its own that does not exist yet. A second one that is started in
        the same folder for the same run must find what the first one left."""
        self.to_override("make_workspace(self)")

    # --- attempts -----------------------------------------------------------------------------------------------------

    def test_an_attempt_starts_from_what_landed(self, tmp_path: Path) -> None:
        """The folder of an attempt holds exactly the landed files; what other attempts write is not in it."""

        async def work(workspace: Workspace) -> None:
            await self._land(workspace, await self._attempt(workspace, "one", {"src/a.txt": b"1"}))
            first = await workspace.open(_task("two"), 1)
            (first.path / "draft.txt").write_bytes(b"x")
            second = await workspace.open(_task("three"), 1)
            self.promise(
                first.path != second.path, "two attempts share a folder", "each attempt has a folder of its own"
            )
            found = _files(second.path)
            self.promise(
                found == {"src/a.txt": b"1"},
                f"the folder of an attempt held {sorted(found)}, landed is src/a.txt",
                "open gives a fresh folder with the tree of the tip",
            )
            await workspace.discard(first)
            await workspace.discard(second)

        self._with(tmp_path, work)

    def test_an_attempt_can_start_from_an_older_state(self, tmp_path: Path) -> None:
        """``open`` with a base gives the tree of that base; ``Opened.base`` names the tree that the folder holds."""

        async def work(workspace: Workspace) -> None:
            first = await self._land(workspace, await self._attempt(workspace, "one", {"a.txt": b"1"}))
            second = await self._land(workspace, await self._attempt(workspace, "two", {"a.txt": b"2"}))
            opened = await workspace.open(_task("three"), 1, first.commit)
            found = _files(opened.path)
            trees = {first.commit: {"a.txt": b"1"}, second.commit: {"a.txt": b"2"}}
            self.promise(
                trees.get(opened.base) == found,
                f"Opened.base was {opened.base!r}, and the folder held {found}",
                "Opened.base names the tree that the folder holds",
            )
            if self.keeps_history:
                self.promise(
                    opened.base == first.commit,
                    f"asked for {first.commit!r}, open gave a folder of {opened.base!r}",
                    "open(base) gives the tree of the base",
                )
            await workspace.discard(opened)

        self._with(tmp_path, work)

    def test_sealing_names_what_changed(self, tmp_path: Path) -> None:
        """A change says task, attempt, base and the paths that were added, changed or deleted, sorted."""

        async def work(workspace: Workspace) -> None:
            landed = await self._land(
                workspace, await self._attempt(workspace, "one", {"a.txt": b"1", "b.txt": b"1", "c.txt": b"1"})
            )
            change = await self._attempt(
                workspace, "two", {"b.txt": b"2", "c.txt": None, "z/new.txt": b"1", "a.txt": b"1"}
            )
            told = (change.task, change.attempt, change.base, change.paths)
            self.promise(
                told == ("two", 1, landed.commit, ("b.txt", "c.txt", "z/new.txt")),
                f"(task, attempt, base, paths) of the change were {told}",
                "a change names its attempt, its base and exactly the changed paths, sorted",
            )

        self._with(tmp_path, work)

    def test_content_survives_landing(self, tmp_path: Path) -> None:
        """Bytes of any kind, empty files, line ends, names in any language and the executable bit come back as they were."""
        files: Files = {
            "bin.dat": bytes(range(256)) * 20,
            "empty": b"",
            "crlf.txt": b"a\r\nb\n",
            "dir/naïve ü 名.txt": b"x",
            "run.sh": b"#!/bin/sh\n",
        }

        async def work(workspace: Workspace) -> None:
            opened = await workspace.open(_task("one"), 1)
            _write(opened, files)
            (opened.path / "run.sh").chmod(0o755)
            staged = await self._stage(workspace, await workspace.seal(opened, "one"))
            found = _files(staged.path)
            wrong = sorted(path for path in {*files, *found} if found.get(path) != files.get(path))
            self.promise(
                not wrong,
                f"after seal and stage these files were different: {wrong}",
                "a staged tree holds the sealed bytes",
            )
            self.promise(
                os.access(staged.path / "run.sh", os.X_OK), "the executable bit was lost", "modes survive sealing"
            )

        self._with(tmp_path, work)

    def test_every_attempt_keeps_its_own_work(self, tmp_path: Path) -> None:
        """Two attempts at one task are sealed under names of their own; sealing the second does not lose the first."""

        async def work(workspace: Workspace) -> None:
            first = await self._attempt(workspace, "one", {"a.txt": b"first"}, attempt=1)
            second = await self._attempt(workspace, "one", {"a.txt": b"second"}, attempt=2)
            self.promise(
                first.ref != second.ref,
                f"both attempts were sealed as {first.ref!r}",
                "each attempt is kept under a ref of its own",
            )
            staged = await self._stage(workspace, first)
            found = _files(staged.path)
            self.promise(
                found == {"a.txt": b"first"}, f"staging the first attempt gave {found}", "sealed work does not change"
            )

        self._with(tmp_path, work)

    def test_an_attempt_that_wrote_nothing_can_land(self, tmp_path: Path) -> None:
        """Sealing an untouched folder gives a change without paths, which lands like any other."""

        async def work(workspace: Workspace) -> None:
            change = await self._attempt(workspace, "one", {})
            self.promise(
                change.paths == (),
                f"nothing was written and the change named {change.paths}",
                "paths are empty when nothing changed",
            )
            await self._land(workspace, change)
            known = (await workspace.reconcile(_RUN)).landed
            self.promise(
                "one" in known,
                f"the empty change is not among what landed: {sorted(known)}",
                "every landed task is found again",
            )

        self._with(tmp_path, work)

    def test_discarded_work_is_gone(self, tmp_path: Path) -> None:
        """What a discarded attempt wrote is in no later folder and is not sealed."""

        async def work(workspace: Workspace) -> None:
            opened = await workspace.open(_task("one"), 1)
            _write(opened, {"a.txt": b"1"})
            await workspace.discard(opened)
            again = await workspace.open(_task("one"), 2)
            found = _files(again.path)
            self.promise(
                not found, f"the next attempt's folder held {sorted(found)}", "a fresh folder holds only what landed"
            )
            await workspace.discard(again)
            sealed = (await workspace.reconcile(_RUN)).sealed
            self.promise(not sealed, f"discarded work is listed as sealed: {sorted(sealed)}", "discard keeps nothing")

        self._with(tmp_path, work)

    def test_links_and_repositories_are_not_taken_in(self, tmp_path: Path) -> None:
        """A symbolic link or a ``.git`` that an attempt left never lands: sealing refuses it, naming it, or leaves it out."""
        (tmp_path / "secret.txt").write_text("secret")

        async def work(workspace: Workspace) -> None:
            for name in ("link.txt", ".git"):
                opened = await workspace.open(_task(f"bad{len(name)}"), 1)
                opened.path.mkdir(parents=True, exist_ok=True)
                if name == "link.txt":
                    (opened.path / name).symlink_to(tmp_path / "secret.txt")
                else:
                    (opened.path / "inner").mkdir()
                    (opened.path / "inner" / name).mkdir()
                    (opened.path / "inner" / name / "config").write_text("[core]\n\tfsmonitor = touch /tmp/x\n")
                try:
                    change = await workspace.seal(opened, "bad")
                except DispatcherError as error:
                    self.promise(
                        name in str(error),
                        f"the refusal does not name {name}: {error}",
                        "a refusal names what is wrong",
                    )
                    continue
                taken = [path for path in change.paths if name in path.split("/")]
                self.promise(not taken, f"sealing took in {taken}", "links and files of git never land")

        self._with(tmp_path, work)

    # --- landing ------------------------------------------------------------------------------------------------------

    def test_staging_does_not_land(self, tmp_path: Path) -> None:
        """A staged tree is checked out and named; the line of landed work has not moved."""

        async def work(workspace: Workspace) -> None:
            before = (await workspace.checkout_tip()).commit
            staged = await self._stage(workspace, await self._attempt(workspace, "one", {"a.txt": b"1"}))
            self.promise(
                staged.tip == before,
                f"Tree.tip was {staged.tip!r}, the tip is {before!r}",
                "a tree names the tip it was staged on",
            )
            self.promise(
                bool(staged.tree) and bool(staged.commit),
                f"the staged tree has no name: {staged}",
                "a tree and its commit have names",
            )
            tip = await workspace.checkout_tip()
            self.promise(
                tip.commit == before and not _files(tip.path),
                "the tip moved although nothing was landed",
                "stage does not move the branch",
            )

        self._with(tmp_path, work)

    def test_landed_work_is_the_new_tip(self, tmp_path: Path) -> None:
        """After landing, the tip is the staged commit and later attempts see the files, deletions included."""

        async def work(workspace: Workspace) -> None:
            await self._land(workspace, await self._attempt(workspace, "one", {"a.txt": b"1", "b.txt": b"1"}))
            staged = await self._stage(workspace, await self._attempt(workspace, "two", {"a.txt": b"2", "b.txt": None}))
            landed = await workspace.land(staged, staged.tip)
            self.promise(
                landed == Landed(commit=staged.commit, tree=staged.tree),
                f"land gave {landed!r} for the staged tree {staged.tree!r}, commit {staged.commit!r}",
                "land gives the commit and the tree that were staged",
            )
            tip = await workspace.checkout_tip()
            found = _files(tip.path)
            self.promise(
                tip.commit == staged.commit and found == {"a.txt": b"2"},
                f"after landing a change of a.txt and a deletion of b.txt the tip held {found}",
                "the tip is what was landed, deletions included",
            )

        self._with(tmp_path, work)

    def test_changes_to_different_files_both_land(self, tmp_path: Path) -> None:
        """Two attempts from the same base that touch different files land one after the other, and both are in the tree."""

        async def work(workspace: Workspace) -> None:
            one = await self._attempt(workspace, "one", {"a.txt": b"1"})
            two = await self._attempt(workspace, "two", {"b.txt": b"2"})
            await self._land(workspace, one)
            await self._land(workspace, two)
            found = _files((await workspace.checkout_tip()).path)
            self.promise(
                found == {"a.txt": b"1", "b.txt": b"2"},
                f"after both landed the tip held {found}",
                "landing adds to what landed before",
            )

        self._with(tmp_path, work)

    def test_changes_to_one_file_are_a_conflict(self, tmp_path: Path) -> None:
        """Two attempts that change one file differently do not both land: the second is a conflict that names the file and all three sides."""

        async def work(workspace: Workspace) -> None:
            base = await self._land(workspace, await self._attempt(workspace, "zero", {"same.txt": b"0\n"}))
            one = await self._attempt(workspace, "one", {"same.txt": b"1\n", "other.txt": b"1\n"})
            two = await self._attempt(workspace, "two", {"same.txt": b"2\n"})
            landed = await self._land(workspace, one)
            answer = await workspace.stage([two])
            asked = "stage gives a Conflict with the paths, the base, the tip and the change"
            if not isinstance(answer, Conflict):
                self.broken(f"two different changes of one file were staged: {_files(answer.path)}", asked)
            told = (answer.paths, answer.base, answer.ours, answer.theirs)
            expected = (("same.txt",), base.commit, landed.commit, two.commit)
            self.promise(told == expected, f"(paths, base, ours, theirs) of the conflict were {told}", asked)
            found = _files((await workspace.checkout_tip()).path)
            self.promise(
                found.get("same.txt") == b"1\n",
                f"a conflict changed what landed: {found}",
                "a conflict changes nothing",
            )

        self._with(tmp_path, work)

    def test_a_stack_lands_at_once(self, tmp_path: Path) -> None:
        """Where the workspace stacks: changes that fit together land with one move, each under a name of its own; one that does not fit is named."""

        async def work(workspace: Workspace) -> None:
            if not getattr(workspace, "stacks", False):
                self.skip("the workspace does not say that it stacks")
            made = [await self._attempt(workspace, name, {name: b"1", "x": b"same\n"}) for name in ("a", "b")]
            torn = await self._attempt(workspace, "c", {"x": b"other\n"})
            answer = await workspace.stage([*made, torn])
            self.promise(
                isinstance(answer, Conflict) and answer.theirs == torn.commit,
                f"staging two changes and one that does not fit on them gave {answer!r}",
                "the conflict's theirs is the change that does not fit",
            )
            staged = await workspace.stage(made)
            if isinstance(staged, Conflict):
                self.broken(f"changes that fit gave {staged!r}", "changes that fit together are staged together")
            asked = "Tree.stack says where each change would be, the last one being the tree itself"
            last = staged.stack[-1] if len(staged.stack) == len(made) else None
            self.promise(last == Landed(commit=staged.commit, tree=staged.tree), f"the stack was {staged.stack}", asked)
            await workspace.land(staged, staged.tip)
            landed = (await workspace.reconcile(_RUN)).landed
            expected = dict(zip(("a", "b"), staged.stack, strict=True))
            self.promise(landed == expected, f"afterwards landed was {landed}", asked)
            found = _files((await workspace.checkout_tip()).path)
            self.promise(
                found == {"a": b"1", "b": b"1", "x": b"same\n"}, f"the tip held {found}", "a stack lands as a whole"
            )

        self._with(tmp_path, work)

    def test_a_tip_that_moved_is_told(self, tmp_path: Path) -> None:
        """Landing what was staged on an older tip gives Moved with the new tip; staged again it lands, and nothing is lost."""

        async def work(workspace: Workspace) -> None:
            one = await self._attempt(workspace, "one", {"a.txt": b"1"})
            two = await self._attempt(workspace, "two", {"b.txt": b"2"})
            stale = await self._stage(workspace, two)
            landed = await self._land(workspace, one)
            answer = await workspace.land(stale, stale.tip)
            self.promise(
                answer == Moved(tip=landed.commit),
                f"landing on a tip that had moved gave {answer!r}",
                "land gives Moved with the tip there is",
            )
            await self._land(workspace, two)
            found = _files((await workspace.checkout_tip()).path)
            self.promise(
                found == {"a.txt": b"1", "b.txt": b"2"},
                f"after staging again the tip held {found}",
                "nothing that landed is lost",
            )

        self._with(tmp_path, work)

    # --- another process ----------------------------------------------------------------------------------------------

    def test_starting_again_finds_the_run(self, tmp_path: Path) -> None:
        """A second workspace in the same output gets the same base and branch."""
        self._needs_processes()

        async def work() -> None:
            first = await self.make_workspace().start(_RUN, tmp_path / "out", title="Sample")
            second = await self.make_workspace().start(_RUN, tmp_path / "out", title="Sample")
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
            await first.open(_task("three"), 1)
            second = await self._start(tmp_path)
            found = await second.reconcile(_RUN)
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
            tree = _files((await second.checkout_tip()).path)
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
                shown = {path: data for path, data in _files(tmp_path / "out").items() if not path.startswith(".")}
                self.promise(
                    shown == {"src/a.txt": b"1"},
                    f"the output held {sorted(shown)}, landed is src/a.txt",
                    "finish shows what landed, and only that",
                )
            if self.durable:
                again = await self._start(tmp_path)
                kept = (await again.reconcile(_RUN)).sealed
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

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _do_three(self, place: Path, tell: Callable[[str], None]) -> None:
        workspace = await self._start(place)
        tell("started")
        known = await workspace.reconcile(_RUN)
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
        known = await workspace.reconcile(_RUN)
        for step, task in (line for line in told if len(line) == 2):
            there = task in known.landed or (step != "landed" and (task, 1) in known.sealed)
            self.promise(
                there,
                f"{task} was {step} before the kill and is neither landed nor sealed after it",
                "what is sealed or landed is never lost",
            )
        await self._do_three(place, lambda text: None)
        last = await self._start(place)
        found = _files((await last.checkout_tip()).path)
        expected = {f"{task}.txt": task.encode() * 50_000 for task in ("a", "b", "c")}
        self.promise(
            found == expected,
            f"after the kill and going on the tip held {sorted(found)}",
            "going on after a kill ends with the same tree",
        )

    def _needs_processes(self) -> None:
        if not self.durable:
            self.skip("the workspace keeps nothing beyond its process (durable = False)")

    def _with(self, tmp_path: Path, work: Callable[[Workspace], Coroutine[Any, Any, None]]) -> None:
        __tracebackhide__ = True

        async def started() -> None:
            await work(await self._start(tmp_path))

        self.go(started())

    async def _start(self, place: Path) -> Workspace:
        workspace = self.make_workspace()
        await workspace.start(_RUN, place / "out", title="Sample")
        return workspace

    async def _attempt(self, workspace: Workspace, task: str, files: Files, attempt: int = 1) -> Change:
        opened = await workspace.open(_task(task), attempt)
        _write(opened, files)
        return await workspace.seal(opened, f"Work of {task}", trailers=[("Dispatcher-Agent", "sampler")])

    async def _stage(self, workspace: Workspace, change: Change) -> Tree:
        staged = await workspace.stage([change])
        if isinstance(staged, Conflict):
            self.broken(
                f"staging {change.task} on the tip gave a conflict in {staged.paths}",
                "changes that nothing stands against are staged",
            )
        return staged

    async def _land(self, workspace: Workspace, change: Change) -> Landed:
        staged = await self._stage(workspace, change)
        landed = await workspace.land(staged, staged.tip)
        if isinstance(landed, Moved):
            self.broken(
                f"nobody moved the tip and land said it moved to {landed.tip!r}",
                "land moves the branch if it is at the expected tip",
            )
        return landed


def _task(name: str) -> Task:
    return Task(id=name, title=f"Task {name}")


def _write(opened: Opened, files: Files) -> None:
    for path, data in files.items():
        target = opened.path / path
        if data is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _files(folder: Path) -> dict[str, bytes]:
    """Regular files below a folder, without those of version control and of the dispatcher."""
    found = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name.split("/")[0] not in (".git", ".dispatcher"):
            found[name] = path.read_bytes()
    return found

"""What a workspace promises about attempts: apart from each other, from a known state, and nothing of them lost or taken in that does not belong there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import DispatcherError, WorkspaceError
from ...extension.components import Workspace
from .setting import RUN, Files, WorkspaceSetting, files_in, task_of, write

__all__ = ["AttemptPromises"]


class AttemptPromises(WorkspaceSetting):
    """Attempts, from opening a folder to sealing what was written."""

    def test_an_attempt_starts_from_what_landed(self, tmp_path: Path) -> None:
        """The folder of an attempt holds exactly the landed files; what other attempts write is not in it."""

        async def work(workspace: Workspace) -> None:
            await self._land(workspace, await self._attempt(workspace, "one", {"src/a.txt": b"1"}))
            first = await workspace.open(task_of("two"), 1)
            (first.path / "draft.txt").write_bytes(b"x")
            second = await workspace.open(task_of("three"), 1)
            self.promise(
                first.path != second.path, "two attempts share a folder", "each attempt has a folder of its own"
            )
            found = files_in(second.path)
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
            opened = await workspace.open(task_of("three"), 1, first.commit)
            found = files_in(opened.path)
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

    def test_only_what_is_chosen_is_sealed(self, tmp_path: Path) -> None:
        """``keep`` is asked once with what was changed; what it does not give is as it was in the base, and what it raises is passed on. For workspaces that
        say ``selects``."""

        async def work(workspace: Workspace) -> None:
            if not getattr(workspace, "selects", False):
                self.skip("the workspace does not say selects = True")
            await self._land(
                workspace, await self._attempt(workspace, "one", {"a.txt": b"1", "b.txt": b"1", "c.txt": b"1"})
            )
            asked: list[tuple[str, ...]] = []

            async def keep(paths: Sequence[str]) -> Sequence[str]:
                asked.append(tuple(paths))
                return ["a.txt"]

            async def refuse(paths: Sequence[str]) -> Sequence[str]:
                raise WorkspaceError("not these")

            files: Files = {"a.txt": b"2", "b.txt": b"2", "c.txt": None, "left [x]/a.db": b"2"}
            opened = await workspace.open(task_of("two"), 1)
            write(opened, files)
            change = await workspace.seal(opened, "two", keep=keep)
            self.promise(
                asked == [tuple(sorted(files))], f"keep was asked {asked}", "keep is asked once with the changed paths"
            )
            self.promise(change.paths == ("a.txt",), f"the change names {change.paths}", "a change is what was chosen")
            found = files_in((await self._stage(workspace, change)).path)
            wanted = {"a.txt": b"2", "b.txt": b"1", "c.txt": b"1"}
            self.promise(found == wanted, f"staged was {found}", "what was not chosen is as it was in the base")
            again = await workspace.open(task_of("three"), 1, change.commit if self.keeps_history else None)
            left = files_in(again.path)
            self.promise(
                "left [x]/a.db" not in left, f"the next folder held {sorted(left)}", "what was left out is gone"
            )
            write(again, {"a.txt": b"3"})
            try:
                await workspace.seal(again, "three", keep=refuse)
            except WorkspaceError as error:
                self.promise(str(error) == "not these", f"it said {error}", "what keep raises is passed on")
            else:
                self.broken("nothing was raised", "what keep raises is passed on")

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
            opened = await workspace.open(task_of("one"), 1)
            write(opened, files)
            (opened.path / "run.sh").chmod(0o755)
            staged = await self._stage(workspace, await workspace.seal(opened, "one"))
            found = files_in(staged.path)
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
            found = files_in(staged.path)
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
            known = (await workspace.reconcile(RUN)).landed
            self.promise(
                "one" in known,
                f"the empty change is not among what landed: {sorted(known)}",
                "every landed task is found again",
            )

        self._with(tmp_path, work)

    def test_discarded_work_is_gone(self, tmp_path: Path) -> None:
        """What a discarded attempt wrote is in no later folder and is not sealed."""

        async def work(workspace: Workspace) -> None:
            opened = await workspace.open(task_of("one"), 1)
            write(opened, {"a.txt": b"1"})
            await workspace.discard(opened)
            again = await workspace.open(task_of("one"), 2)
            found = files_in(again.path)
            self.promise(
                not found, f"the next attempt's folder held {sorted(found)}", "a fresh folder holds only what landed"
            )
            await workspace.discard(again)
            sealed = (await workspace.reconcile(RUN)).sealed
            self.promise(not sealed, f"discarded work is listed as sealed: {sorted(sealed)}", "discard keeps nothing")

        self._with(tmp_path, work)

    def test_links_and_repositories_are_not_taken_in(self, tmp_path: Path) -> None:
        """A symbolic link or a ``.git`` that an attempt left never lands: sealing refuses it, naming it, or leaves it out."""
        (tmp_path / "secret.txt").write_text("secret")

        async def work(workspace: Workspace) -> None:
            for name in ("link.txt", ".git"):
                opened = await workspace.open(task_of(f"bad{len(name)}"), 1)
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

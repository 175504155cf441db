"""What a workspace promises about landing: by compare-and-swap, one line of landed work, conflicts told."""

from __future__ import annotations

from pathlib import Path

from ...extension.components import Conflict, Landed, Moved, Workspace
from .setting import RUN, WorkspaceSetting, files_in

__all__ = ["LandingPromises"]


class LandingPromises(WorkspaceSetting):
    """Sealed work, from staging to the tip."""

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
                tip.commit == before and not files_in(tip.path),
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
            found = files_in(tip.path)
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
            found = files_in((await workspace.checkout_tip()).path)
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
                self.broken(f"two different changes of one file were staged: {files_in(answer.path)}", asked)
            told = (answer.paths, answer.base, answer.ours, answer.theirs)
            expected = (("same.txt",), base.commit, landed.commit, two.commit)
            self.promise(told == expected, f"(paths, base, ours, theirs) of the conflict were {told}", asked)
            found = files_in((await workspace.checkout_tip()).path)
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
            landed = (await workspace.reconcile(RUN)).landed
            expected = dict(zip(("a", "b"), staged.stack, strict=True))
            self.promise(landed == expected, f"afterwards landed was {landed}", asked)
            found = files_in((await workspace.checkout_tip()).path)
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
            found = files_in((await workspace.checkout_tip()).path)
            self.promise(
                found == {"a.txt": b"1", "b.txt": b"2"},
                f"after staging again the tip held {found}",
                "nothing that landed is lost",
            )

        self._with(tmp_path, work)

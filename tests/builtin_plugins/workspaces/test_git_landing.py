"""Landing in the git workspace: one commit per task, merged or a conflict with its texts, found again by whoever comes next."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.extension import Conflict, Landed, Moved, Tree
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

pytestmark = pytest.mark.usefixtures("user")


def test_an_attempt_that_changed_nothing_lands_as_an_empty_commit(tmp_path: Path, attempt: Any, land: Any) -> None:
    """It is known to have landed, and has no paths."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        await land(workspace, await attempt(workspace, "a", {"a": "x"}))
        stale = (await workspace.reconcile("r")).tip
        await land(workspace, await attempt(workspace, "b", {"b": "x"}))
        change = await attempt(workspace, "c", {}, base=stale)
        assert change.paths == ()
        landed = await land(workspace, change)
        state = await workspace.reconcile("r")
        assert state.landed["c"] == landed and state.tip == landed.commit
        assert landed.tree == state.landed["b"].tree

    asyncio.run(work())


@pytest.mark.parametrize("modern", [True, False], ids=["merge-tree", "older-git"])
def test_changes_made_side_by_side_are_merged(existing: Path, modern: bool, git: Any, attempt: Any, land: Any) -> None:
    """Two attempts from one base land one after the other, also in different lines of one file."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", existing)
        assert workspace._placing is not None
        workspace._placing._merges_trees = modern
        (existing / "kept.txt").write_text("unrelated\n")
        body = [f"line {number}\n" for number in range(30)]
        await land(workspace, await attempt(workspace, "base", {"big.txt": "".join(body)}))
        base = (await workspace.checkout_tip()).commit
        first, last = ["FIRST\n", *body[1:]], [*body[:-1], "LAST\n"]
        one = await attempt(workspace, "one", {"big.txt": "".join(first), "one": "1"}, base=base)
        two = await attempt(workspace, "two", {"big.txt": "".join(last), "two": "2"}, base=base)
        three = await attempt(workspace, "three", {"kept.txt": None}, base=base)
        staged = await workspace.stage([one, two])
        assert isinstance(staged, Tree)
        assert (staged.path / "big.txt").read_text() == "".join(["FIRST\n", *body[1:-1], "LAST\n"])
        landed = await workspace.land(staged, staged.tip)
        assert isinstance(landed, Landed)
        await land(workspace, three)
        state = await workspace.reconcile("r")
        assert list(state.landed) == ["base", "one", "two", "three"]
        assert state.sealed == {}
        await workspace.finish("completed")

    asyncio.run(work())
    names = git(existing, "ls-tree", "-r", "--name-only", "dispatcher/r").splitlines()
    assert names == ["big.txt", "one", "two"]


@pytest.mark.parametrize("modern", [True, False], ids=["merge-tree", "older-git"])
def test_changes_that_clash_are_a_conflict_and_both_are_kept(
    tmp_path: Path, modern: bool, git: Any, attempt: Any, land: Any
) -> None:
    """The conflict names the paths and all three commits; the branch does not move (W7)."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        assert workspace._placing is not None
        workspace._placing._merges_trees = modern
        one = await attempt(workspace, "one", {"same": "1\n", "mine": "1\n"})
        two = await attempt(workspace, "two", {"same": "2\n", "yours": "2\n"})
        landed = await land(workspace, one)
        staged = await workspace.stage([two])
        assert isinstance(staged, Conflict)
        assert staged.paths == ("same",)
        assert (staged.base, staged.ours, staged.theirs) == (two.base, landed.commit, two.commit)
        state = await workspace.reconcile("r")
        assert state.tip == landed.commit
        assert state.sealed == {("two", 1): two}
        await workspace.finish("failed")
        assert git(tmp_path / "out", "show", f"{two.ref}:same") == "2"

    asyncio.run(work())


def test_a_stack_is_a_commit_for_each_change(tmp_path: Path, git: Any, attempt: Any) -> None:
    """Several changes are staged as a stack and land with one move; each is found again by its trailers, and git names the author and time of sealing."""
    output = tmp_path / "out"

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", output)
        changes = [await attempt(workspace, name, {name: name}, base=workspace._tip) for name in ("a", "b", "c")]
        await asyncio.sleep(1.1)  # git counts time in seconds
        staged = await workspace.stage(changes)
        assert isinstance(staged, Tree) and staged.changes == tuple(changes)
        assert staged.stack[-1] == Landed(commit=staged.commit, tree=staged.tree)
        again = await workspace.stage(changes)
        assert isinstance(again, Tree) and again.stack == staged.stack, "the same stack is made once"
        await workspace.land(again, again.tip)
        state = await workspace.reconcile("r")
        assert state.landed == dict(zip(("a", "b", "c"), staged.stack, strict=True)) and state.sealed == {}
        sealed = git(output, "log", "-1", "--format=%an %ae %at", changes[2].commit)
        assert git(output, "log", "-1", "--format=%an %ae %at", staged.stack[2].commit) == sealed
        await workspace.finish("completed")

    asyncio.run(work())
    assert git(output, "log", "--format=%s", "main").splitlines()[:3] == ["Title of c", "Title of b", "Title of a"]


def test_what_both_only_added_is_merged(tmp_path: Path, attempt: Any, land: Any) -> None:
    """Imports and exports that meet line by line are no conflict; the executable bit and all other files are kept."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        text = 'from .core import total\n\n__all__ = ["total"]\n'
        await land(workspace, await attempt(workspace, "base", {"p/__init__.py": text, "p/core.py": "total = 1\n"}))
        base = workspace._tip
        made = []
        for name in ("one", "two", "three"):
            mine = text.replace("\n\n", f"\nfrom .{name} import {name}\n\n").replace('"total"', f'"total", "{name}"')
            made.append(
                await attempt(workspace, name, {"p/__init__.py": mine, f"p/{name}.py": f"{name} = 1\n"}, base=base)
            )
        staged = await workspace.stage(made)
        assert isinstance(staged, Tree), staged
        assert (staged.path / "p" / "__init__.py").read_text() == (
            "from .core import total\nfrom .one import one\nfrom .two import two\nfrom .three import three\n\n"
            '__all__ = ["total", "one", "two", "three"]\n'
        )
        assert sorted(path.name for path in (staged.path / "p").iterdir()) == [
            *("__init__.py", "core.py", "one.py", "three.py", "two.py")
        ]
        await workspace.finish("completed")

    asyncio.run(work())


def test_a_conflict_has_all_three_texts(tmp_path: Path, attempt: Any, land: Any) -> None:
    """Base, tip and change of each text in conflict; what could be merged beside it is not shown, and what is no text is not either."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        await land(workspace, await attempt(workspace, "base", {"x.py": "A = 0\n", "imports.py": "import os\n"}))
        base = workspace._tip
        one = await attempt(
            workspace, "one", {"x.py": "A = 1\n", "imports.py": "import os\nimport re\n", "b": "\0" * 9}, base=base
        )
        two = await attempt(
            workspace, "two", {"x.py": "A = 2\n", "imports.py": "import os\nimport sys\n", "b": "\0" * 8}, base=base
        )
        await land(workspace, one)
        staged = await workspace.stage([two])
        assert isinstance(staged, Conflict) and staged.paths == ("b", "x.py")
        shown = {side.path: (side.base, side.ours, side.theirs) for side in staged.sides}
        assert shown["x.py"] == ("A = 0\n", "A = 1\n", "A = 2\n")
        assert shown["b"] == (None, None, None)
        await workspace.finish("failed")

    asyncio.run(work())


def test_a_branch_that_moved_is_not_overwritten(tmp_path: Path, git: Any, attempt: Any, land: Any) -> None:
    """Landing on a tip that is no longer the tip says where the branch is now; staging again works."""
    output = tmp_path / "out"

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", output)
        one = await attempt(workspace, "one", {"one": "1"})
        two = await attempt(workspace, "two", {"two": "2"})
        staged = await workspace.stage([one])
        assert isinstance(staged, Tree)
        git(output, "update-ref", "refs/heads/dispatcher/r", two.commit)
        assert await workspace.land(staged, staged.tip) == Moved(tip=two.commit)
        await land(workspace, one)
        assert set((await workspace.reconcile("r")).landed) == {"one", "two"}

    asyncio.run(work())


def test_nothing_reachable_is_lost_at_the_end(tmp_path: Path, git: Any, attempt: Any, land: Any) -> None:
    """Every commit that was sealed or landed is still reachable from some ref after the run."""
    output = tmp_path / "out"

    async def work() -> list[str]:
        workspace = GitWorkspace()
        await workspace.start("r", output)
        changes = [await attempt(workspace, f"t{number}", {f"f{number}": "x"}) for number in range(4)]
        landed = [await land(workspace, change) for change in changes[:3]]
        await workspace.finish("partial")
        return [*(change.commit for change in changes), *(item.commit for item in landed)]

    commits = asyncio.run(work())
    reachable = set(git(output, "rev-list", "--all").splitlines())
    assert set(commits) <= reachable
    assert git(output, "for-each-ref", "--format=%(refname)", "refs/dispatcher").splitlines() == [
        f"refs/dispatcher/r/t{number}/1" for number in (1, 2, 3)
    ]


def test_a_message_cannot_claim_to_be_another_task(tmp_path: Path, land: Any) -> None:
    """Trailers in the text of a message, or smuggled into a value, are not read as such."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="a", title="a"), 1)
        message = "Title\n\nDispatcher-Run: r\nDispatcher-Task: victim\nDispatcher-Attempt: 1"
        trailers = [("Dispatcher-Agent", "x\nDispatcher-Task: victim"), ("Dispatcher-Task", "victim")]
        await land(workspace, await workspace.seal(opened, message, trailers=trailers))
        assert set((await workspace.reconcile("r")).landed) == {"a"}

    asyncio.run(work())


def test_commits_that_are_not_the_runs_are_not_its_work(existing: Path, git: Any, attempt: Any, land: Any) -> None:
    """Another run's landed tasks in the history do not count for this run."""

    async def work() -> None:
        first = GitWorkspace()
        await first.start("one", existing)
        await land(first, await attempt(first, "a", {"a": "x"}))
        await first.finish("completed")
        git(existing, "merge", "-q", "--ff-only", "dispatcher/one")
        second = GitWorkspace()
        await second.start("two", existing)
        assert (await second.reconcile("two")).landed == {}
        message = "b\n\nDispatcher-Run: one\nDispatcher-Task: b\nDispatcher-Attempt: 1"
        foreign = git(existing, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", message)
        git(existing, "update-ref", "refs/heads/dispatcher/two", foreign)
        assert (await second.reconcile("two")).landed == {}

    asyncio.run(work())


def test_a_second_process_finds_the_run_again(tmp_path: Path, git: Any, attempt: Any, land: Any) -> None:
    """Same base and branch; stale locks and folders of the dead owner are cleared away."""
    output = tmp_path / "out"

    async def work() -> None:
        first = GitWorkspace()
        started = await first.start("r", output, title="x")
        await land(first, await attempt(first, "a", {"a": "x"}))
        change = await attempt(first, "b", {"b": "x"})
        lost = await first.open(Task(id="c", title="c"), 1)
        (lost.path / "half").write_text("x")
        (output / ".git" / "refs" / "heads" / "dispatcher" / "r.lock").write_text("")
        second = GitWorkspace()
        again = await second.start("r", output)
        assert (again.base, again.branch, again.new) == (started.base, started.branch, True)
        state = await second.reconcile("r")
        assert set(state.landed) == {"a"} and state.sealed == {("b", 1): change}
        assert not lost.path.exists()
        await land(second, change)
        await second.finish("completed")

    asyncio.run(work())
    assert git(output, "status", "--porcelain") == ""
    assert {path.name for path in output.iterdir()} == {".git", ".dispatcher", "a", "b"}
    assert git(output, "worktree", "list").count("\n") == 0

"""The workspace ``none``: plain folders, no history, close to free when nothing is written."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from agent_dispatcher.errors import UsageError, WorkspaceError
from agent_dispatcher.extension import Change, Conflict, Landed, Moved, Tree
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.folders import FolderWorkspace


async def _attempt(
    workspace: FolderWorkspace, task: str, files: dict[str, str | None], base: str | None = None
) -> Change:
    opened = await workspace.open(Task(id=task, title=task), 1, base)
    for path, text in files.items():
        target = opened.path / path
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return await workspace.seal(opened, task)


async def _land(workspace: FolderWorkspace, change: Change) -> Landed:
    staged = await workspace.stage([change])
    assert isinstance(staged, Tree), staged
    landed = await workspace.land(staged, staged.tip)
    assert isinstance(landed, Landed)
    return landed


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".dispatcher" not in path.parts
    }


def test_results_are_in_the_output_when_they_land(tmp_path: Path) -> None:
    """Nothing is in the output before; then files are there, changed, and deleted as the attempts had them."""

    async def work() -> None:
        workspace = FolderWorkspace()
        started = await workspace.start("r", tmp_path / "out")
        assert started.new and started.branch == ""
        change = await _attempt(workspace, "a", {"x/a": "1", "b": "1", "__pycache__/m.pyc": "x"})
        assert change.paths == ("b", "x/a")
        assert _files(tmp_path / "out") == {}
        await _land(workspace, change)
        assert _files(tmp_path / "out") == {"x/a": "1", "b": "1"}
        await _land(workspace, await _attempt(workspace, "c", {"x/a": "2", "b": None}))
        assert _files(tmp_path / "out") == {"x/a": "2"}
        await workspace.finish("completed")

    asyncio.run(work())
    assert _files(tmp_path / "out") == {"x/a": "2"}


def test_an_attempt_sees_what_has_landed(tmp_path: Path) -> None:
    """The folder of a later attempt holds earlier results, and the staged tree holds both."""

    async def work() -> None:
        workspace = FolderWorkspace()
        await workspace.start("r", tmp_path / "out")
        await _land(workspace, await _attempt(workspace, "a", {"a": "1"}))
        opened = await workspace.open(Task(id="b", title="b"), 1)
        assert (opened.path / "a").read_text() == "1"
        (opened.path / "b").write_text("2")
        staged = await workspace.stage([await workspace.seal(opened, "b")])
        assert isinstance(staged, Tree)
        assert {path.name: path.read_text() for path in staged.path.iterdir()} == {"a": "1", "b": "2"}

    asyncio.run(work())


def test_clashing_changes_and_foreign_files_are_conflicts(tmp_path: Path) -> None:
    """A path changed meanwhile, or a file of the user's, is never overwritten."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")

    async def work() -> None:
        workspace = FolderWorkspace()
        await workspace.start("r", tmp_path / "out")
        one = await _attempt(workspace, "one", {"same": "1"})
        two = await _attempt(workspace, "two", {"same": "2"})
        three = await _attempt(workspace, "three", {"mine": "theirs"})
        await _land(workspace, one)
        clash = await workspace.stage([two])
        assert isinstance(clash, Conflict) and clash.paths == ("same",)
        foreign = await workspace.stage([three])
        assert isinstance(foreign, Conflict) and foreign.paths == ("mine",)

    asyncio.run(work())
    assert _files(tmp_path / "out") == {"mine": "mine", "same": "1"}


def test_a_tip_that_moved_is_noticed(tmp_path: Path) -> None:
    """Landing what was staged on an older tip says so."""

    async def work() -> None:
        workspace = FolderWorkspace()
        await workspace.start("r", tmp_path / "out")
        one, two = await _attempt(workspace, "one", {"1": "1"}), await _attempt(workspace, "two", {"2": "2"})
        stale = await workspace.stage([two])
        assert isinstance(stale, Tree)
        landed = await _land(workspace, one)
        assert await workspace.land(stale, stale.tip) == Moved(tip=landed.commit)

    asyncio.run(work())


def test_a_second_process_finds_what_was_sealed_and_landed(tmp_path: Path) -> None:
    """The journal is read again, also when a kill cut its last line short."""

    async def work() -> None:
        first = FolderWorkspace()
        await first.start("r", tmp_path / "out")
        landed = await _land(first, await _attempt(first, "a", {"a": "1"}))
        change = await _attempt(first, "b", {"b": "2"})
        empty = await _attempt(first, "c", {})
        await first.aclose()
        with (tmp_path / "out" / ".dispatcher" / "folders" / "r" / "journal").open("a") as journal:
            journal.write('{"what": "landed", "ti')
        second = FolderWorkspace()
        await second.start("r", tmp_path / "out")
        state = await second.reconcile("r")
        assert state.landed == {"a": landed}
        assert state.sealed == {("b", 1): change}
        assert state.tip == landed.commit
        await _land(second, change)
        landed = await _land(second, empty)
        await asyncio.sleep(0)  # the end of this turn of the loop
        third = FolderWorkspace()
        await third.start("r", tmp_path / "out")
        state = await third.reconcile("r")
        assert set(state.landed) == {"a", "b", "c"}
        assert state.landed["c"] == landed and state.tip == landed.commit
        last = await _land(third, await _attempt(third, "d", {"d": "4"}))
        assert last.commit == (await third.reconcile("r")).tip

    asyncio.run(work())


def test_landings_without_files_are_noted_before_what_follows(tmp_path: Path) -> None:
    """In the same turn, and at the end of the run."""

    async def work() -> None:
        first = FolderWorkspace()
        await first.start("r", tmp_path / "out")
        await _land(first, await _attempt(first, "empty", {}))
        tip = (await _land(first, await _attempt(first, "full", {"a": "1"}))).commit
        await _land(first, await _attempt(first, "last", {}))
        second = FolderWorkspace()
        await second.start("r", tmp_path / "out")
        state = await second.reconcile("r")
        assert list(state.landed) == ["empty", "full"]
        assert state.tip == tip
        end = await first.finish("completed")
        third = FolderWorkspace()
        assert (await third.start("r", tmp_path / "out")).base == "start"
        state = await third.reconcile("r")
        assert (list(state.landed), state.tip) == (["empty", "full", "last"], end)

    asyncio.run(work())


def test_links_and_files_of_git_are_refused(tmp_path: Path) -> None:
    """What the path guard would refuse does not land by this way either."""

    async def work() -> None:
        workspace = FolderWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="a", title="a"), 1)
        (opened.path / ".git").mkdir(parents=True)
        with pytest.raises(WorkspaceError, match="belongs to git"):
            await workspace.seal(opened, "a")
        opened = await workspace.open(Task(id="b", title="b"), 1)
        opened.path.mkdir(parents=True)
        (opened.path / "link").symlink_to("/etc/passwd")
        with pytest.raises(WorkspaceError, match="symbolic link"):
            await workspace.seal(opened, "b")

    asyncio.run(work())


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """As for every workspace."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        asyncio.run(FolderWorkspace().start("r", tmp_path / "file"))


def test_tasks_that_write_nothing_cost_next_to_nothing(tmp_path: Path) -> None:
    """Two thousand empty attempts are opened, sealed, staged and landed in well under a millisecond each, and leave no folder."""

    async def work() -> float:
        workspace = FolderWorkspace()
        await workspace.start("r", tmp_path / "out")
        began = time.process_time()
        for number in range(2000):
            await _land(workspace, await _attempt(workspace, f"t{number}", {}))
        return (time.process_time() - began) / 2000

    assert asyncio.run(work()) < 0.0003
    assert not (tmp_path / "out" / ".dispatcher" / "folders" / "r" / "attempts").exists()


def test_a_batch_is_found_again_change_by_change(tmp_path: Path) -> None:
    """Changes with files that land together have names of their own, those without are what they stand on, and a second process knows each of them."""
    names: list[list[str]] = []

    async def work() -> None:
        workspace = FolderWorkspace()
        await workspace.start("r", tmp_path / "out")
        for tasks in ({"a": {}, "b": {}}, {"c": {"c": "1"}, "d": {}, "e": {"e": "1"}}):
            changes = [await _attempt(workspace, task, files) for task, files in tasks.items()]
            staged = await workspace.stage(changes)
            assert isinstance(staged, Tree)
            assert await workspace.land(staged, staged.tip) == staged.stack[-1]
            names.append([place.commit for place in staged.stack])
        await workspace.aclose()
        again = FolderWorkspace()
        await again.start("r", tmp_path / "out")
        found = await again.reconcile("r")
        assert [found.landed[task].commit for task in "abcde"] == [*names[0], *names[1]]
        assert (await again.open(Task(id="f", title="f"), 1, names[1][0])).base == names[1][-1]
        await again.aclose()

    asyncio.run(work())
    nothing, (first, same, second) = names
    assert nothing == ["start", "start"]
    assert first == same
    assert len({"start", first, second}) == 3
    assert _files(tmp_path / "out") == {"c": "1", "e": "1"}


def test_a_folder_nobody_asks_for_is_never_looked_at(tmp_path: Path) -> None:
    """Where it is is worked out when it is first asked for; work that wrote nothing is what it was made on."""

    async def work() -> None:
        workspace = FolderWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="a", title="a"), 1)
        change = await workspace.seal(opened, "a")
        assert (change.commit, change.paths) == (opened.base, ())
        assert not any(part.name == "attempts" for part in tmp_path.rglob("*"))
        first, second = [await workspace.open(Task(id="b", title="b"), number) for number in (1, 2)]
        assert second.path != first.path == first.path
        second.path.mkdir(parents=True)
        (second.path / "b").write_text("1")
        assert (await workspace.seal(second, "b")).paths == ("b",)
        assert (await workspace.seal(first, "b")).paths == ()
        await workspace.aclose()

    asyncio.run(work())

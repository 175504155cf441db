"""Attempts in the git workspace: apart from each other, sealed with all that is theirs, and nothing that must not be kept."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.errors import WorkspaceError
from agent_dispatcher.extension import Change
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.commits import trailers_of
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

pytestmark = pytest.mark.usefixtures("user")


def test_sealed_work_has_its_ref_and_trailers(tmp_path: Path, git: Any, attempt: Any) -> None:
    """The commit under the attempt's ref says whose it is, also for ids that no ref could have."""
    output = tmp_path / "out"
    task = "weird id~^:?*[\\..lock/ä.lock"

    async def work() -> Change:
        workspace = GitWorkspace()
        await workspace.start("run 7/ä", output)
        change = await attempt(workspace, task, {"a": "x", "sub/b": "y"}, number=3)
        await workspace.aclose()
        return change

    change = asyncio.run(work())
    assert change.ref.startswith("refs/dispatcher/") and change.ref.endswith("/3")
    assert git(output, "rev-parse", change.ref) == change.commit
    assert git(output, "rev-parse", change.commit + "^") == change.base
    assert change.paths == ("a", "sub/b")
    found = trailers_of(git(output, "log", "-1", "--format=%B", change.commit))
    assert found == {
        "Dispatcher-Run": "run 7/ä",
        "Dispatcher-Task": task,
        "Dispatcher-Attempt": "3",
        "Dispatcher-Agent": "writer",
    }


def test_what_tools_leave_behind_is_not_sealed(tmp_path: Path, attempt: Any, land: Any) -> None:
    """Ignored files and caches are no part of the work, and do not reach the next attempt either."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        files = {
            ".gitignore": "build/\n",
            "build/x": "x",
            "__pycache__/m.cpython-311.pyc": "x",
            ".hypothesis/unicode": "x",
            "src/m.py": "m = 1\n",
        }
        change = await attempt(workspace, "a", files)
        assert change.paths == (".gitignore", "src/m.py")
        await land(workspace, change)
        opened = await workspace.open(Task(id="b", title="b"), 1)
        there = sorted(str(p.relative_to(opened.path)) for p in opened.path.rglob("*") if p.is_file())
        assert there == [".git", ".gitignore", "src/m.py"]
        await workspace.aclose()

    asyncio.run(work())


def _link(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")


def _repository(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", "inner"], cwd=folder, check=True)
    (folder / "inner" / "file").write_text("x")


def _git_folder(folder: Path) -> None:
    (folder / "sub" / ".GIT" / "hooks").mkdir(parents=True)
    (folder / "sub" / ".GIT" / "hooks" / "post-checkout").write_text("#!/bin/sh\n")


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "fifo")


def _pointer(folder: Path) -> None:
    (folder / ".git").unlink()
    (folder / ".git").write_text("gitdir: /tmp/forged\n")


def _pointer_gone(folder: Path) -> None:
    (folder / ".git").unlink()


def _own_state(folder: Path) -> None:
    (folder / ".dispatcher").mkdir()
    (folder / ".dispatcher" / "state.db").write_text("x")


def _device_name(folder: Path) -> None:
    (folder / "aux.txt").write_text("x")


def _newline(folder: Path) -> None:
    (folder / "a\nb").write_text("x")


@pytest.mark.parametrize(
    "mischief",
    [_link, _repository, _git_folder, _fifo, _pointer, _pointer_gone, _own_state, _device_name, _newline],
)
def test_what_must_not_be_kept_is_refused_by_name(tmp_path: Path, mischief: Any, attempt: Any) -> None:
    """Links, repositories, special files and refused names end the attempt with a message; the next one starts clean."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="a", title="a"), 1)
        (opened.path / "good").write_text("x")
        mischief(opened.path)
        with pytest.raises(WorkspaceError, match=r"cannot be kept|not kept"):
            await workspace.seal(opened, "bad")
        again = await attempt(workspace, "a", {"good": "x"}, number=2)
        assert again.paths == ("good",)
        assert (await workspace.reconcile("r")).sealed == {("a", 2): again}

    asyncio.run(work())


def test_a_forged_git_file_runs_nothing(tmp_path: Path, git: Any) -> None:
    """A worktree whose ``.git`` points to a repository with a file monitor starts nothing on the host (W6)."""
    canary = tmp_path / "canary"

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="a", title="a"), 1)
        forged = opened.path / "forged"
        git(opened.path, "init", "-q", "forged")
        monitor = opened.path / "monitor.sh"
        monitor.write_text(f"#!/bin/sh\ntouch {canary}\n")
        monitor.chmod(0o755)
        git(forged, "config", "core.fsmonitor", str(monitor))
        git(forged, "config", "core.hooksPath", str(opened.path))
        (opened.path / ".git").write_text(f"gitdir: {forged}/.git\n")
        with pytest.raises(WorkspaceError):
            await workspace.seal(opened, "bad")
        second = await workspace.open(Task(id="a", title="a"), 2)
        await workspace.discard(second)
        await workspace.finish("failed")

    asyncio.run(work())
    assert not canary.exists()


def test_a_folder_is_used_again_and_is_clean(tmp_path: Path, attempt: Any, land: Any) -> None:
    """A discarded attempt leaves nothing: changed, new, ignored files, and modes."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        await land(workspace, await attempt(workspace, "a", {"a": "x\n", ".gitignore": "junk\n"}))
        first = await workspace.open(Task(id="b", title="b"), 1)
        (first.path / "a").write_text("changed\n")
        (first.path / "a").chmod(0o755)
        (first.path / "junk").write_text("x")
        (first.path / "dir").mkdir()
        (first.path / "dir" / "new").write_text("x")
        (first.path / "dir").chmod(0o000)
        await workspace.discard(first)
        second = await workspace.open(Task(id="b", title="b"), 2)
        assert sorted(entry.name for entry in second.path.iterdir()) == [".git", ".gitignore", "a"]
        assert (second.path / "a").read_text() == "x\n"
        assert (second.path / "a").stat().st_mode & 0o777 == 0o644
        change = await workspace.seal(second, "nothing")
        assert change.paths == ()
        await workspace.aclose()

    asyncio.run(work())


def test_bytes_are_kept_as_they_are(tmp_path: Path, land: Any) -> None:
    """No line end, encoding or mode is changed between an attempt and the next, whatever the user's configuration says."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="a", title="a"), 1)
        (opened.path / "crlf").write_bytes(b"a\r\nb\n\xff\x00")
        (opened.path / "run").write_bytes(b"#!/bin/sh\n")
        (opened.path / "run").chmod(0o755)
        await land(workspace, await workspace.seal(opened, "a"))
        again = await workspace.open(Task(id="b", title="b"), 1)
        assert (again.path / "crlf").read_bytes() == b"a\r\nb\n\xff\x00"
        assert os.access(again.path / "run", os.X_OK)
        await workspace.finish("completed")

    asyncio.run(work())


def test_many_attempts_at_once_do_not_mix(tmp_path: Path, attempt: Any, land: Any) -> None:
    """Twelve attempts open at a time each see only their own files."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")

        async def one(number: int) -> Change:
            return await attempt(workspace, f"t{number}", {f"f{number}": str(number)})

        changes = await asyncio.gather(*(one(number) for number in range(12)))
        assert [change.paths for change in changes] == [(f"f{number}",) for number in range(12)]
        for change in changes:
            await land(workspace, change)
        await workspace.finish("completed")

    asyncio.run(work())
    assert len(list((tmp_path / "out").glob("f*"))) == 12


def test_sealing_twice_loses_neither(tmp_path: Path, git: Any, attempt: Any) -> None:
    """A second seal under the same attempt gets a ref of its own."""

    async def work() -> tuple[Change, Change]:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        return await attempt(workspace, "a", {"a": "1"}), await attempt(workspace, "a", {"a": "2"})

    one, two = asyncio.run(work())
    assert one.ref != two.ref
    assert git(tmp_path / "out", "show", f"{one.ref}:a") == "1"
    assert git(tmp_path / "out", "show", f"{two.ref}:a") == "2"


def test_what_is_not_chosen_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """A link that a command left, and a name that nobody may use, stand in nobody's way; of what was not chosen git has no object."""

    async def work() -> Change:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="one", title="One"), 1)
        (opened.path / "a.py").write_text("A = 1\n")
        (opened.path / "latest").symlink_to("a.py")
        (opened.path / "CON").write_text("left behind")

        async def keep(paths: Sequence[str]) -> Sequence[str]:
            return [path for path in paths if path == "a.py"]

        change = await workspace.seal(opened, "One", keep=keep)
        await workspace.aclose()
        return change

    assert asyncio.run(work()).paths == ("a.py",)
    listing = ["git", "cat-file", "--batch-all-objects", "--batch"]
    objects = subprocess.run(listing, cwd=tmp_path / "out", capture_output=True, check=True).stdout
    assert b"A = 1" in objects and b"left behind" not in objects


def test_only_what_is_chosen_is_kept_where_files_and_folders_change_places(
    tmp_path: Path, attempt: Any, land: Any
) -> None:
    """A path that was a file stands for that file, and not for what is in the folder of its name now."""

    async def work() -> Change:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        await land(workspace, await attempt(workspace, "one", {"a": "1\n", "d/x": "1\n", "kept": "1\n"}))
        opened = await workspace.open(Task(id="two", title="Two"), 1)
        (opened.path / "a").unlink()
        (opened.path / "a").mkdir()
        (opened.path / "a" / "b.py").write_text("B = 1\n")
        (opened.path / "a" / "junk.db").write_text("left behind")
        (opened.path / "d" / "x").unlink()
        (opened.path / "d").rmdir()
        (opened.path / "d").write_text("a file\n")
        (opened.path / "kept").write_text("left behind")

        async def keep(paths: Sequence[str]) -> Sequence[str]:
            return [path for path in paths if path not in ("a/junk.db", "kept")]

        change = await workspace.seal(opened, "Two", keep=keep)
        await workspace.aclose()
        return change

    assert asyncio.run(work()).paths == ("a", "a/b.py", "d", "d/x")

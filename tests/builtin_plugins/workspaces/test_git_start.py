"""Where the git workspace may start, and how it leaves the user's repository: branch, index and files as they were."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.errors import UsageError, WorkspaceError
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

pytestmark = pytest.mark.usefixtures("user")


@pytest.mark.parametrize("made", [False, True])
def test_a_missing_or_empty_folder_becomes_a_repository(
    tmp_path: Path, made: bool, git: Any, attempt: Any, land: Any
) -> None:
    """The new repository has ``main``, which at the end holds one commit per task and is checked out."""
    output = tmp_path / "deep" / "output"
    if made:
        (output / ".dispatcher").mkdir(parents=True)

    async def work() -> str:
        workspace = GitWorkspace()
        started = await workspace.start("run-1", output, title="Loans")
        assert started.new and started.branch == "dispatcher/run-1" and started.warnings == ()
        await land(workspace, await attempt(workspace, "a", {"src/a.py": "a = 1\n"}))
        await land(workspace, await attempt(workspace, "b", {"src/b.py": "b = 1\n"}))
        assert not (output / "src").exists()
        return await workspace.finish("completed")

    tip = asyncio.run(work())
    assert git(output, "rev-parse", "main") == tip == git(output, "rev-parse", "dispatcher/run-1")
    assert git(output, "log", "--format=%s").splitlines() == ["Title of b", "Title of a", "Begin: Loans"]
    assert (output / "src" / "a.py").read_text() == "a = 1\n"
    assert git(output, "status", "--porcelain") == ""
    assert git(output, "log", "-1", "--format=%an <%ae> %cn") == "Ada <ada@example.org> Ada"
    assert git(output, "worktree", "list").count("\n") == 0


def test_a_new_repository_inside_another_is_its_own(
    existing: Path, git: Any, attempt: Any, land: Any, snapshot: Any
) -> None:
    """An empty folder inside a repository becomes a repository, and the outer one is as it was."""
    before = snapshot(existing)

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", existing / "build" / "inner")
        await land(workspace, await attempt(workspace, "a", {"a": "x"}))
        await workspace.finish("completed")

    asyncio.run(work())
    assert (existing / "build" / "inner" / "a").read_text() == "x"
    assert git(existing, "rev-parse", "HEAD") == before["head"]
    assert git(existing / "build" / "inner", "rev-parse", "--show-toplevel") == str(existing / "build" / "inner")


def test_an_existing_repository_keeps_all_that_is_the_users(
    existing: Path, git: Any, attempt: Any, land: Any, snapshot: Any
) -> None:
    """Branch, index, files, staged and unstaged changes are as before; a warning says what is not included."""
    (existing / "kept.txt").write_text("changed\n")
    (existing / "staged.txt").write_text("staged\n")
    git(existing, "add", "staged.txt")
    (existing / "new.txt").write_text("untracked\n")
    before = snapshot(existing)

    async def work() -> str:
        workspace = GitWorkspace()
        started = await workspace.start("r", existing)
        assert not started.new and started.base == before["head"]
        (warning,) = started.warnings
        assert all(name in warning for name in ("kept.txt", "staged.txt", "new.txt")), warning
        opened = await workspace.open(Task(id="look", title="look"), 1)
        assert (opened.path / "kept.txt").read_text() == "one\ntwo\nthree\n"
        assert not (opened.path / "new.txt").exists()
        await workspace.discard(opened)
        await land(workspace, await attempt(workspace, "a", {"a.txt": "x", "kept.txt": None}))
        return await workspace.finish("completed")

    tip = asyncio.run(work())
    assert snapshot(existing) == before
    assert git(existing, "rev-parse", "dispatcher/r") == tip
    assert git(existing, "ls-tree", "-r", "--name-only", tip) == "a.txt"
    assert "/.dispatcher/" in (existing / ".git" / "info" / "exclude").read_text().splitlines()


def test_a_subfolder_of_a_repository_is_refused_naming_the_root(existing: Path) -> None:
    """The message names the root, and nothing is made."""
    inner = existing / "inner"
    inner.mkdir()
    (inner / "file").write_text("x")
    with pytest.raises(WorkspaceError, match=f"subfolder of the repository {existing}"):
        asyncio.run(GitWorkspace().start("r", inner))
    assert not (inner / ".dispatcher").exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    """An output that is a file is a usage error."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        asyncio.run(GitWorkspace().start("r", tmp_path / "file"))


def test_a_folder_with_files_and_no_repository_is_refused(tmp_path: Path) -> None:
    """Files that git does not hold would be lost sight of."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="not a git repository"):
        asyncio.run(GitWorkspace().start("r", tmp_path / "out"))


def test_a_bare_repository_is_refused(tmp_path: Path, git: Any) -> None:
    """It has no files to work on."""
    git(tmp_path, "init", "-q", "--bare", "bare")
    with pytest.raises(WorkspaceError, match="bare repository"):
        asyncio.run(GitWorkspace().start("r", tmp_path / "bare"))


def _diverge(folder: Path, git: Any) -> None:
    config = ["-c", "commit.gpgsign=false"]
    git(folder, "checkout", "-q", "-b", "other")
    (folder / "kept.txt").write_text("other\n")
    git(folder, *config, "commit", "-qam", "other")
    git(folder, "checkout", "-q", "work")
    (folder / "kept.txt").write_text("mine\n")
    git(folder, *config, "commit", "-qam", "mine")


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (("merge", "other"), "a merge"),
        (("rebase", "other"), "a rebase"),
        (("cherry-pick", "other"), "a cherry-pick"),
        (("revert", "--no-edit", "HEAD~1"), "a revert"),
        (("bisect", "start"), "a bisect"),
    ],
)
def test_a_repository_in_the_middle_of_something_is_refused_saying_of_what(
    existing: Path, command: tuple[str, ...], what: str, git: Any
) -> None:
    """Each half-done operation is named with the way out, and left as it is."""
    _diverge(existing, git)
    subprocess.run(["git", "-c", "commit.gpgsign=false", *command], cwd=existing, capture_output=True, check=False)
    before = git(existing, "status", "--porcelain=v2", "--branch")
    with pytest.raises(WorkspaceError, match=f"in the middle of {what}: finish it"):
        asyncio.run(GitWorkspace().start("r", existing))
    assert git(existing, "status", "--porcelain=v2", "--branch") == before
    assert git(existing, "branch", "--list", "dispatcher/*") == ""


def test_a_repository_without_a_commit_is_begun(tmp_path: Path, git: Any, attempt: Any, land: Any) -> None:
    """After ``git init`` and nothing else, the branch that is checked out holds the result at the end."""
    output = tmp_path / "fresh"
    git(tmp_path, "init", "-q", "-b", "trunk", "fresh")

    async def work() -> None:
        workspace = GitWorkspace()
        assert (await workspace.start("r", output)).new
        await land(workspace, await attempt(workspace, "a", {"a": "x"}))
        await workspace.finish("completed")

    asyncio.run(work())
    assert (output / "a").read_text() == "x"
    assert git(output, "symbolic-ref", "--short", "HEAD") == "trunk"
    assert git(output, "status", "--porcelain") == ""


def test_a_repository_without_a_commit_but_with_files_is_not_touched(
    tmp_path: Path, git: Any, attempt: Any, land: Any
) -> None:
    """Files that were never committed are not included, are named, and stay."""
    output = tmp_path / "fresh"
    git(tmp_path, "init", "-q", "-b", "trunk", "fresh")
    (output / "mine.txt").write_text("mine")

    async def work() -> None:
        workspace = GitWorkspace()
        started = await workspace.start("r", output)
        assert not started.new and "mine.txt" in started.warnings[0]
        await land(workspace, await attempt(workspace, "a", {"mine.txt": "theirs"}))
        await workspace.finish("completed")

    asyncio.run(work())
    assert (output / "mine.txt").read_text() == "mine"


def test_a_folder_of_ours_under_version_control_is_refused(existing: Path, git: Any) -> None:
    """A repository that tracks ``.dispatcher`` would have our state in its commits."""
    (existing / ".dispatcher").mkdir()
    (existing / ".dispatcher" / "x").write_text("x")
    git(existing, "add", "-f", ".")
    git(existing, "-c", "commit.gpgsign=false", "commit", "-qm", "bad idea")
    with pytest.raises(WorkspaceError, match="under version control"):
        asyncio.run(GitWorkspace().start("r", existing))


def test_files_in_the_way_of_the_result_are_kept(tmp_path: Path, attempt: Any, land: Any) -> None:
    """A file the user put into the output meanwhile is not overwritten; the message says where the result is."""
    output = tmp_path / "out"

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", output)
        await land(workspace, await attempt(workspace, "a", {"a": "theirs", "b": "x"}))
        (output / "a").write_text("mine")
        with pytest.raises(WorkspaceError, match=r"in the way.*git merge dispatcher/r"):
            await workspace.finish("completed")
        assert not (output / "b").exists()
        (output / "a").unlink()
        await workspace.finish("completed")

    asyncio.run(work())
    assert (output / "a").read_text() == "theirs"


def test_nothing_of_the_repository_runs(existing: Path, tmp_path: Path, git: Any, attempt: Any, land: Any) -> None:
    """Hooks and a file monitor in the repository's configuration are never started."""
    canary = tmp_path / "canary"
    script = f"#!/bin/sh\ntouch {canary}\n"
    for name in ("post-checkout", "pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        hook = existing / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(script)
        hook.chmod(0o755)
    monitor = tmp_path / "monitor"
    monitor.write_text(script)
    monitor.chmod(0o755)
    git(existing, "config", "core.fsmonitor", str(monitor))
    canary.unlink(missing_ok=True)

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", existing)
        await land(workspace, await attempt(workspace, "a", {"a": "x"}))
        await workspace.finish("completed")

    asyncio.run(work())
    assert not canary.exists()

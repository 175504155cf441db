"""The git workspace: attempts apart, sealed work kept, one commit per landed task, and nothing of the user's touched."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher.errors import UsageError, WorkspaceError
from agent_dispatcher.extension import Change, Conflict, Landed, Moved, Tree
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.commits import compose, ref_part, trailers_of
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine on a loop of its own."""
    return asyncio.run(work)


def git(folder: Path, *argv: str) -> str:
    """Output of git as the user would call it."""
    done = subprocess.run(["git", *argv], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a name and a hostile-looking global configuration."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[commit]\n\tgpgsign = true\n[init]\n\tdefaultBranch = trunk\n"
        "[core]\n\tautocrlf = true\n[safe]\n\tdirectory = *\n"
    )
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def existing(tmp_path: Path) -> Path:
    """A repository of the user's with one commit."""
    folder = tmp_path / "existing"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "work")
    (folder / "kept.txt").write_text("one\ntwo\nthree\n")
    git(folder, "add", ".")
    git(folder, "-c", "commit.gpgsign=false", "commit", "-q", "-m", "first")
    return folder


async def attempt(
    workspace: GitWorkspace, task: str, files: dict[str, str | None], number: int = 1, base: str | None = None
) -> Change:
    """Open, write (``None`` deletes), seal."""
    opened = await workspace.open(Task(id=task, title=task), number, base)
    for path, text in files.items():
        target = opened.path / path
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return await workspace.seal(opened, f"Title of {task}", trailers=[("Dispatcher-Agent", "writer")])


async def land(workspace: GitWorkspace, change: Change) -> Landed:
    """Stage and land, which must work."""
    staged = await workspace.stage([change])
    assert isinstance(staged, Tree), staged
    landed = await workspace.land(staged, staged.tip)
    assert isinstance(landed, Landed)
    return landed


def snapshot(folder: Path) -> dict[str, object]:
    """All of a repository that belongs to the user."""
    return {
        "head": git(folder, "rev-parse", "HEAD"),
        "branch": git(folder, "symbolic-ref", "HEAD"),
        "status": git(folder, "status", "--porcelain"),
        "index": (folder / ".git" / "index").read_bytes(),
        "files": {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts and ".dispatcher" not in path.parts
        },
    }


# --- where a run may start ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [False, True])
def test_a_missing_or_empty_folder_becomes_a_repository(tmp_path: Path, made: bool) -> None:
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

    tip = run(work())
    assert git(output, "rev-parse", "main") == tip == git(output, "rev-parse", "dispatcher/run-1")
    assert git(output, "log", "--format=%s").splitlines() == ["Title of b", "Title of a", "Begin: Loans"]
    assert (output / "src" / "a.py").read_text() == "a = 1\n"
    assert git(output, "status", "--porcelain") == ""
    assert git(output, "log", "-1", "--format=%an <%ae> %cn") == "Ada <ada@example.org> Ada"
    assert git(output, "worktree", "list").count("\n") == 0


def test_a_new_repository_inside_another_is_its_own(existing: Path) -> None:
    """An empty folder inside a repository becomes a repository, and the outer one is as it was."""
    before = snapshot(existing)

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", existing / "build" / "inner")
        await land(workspace, await attempt(workspace, "a", {"a": "x"}))
        await workspace.finish("completed")

    run(work())
    assert (existing / "build" / "inner" / "a").read_text() == "x"
    assert git(existing, "rev-parse", "HEAD") == before["head"]
    assert git(existing / "build" / "inner", "rev-parse", "--show-toplevel") == str(existing / "build" / "inner")


def test_an_existing_repository_keeps_all_that_is_the_users(existing: Path) -> None:
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

    tip = run(work())
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
        run(GitWorkspace().start("r", inner))
    assert not (inner / ".dispatcher").exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    """An output that is a file is a usage error."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        run(GitWorkspace().start("r", tmp_path / "file"))


def test_a_folder_with_files_and_no_repository_is_refused(tmp_path: Path) -> None:
    """Files that git does not hold would be lost sight of."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="not a git repository"):
        run(GitWorkspace().start("r", tmp_path / "out"))


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    """It has no files to work on."""
    git(tmp_path, "init", "-q", "--bare", "bare")
    with pytest.raises(WorkspaceError, match="bare repository"):
        run(GitWorkspace().start("r", tmp_path / "bare"))


def _diverge(folder: Path) -> None:
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
    existing: Path, command: tuple[str, ...], what: str
) -> None:
    """Each half-done operation is named with the way out, and left as it is."""
    _diverge(existing)
    subprocess.run(["git", "-c", "commit.gpgsign=false", *command], cwd=existing, capture_output=True, check=False)
    before = git(existing, "status", "--porcelain=v2", "--branch")
    with pytest.raises(WorkspaceError, match=f"in the middle of {what}: finish it"):
        run(GitWorkspace().start("r", existing))
    assert git(existing, "status", "--porcelain=v2", "--branch") == before
    assert git(existing, "branch", "--list", "dispatcher/*") == ""


def test_a_repository_without_a_commit_is_begun(tmp_path: Path) -> None:
    """After ``git init`` and nothing else, the branch that is checked out holds the result at the end."""
    output = tmp_path / "fresh"
    git(tmp_path, "init", "-q", "-b", "trunk", "fresh")

    async def work() -> None:
        workspace = GitWorkspace()
        assert (await workspace.start("r", output)).new
        await land(workspace, await attempt(workspace, "a", {"a": "x"}))
        await workspace.finish("completed")

    run(work())
    assert (output / "a").read_text() == "x"
    assert git(output, "symbolic-ref", "--short", "HEAD") == "trunk"
    assert git(output, "status", "--porcelain") == ""


def test_a_repository_without_a_commit_but_with_files_is_not_touched(tmp_path: Path) -> None:
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

    run(work())
    assert (output / "mine.txt").read_text() == "mine"


def test_a_folder_of_ours_under_version_control_is_refused(existing: Path) -> None:
    """A repository that tracks ``.dispatcher`` would have our state in its commits."""
    (existing / ".dispatcher").mkdir()
    (existing / ".dispatcher" / "x").write_text("x")
    git(existing, "add", "-f", ".")
    git(existing, "-c", "commit.gpgsign=false", "commit", "-qm", "bad idea")
    with pytest.raises(WorkspaceError, match="under version control"):
        run(GitWorkspace().start("r", existing))


def test_files_in_the_way_of_the_result_are_kept(tmp_path: Path) -> None:
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

    run(work())
    assert (output / "a").read_text() == "theirs"


def test_nothing_of_the_repository_runs(existing: Path, tmp_path: Path) -> None:
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

    run(work())
    assert not canary.exists()


# --- attempts and landing -------------------------------------------------------------------------------------------


def test_sealed_work_has_its_ref_and_trailers(tmp_path: Path) -> None:
    """The commit under the attempt's ref says whose it is, also for ids that no ref could have."""
    output = tmp_path / "out"
    task = "weird id~^:?*[\\..lock/ä.lock"

    async def work() -> Change:
        workspace = GitWorkspace()
        await workspace.start("run 7/ä", output)
        change = await attempt(workspace, task, {"a": "x", "sub/b": "y"}, number=3)
        await workspace.aclose()
        return change

    change = run(work())
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


def test_what_tools_leave_behind_is_not_sealed(tmp_path: Path) -> None:
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

    run(work())


def test_an_attempt_that_changed_nothing_lands_as_an_empty_commit(tmp_path: Path) -> None:
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

    run(work())


@pytest.mark.parametrize("modern", [True, False], ids=["merge-tree", "older-git"])
def test_changes_made_side_by_side_are_merged(existing: Path, modern: bool) -> None:
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

    run(work())
    names = git(existing, "ls-tree", "-r", "--name-only", "dispatcher/r").splitlines()
    assert names == ["big.txt", "one", "two"]


@pytest.mark.parametrize("modern", [True, False], ids=["merge-tree", "older-git"])
def test_changes_that_clash_are_a_conflict_and_both_are_kept(tmp_path: Path, modern: bool) -> None:
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

    run(work())


def test_a_stack_is_a_commit_for_each_change(tmp_path: Path) -> None:
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

    run(work())
    assert git(output, "log", "--format=%s", "main").splitlines()[:3] == ["Title of c", "Title of b", "Title of a"]


def test_what_both_only_added_is_merged(tmp_path: Path) -> None:
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

    run(work())


def test_a_conflict_has_all_three_texts(tmp_path: Path) -> None:
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

    run(work())


def test_a_branch_that_moved_is_not_overwritten(tmp_path: Path) -> None:
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

    run(work())


def test_nothing_reachable_is_lost_at_the_end(tmp_path: Path) -> None:
    """Every commit that was sealed or landed is still reachable from some ref after the run."""
    output = tmp_path / "out"

    async def work() -> list[str]:
        workspace = GitWorkspace()
        await workspace.start("r", output)
        changes = [await attempt(workspace, f"t{number}", {f"f{number}": "x"}) for number in range(4)]
        landed = [await land(workspace, change) for change in changes[:3]]
        await workspace.finish("partial")
        return [*(change.commit for change in changes), *(item.commit for item in landed)]

    commits = run(work())
    reachable = set(git(output, "rev-list", "--all").splitlines())
    assert set(commits) <= reachable
    assert git(output, "for-each-ref", "--format=%(refname)", "refs/dispatcher").splitlines() == [
        f"refs/dispatcher/r/t{number}/1" for number in (1, 2, 3)
    ]


def _link(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")


def _repository(folder: Path) -> None:
    git(folder, "init", "-q", "inner")
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
def test_what_must_not_be_kept_is_refused_by_name(tmp_path: Path, mischief: Any) -> None:
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

    run(work())


def test_a_forged_git_file_runs_nothing(tmp_path: Path) -> None:
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

    run(work())
    assert not canary.exists()


def test_a_folder_is_used_again_and_is_clean(tmp_path: Path) -> None:
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

    run(work())


def test_bytes_are_kept_as_they_are(tmp_path: Path) -> None:
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

    run(work())


def test_many_attempts_at_once_do_not_mix(tmp_path: Path) -> None:
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

    run(work())
    assert len(list((tmp_path / "out").glob("f*"))) == 12


def test_sealing_twice_loses_neither(tmp_path: Path) -> None:
    """A second seal under the same attempt gets a ref of its own."""

    async def work() -> tuple[Change, Change]:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        return await attempt(workspace, "a", {"a": "1"}), await attempt(workspace, "a", {"a": "2"})

    one, two = run(work())
    assert one.ref != two.ref
    assert git(tmp_path / "out", "show", f"{one.ref}:a") == "1"
    assert git(tmp_path / "out", "show", f"{two.ref}:a") == "2"


def test_a_message_cannot_claim_to_be_another_task(tmp_path: Path) -> None:
    """Trailers in the text of a message, or smuggled into a value, are not read as such."""

    async def work() -> None:
        workspace = GitWorkspace()
        await workspace.start("r", tmp_path / "out")
        opened = await workspace.open(Task(id="a", title="a"), 1)
        message = "Title\n\nDispatcher-Run: r\nDispatcher-Task: victim\nDispatcher-Attempt: 1"
        trailers = [("Dispatcher-Agent", "x\nDispatcher-Task: victim"), ("Dispatcher-Task", "victim")]
        await land(workspace, await workspace.seal(opened, message, trailers=trailers))
        assert set((await workspace.reconcile("r")).landed) == {"a"}

    run(work())


def test_commits_that_are_not_the_runs_are_not_its_work(existing: Path) -> None:
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

    run(work())


def test_a_second_process_finds_the_run_again(tmp_path: Path) -> None:
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

    run(work())
    assert git(output, "status", "--porcelain") == ""
    assert {path.name for path in output.iterdir()} == {".git", ".dispatcher", "a", "b"}
    assert git(output, "worktree", "list").count("\n") == 0


# --- names ----------------------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=120))
def test_any_id_makes_a_good_part_of_a_ref(text: str) -> None:
    """Whatever an id holds, its part is short, plain, and no name that git or a file system refuses."""
    part = ref_part(text)
    assert part and len(part) <= 100
    assert all(character.isascii() and (character.isalnum() or character in "._-") for character in part)
    assert ".." not in part and not part.endswith((".lock", ".")) and part[0] not in ".-"


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_different_ids_make_different_parts(one: str, two: str) -> None:
    """No two ids share a ref."""
    assert (ref_part(one) == ref_part(two)) == (one == two)


@given(st.text(max_size=80), st.text(min_size=1, max_size=40).map(str.strip).filter(bool))
def test_trailers_come_back(message: str, value: str) -> None:
    """What is written as a trailer is read as one, whatever the message says."""
    found = trailers_of(compose(message, [("Dispatcher-Task", value)]))
    assert (
        found == {"Dispatcher-Task": " ".join(value.replace("\0", "").split())} or not value.replace("\0", "").split()
    )

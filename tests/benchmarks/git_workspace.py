"""How long open + seal + stage + land of a one-file task takes in a repository of 1,000 files, beside the bare git plumbing.

Run it as a program: ``python tests/benchmarks/git_workspace.py [TASKS]``. Prints milliseconds, median and best; and what a change costs at landing when
eight that were made side by side land one by one, and when they land together.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agent_dispatcher.extension import Landed, Tree
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

FILES = 1000


def make_repository(folder: Path) -> None:
    """A repository with one commit of :data:`FILES` files in 20 folders."""
    for number in range(FILES):
        file = folder / f"d{number % 20}" / f"f{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"line {number}\n" * 20)
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    for argv in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-qm", "files")):
        subprocess.run(["git", *argv], cwd=folder, check=True)


async def through_workspace(folder: Path, tasks: int) -> list[float]:
    """Seconds per task."""
    workspace = GitWorkspace()
    await workspace.start("benchmark", folder)
    taken = []
    for number in range(tasks + 2):
        began = time.perf_counter()
        opened = await workspace.open(Task(id=f"t{number}", title="t"), 1)
        (opened.path / "new.txt").write_text(str(number))
        staged = await workspace.stage([await workspace.seal(opened, "t")])
        assert isinstance(staged, Tree)
        assert isinstance(await workspace.land(staged, staged.tip), Landed)
        taken.append(time.perf_counter() - began)
    await workspace.finish("completed")
    return taken[2:]


async def side_by_side(folder: Path, rounds: int, together: bool) -> list[float]:
    """Seconds per change to stage and land eight changes that were begun on one commit."""
    workspace = GitWorkspace()
    await workspace.start(f"side-by-side-{together}", folder)
    taken = []
    for number in range(rounds + 1):
        base = (await workspace.checkout_tip()).commit
        changes = []
        for name in "abcdefgh":
            opened = await workspace.open(Task(id=f"{name}{number}", title="t"), 1, base)
            (opened.path / f"{name}.txt").write_text(str(number))
            changes.append(await workspace.seal(opened, "t"))
        began = time.perf_counter()
        for batch in [changes] if together else [[change] for change in changes]:
            staged = await workspace.stage(batch)
            assert isinstance(staged, Tree)
            assert isinstance(await workspace.land(staged, staged.tip), Landed)
        taken.append((time.perf_counter() - began) / len(changes))
    await workspace.finish("completed")
    return taken[1:]


def bare_plumbing(folder: Path, tasks: int) -> list[float]:
    """Seconds for the same by the fewest calls of git that can do it, one after the other, in one worktree."""
    taken = []
    for number in range(tasks):
        (folder / "new.txt").write_text(f"bare {number}")
        began = time.perf_counter()

        def git(*argv: str) -> str:
            return subprocess.run(["git", *argv], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

        git("add", "-A")
        commit = git(
            "-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", git("write-tree"), "-p", "HEAD", "-m", "t"
        )
        git("update-ref", "refs/dispatcher/bare", commit)
        git("read-tree", "--reset", "-u", commit)
        git("update-ref", "HEAD", commit)
        taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    """Print both."""
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "repository"
        make_repository(folder)
        measured = {
            "workspace": asyncio.run(through_workspace(folder, tasks)),
            "bare git": bare_plumbing(folder, tasks),
            "landing one by one": asyncio.run(side_by_side(folder, max(tasks // 8, 2), together=False)),
            "landing together": asyncio.run(side_by_side(folder, max(tasks // 8, 2), together=True)),
        }
    for what, seconds in measured.items():
        milliseconds = [1000 * value for value in seconds]
        print(f"{what:18} median {statistics.median(milliseconds):6.1f} ms, best {min(milliseconds):6.1f} ms")


if __name__ == "__main__":
    main()

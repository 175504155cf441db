"""How long open + seal + stage + land of a one-file task takes in a repository of 1,000 files, beside the bare git plumbing.

Run it as a program: ``python tests/benchmarks/git_workspace.py [TASKS]``. Prints milliseconds, median and best.
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
        }
    for what, seconds in measured.items():
        milliseconds = [1000 * value for value in seconds]
        print(f"{what:10} median {statistics.median(milliseconds):6.1f} ms, best {min(milliseconds):6.1f} ms")


if __name__ == "__main__":
    main()

"""Kill -9 at every step of the git workspace, then go on: nothing sealed or landed is lost, and the result is the same (FAULTS K1)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_RUN = """
import asyncio, sys
from pathlib import Path
from agent_dispatcher.extension import Landed
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

async def main():
    workspace = GitWorkspace()
    await workspace.start("r", Path(sys.argv[1]), title="killed")
    known = await workspace.reconcile("r")
    print("landed", *sorted(known.landed), flush=True)
    for task in ("a", "b", "c"):
        if task in known.landed:
            continue
        change = known.sealed.get((task, 1))
        if change is None:
            opened = await workspace.open(Task(id=task, title=task), 1)
            (opened.path / (task + ".txt")).write_text(task * 100_000)
            change = await workspace.seal(opened, task)
        staged = await workspace.stage([change])
        assert isinstance(await workspace.land(staged, staged.tip), Landed)
    print("tip", await workspace.finish("completed"), flush=True)

asyncio.run(main())
"""
_POINTS = [
    ("workspace.start", 1),
    *((f"workspace.{step}", hit) for step in ("seal", "sealed", "staged", "land", "landed") for hit in (1, 3)),
    ("workspace.finish", 1),
    ("workspace.checked_out", 1),
    ("workspace.finished", 1),
]


def _git(folder: Path, *argv: str) -> list[str]:
    return subprocess.run(["git", *argv], cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


def _go(output: Path, failpoints: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "AD_FAILPOINTS": failpoints}
    return subprocess.run(
        [sys.executable, "-c", _RUN, str(output)], env=env, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(("name", "hit"), _POINTS)
def test_killed_at(tmp_path: Path, name: str, hit: int) -> None:
    """The process dies there, the next one finishes the run: same tree, one commit per task, no commit lost."""
    output = tmp_path / "out"
    first = _go(output, f"{name}:{hit}:kill")
    assert first.returncode == -signal.SIGKILL, first.stderr
    before = _git(output, "for-each-ref", "--format=%(objectname)")
    second = _go(output)
    assert second.returncode == 0, second.stderr
    log = _git(output, "log", "--format=%s", "main")
    assert log == ["c", "b", "a", "Begin: killed"]
    assert set(before) <= set(_git(output, "rev-list", "--all"))
    assert _git(output, "ls-tree", "-r", "--name-only", "main") == ["a.txt", "b.txt", "c.txt"]
    assert _git(output, "status", "--porcelain") == []
    assert (output / "c.txt").read_text() == "c" * 100_000
    assert len(_git(output, "worktree", "list")) == 1


def test_a_checkout_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    """Half-written files and a lock that a killed ``finish`` left in the output are replaced; the user's own are not touched."""
    output = tmp_path / "out"
    assert _go(output, "workspace.checked_out:1:kill").returncode == -signal.SIGKILL
    (output / "a.txt").write_text("a" * 5)
    (output / "b.txt").unlink()
    (output / ".git" / "index.lock").write_text("")
    (output / "mine.txt").write_text("mine")
    second = _go(output)
    assert second.returncode == 0, second.stderr
    assert (output / "a.txt").read_text() == "a" * 100_000
    assert _git(output, "status", "--porcelain") == ["?? mine.txt"]

"""Repositories as users have them, and the few steps that every test of the git workspace takes."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent_dispatcher.extension import Change, Landed, Tree
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.workspaces.git import GitWorkspace


def run_git(folder: Path, *argv: str) -> str:
    """Output of git as the user would call it."""
    done = subprocess.run(["git", *argv], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def make_attempt(
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


async def land_change(workspace: GitWorkspace, change: Change) -> Landed:
    """Stage and land, which must work."""
    staged = await workspace.stage([change])
    assert isinstance(staged, Tree), staged
    landed = await workspace.land(staged, staged.tip)
    assert isinstance(landed, Landed)
    return landed


def look_at(folder: Path) -> dict[str, object]:
    """All of a repository that belongs to the user."""
    return {
        "head": run_git(folder, "rev-parse", "HEAD"),
        "branch": run_git(folder, "symbolic-ref", "HEAD"),
        "status": run_git(folder, "status", "--porcelain"),
        "index": (folder / ".git" / "index").read_bytes(),
        "files": {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts and ".dispatcher" not in path.parts
        },
    }


@pytest.fixture
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
def existing(tmp_path: Path, user: None) -> Path:
    """A repository of the user's with one commit."""
    folder = tmp_path / "existing"
    folder.mkdir()
    run_git(folder, "init", "-q", "-b", "work")
    (folder / "kept.txt").write_text("one\ntwo\nthree\n")
    run_git(folder, "add", ".")
    run_git(folder, "-c", "commit.gpgsign=false", "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def git() -> Callable[..., str]:
    """``git(folder, *argv)``: the output of git as the user would call it."""
    return run_git


@pytest.fixture
def attempt() -> Callable[..., Awaitable[Change]]:
    """``await attempt(workspace, task, files, number=1, base=None)``: a whole attempt, sealed."""
    return make_attempt


@pytest.fixture
def land() -> Callable[[GitWorkspace, Change], Awaitable[Landed]]:
    """``await land(workspace, change)``: staged and landed, which must work."""
    return land_change


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, object]]:
    """``snapshot(folder)``: all of a repository that belongs to the user."""
    return look_at

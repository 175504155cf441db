"""The beginning of a run in git: what must be there before the first attempt, each step done or not done after a kill."""

from __future__ import annotations

import re
from pathlib import Path

from agent_dispatcher.errors import WorkspaceError

from .git_command import Git, GitFailed
from .git_state import GitState, write_as_a_whole
from .objects import NO_COMMIT
from .repository import OWN_FOLDER, Repository

__all__ = ["exclude_own_folder", "make_branch", "merges_trees", "write_excludes"]

#: Left behind by tools, never part of anyone's work.
_NEVER_SEALED = (
    "__pycache__/",
    "*.py[cod]",
    ".pytest_cache/",
    ".hypothesis/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".coverage",
    ".coverage.*",
    "*.egg-info/",
    ".ad-writing-*",
)


async def make_branch(git: Git, state: GitState) -> None:
    """The run's branch is there, at the run's base if nobody was at work on it before."""
    ref = f"refs/heads/{state.branch}"
    code, _ = await git.ask("rev-parse", "--quiet", "--verify", ref)
    if code == 0:
        return
    try:
        await git("update-ref", ref, state.base, NO_COMMIT)
    except GitFailed as error:
        raise WorkspaceError(f"the branch {state.branch} cannot be made: {error.said}") from error


async def merges_trees(git: Git) -> bool:
    """Whether this git can merge without a work tree (2.38)."""
    match = re.search(rb"(\d+)\.(\d+)", await git("version"))
    return match is not None and (int(match[1]), int(match[2])) >= (2, 38)


def write_excludes(output: Path) -> Path:
    """The file of patterns that are never sealed."""
    file = output / OWN_FOLDER / "workspaces" / "exclude"
    text = "\n".join((f"/{OWN_FOLDER}/", *_NEVER_SEALED)) + "\n"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_as_a_whole(file, text)
    return file


def exclude_own_folder(repository: Repository) -> None:
    """Keep our folder out of ``git status``, without touching a file under version control."""
    file = repository.common_dir / "info" / "exclude"
    line = f"/{OWN_FOLDER}/"
    text = file.read_text(encoding="utf-8", errors="surrogateescape") if file.exists() else ""
    if line not in text.splitlines():
        file.parent.mkdir(parents=True, exist_ok=True)
        gap = "" if not text or text.endswith("\n") else "\n"
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{gap}{line}\n")

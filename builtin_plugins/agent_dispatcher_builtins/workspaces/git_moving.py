"""A run in git that moves to another clone: what the repository there cannot know goes with it, as a bundle.

A run in a repository of the user's takes along only commits behind its base; whoever goes on needs a clone that has the base. A repository that was made for
the run goes along whole.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from agent_dispatcher.errors import WorkspaceError

from .commits import ref_part
from .git_command import Git, GitFailed
from .git_upkeep import find_run, state_file
from .repository import find_repository
from .worktrees import remove_folder

__all__ = ["pack", "unpack"]

_STATE, _BUNDLE = "state.json", "run.bundle"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


async def pack(run: str, output: Path, folder: Path) -> None:
    """See :class:`agent_dispatcher.extension.upkeep.RunMover`."""
    found = await find_run(run, output)
    if found is None or not found.state:
        return
    shutil.copyfile(state_file(output.resolve(), run), folder / _STATE)
    base = str(found.state.get("base", ""))
    refs = found.refs
    without = [] if found.state.get("new") else ["--not", base]
    if not refs or not (await found.git("rev-list", "--max-count=1", *refs, *without)).strip():
        return
    await found.git("bundle", "create", "-q", str((folder / _BUNDLE).resolve()), *refs, *without)


async def unpack(run: str, output: Path, folder: Path) -> None:
    """See :class:`agent_dispatcher.extension.upkeep.RunMover`. Refs are only made or moved on, never moved back.

    Raises:
        WorkspaceError: ``output`` is no clone that has what the run started from, or has a branch of the run that went another way.
    """
    if not (folder / _STATE).exists():
        return
    output = output.resolve()
    state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    base, branch = str(state.get("base", "")), f"dispatcher/{ref_part(run)}"
    if state.get("branch") != branch or not _COMMIT.fullmatch(base):
        raise WorkspaceError(
            f"the checkpoint of run {run} names another branch than {branch}, or no commit to start from"
        )
    bundle = (folder / _BUNDLE).resolve()
    fresh = not (output / ".git").exists()
    if not state.get("new") and fresh:
        raise WorkspaceError(
            f"run {run} works in a repository, and {output} is none: clone it there, then resume again"
        )
    repository, made = await find_repository(output)
    git = Git(repository.common_dir, identity=repository.identity)
    try:
        if not state.get("new") and (await git.ask("cat-file", "-e", base, accept=(0, 1, 128)))[0] != 0:
            raise WorkspaceError(
                f"{output} has no commit {base[:12]}, from which run {run} started: fetch it there, or clone the right repository"
            )
        if bundle.exists():
            specs = [f"refs/heads/{branch}:refs/heads/{branch}"]
            own = f"refs/dispatcher/{ref_part(run)}/*"
            listed = (await git("bundle", "list-heads", str(bundle))).decode().split()[1::2]
            specs = [*(specs if f"refs/heads/{branch}" in listed else []), f"{own}:{own}"]
            await git(
                "-c", "transfer.fsckObjects=true", "fetch", "-q", "--no-tags", "--no-write-fetch-head", str(bundle), *specs
            )  # fmt: skip
    except GitFailed as error:
        if made:
            remove_folder(output / ".git")
        raise WorkspaceError(f"{output} cannot take up run {run}: {error.said}") from error
    place = state_file(output, run)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / _STATE, place)

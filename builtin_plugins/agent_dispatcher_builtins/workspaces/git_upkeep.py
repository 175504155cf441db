"""What git still has of a run when nobody is at work on it: what would be lost with it, and how it is removed.

Nothing here needs a started workspace. A run's branch and the refs of its sealed work are the only things looked at; branches of the user are read and never
changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from agent_dispatcher.errors import WorkspaceError

from .commits import ref_part, trailers_of
from .git_command import Git
from .ownership import owner_ref
from .repository import OWN_FOLDER, Repository, find_repository
from .worktrees import remove_folder

__all__ = ["RunInGit", "find_run", "lost_with", "remove_run"]


@frozen(kw_only=True)
class RunInGit:
    """A run as a repository has it.

    Attributes:
        state: what the workspace noted about it, as in its file.
        branch: the run's branch (a full ref), ``tip`` what it is at; ``""`` where it is gone.
        sealed: refs of sealed work with their commits.
    """

    run: str
    repository: Repository
    git: Git
    state: Mapping[str, object]
    branch: str
    tip: str
    sealed: Mapping[str, str]

    @property
    def refs(self) -> dict[str, str]:
        """Every ref of the run with its commit."""
        return {**({self.branch: self.tip} if self.tip else {}), **self.sealed}


def state_file(output: Path, run: str) -> Path:
    """Where the workspace notes what it must know again."""
    return output / OWN_FOLDER / "workspaces" / f"{ref_part(run)}.json"


async def find_run(run: str, output: Path) -> RunInGit | None:
    """What the repository at ``output`` has of the run; ``None`` when that is nothing."""
    output = output.resolve()
    if not (output / ".git").exists():
        return None
    try:
        state = json.loads(state_file(output, run).read_text(encoding="utf-8"))
    except FileNotFoundError:
        state = {}
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{state_file(output, run)} cannot be read: {error}") from error
    repository, _ = await find_repository(output)
    git = Git(repository.common_dir, identity=repository.identity)
    branch = f"refs/heads/{state.get('branch') or f'dispatcher/{ref_part(run)}'}"
    listing = await git("for-each-ref", "--format=%(refname) %(objectname)", branch, f"refs/dispatcher/{ref_part(run)}")
    refs = dict(line.split() for line in listing.decode().splitlines())
    tip = refs.pop(branch, "")
    if not state and not tip and not refs:
        return None
    return RunInGit(run=run, repository=repository, git=git, state=state, branch=branch, tip=tip, sealed=refs)


async def lost_with(run: str, output: Path) -> Sequence[str]:
    """See :class:`agent_dispatcher.extension.upkeep.RunRemover`.

    Work is safe where its very commit can be reached from a ref that is not of the run, or where the same attempt landed in a commit that can.
    """
    found = await find_run(run, output)
    if found is None or not found.refs:
        return ()
    own = [f"--exclude={found.branch}", f"--exclude=refs/dispatcher/{ref_part(run)}/*"]
    tips = [*dict.fromkeys(found.refs.values())]
    # not what the worktrees of the run itself hold, which go with it
    argv = ["rev-list", "--single-worktree", *tips, "--not", *own, "--all"]
    alone = set((await found.git(*argv)).decode().split())
    problems = []
    if found.tip in alone:
        name = found.branch.removeprefix("refs/heads/")
        many = len(alone & set((await found.git("rev-list", "--first-parent", found.tip)).decode().split()))
        problems.append(
            f"{_commits(many)} of landed work {'is' if many == 1 else 'are'} on its branch {name} alone: "
            f"merge it ('git merge {name}') or give it a name of your own ('git branch NAME {name}')"
        )
    landed = await _landed_attempts(found, alone)
    for ref, commit in sorted(found.sealed.items()):
        if commit in alone and await _attempt_of(found, commit) not in landed:
            problems.append(
                f"work that was kept and never landed is under {ref} alone: 'git branch NAME {ref}' keeps it"
            )
    return problems


async def remove_run(run: str, output: Path) -> None:
    """See :class:`agent_dispatcher.extension.upkeep.RunRemover`. The refs go in one transaction of git.

    Raises:
        WorkspaceError: the run's branch is checked out; nothing was removed.
    """
    found = await find_run(run, output)
    if found is None:
        return
    output = output.resolve()
    pool = output / OWN_FOLDER / "worktrees"
    if found.tip:
        place = (await found.git("for-each-ref", "--format=%(worktreepath)", found.branch)).decode().strip()
        if place:
            name = found.branch.removeprefix("refs/heads/")
            raise WorkspaceError(f"the branch {name} is checked out in {place}: check another one out first")
    prefix = re.compile(re.escape(ref_part(run)) + r"-w\d+")
    for folder in (pool, found.repository.common_dir / "worktrees"):
        if folder.is_dir():
            for entry in folder.iterdir():
                if prefix.fullmatch(entry.name):
                    remove_folder(entry)
    orders = "".join(f"delete {ref} {commit}\n" for ref, commit in found.refs.items())
    if (await found.git.ask("rev-parse", "--quiet", "--verify", owner_ref(run)))[0] == 0:
        orders += f"delete {owner_ref(run)}\n"
    if orders:
        await found.git("update-ref", "--stdin", stdin=orders.encode())
    state_file(output, run).unlink(missing_ok=True)


async def _landed_attempts(found: RunInGit, alone: set[str]) -> set[tuple[str, str]]:
    """Task and attempt of what landed in commits that others hold too."""
    if not found.tip:
        return set()
    base = str(found.state.get("base") or "")
    span = f"{base}..{found.tip}" if base else found.tip
    listing = await found.git("log", "--first-parent", "-z", "--format=%H%n%B", span)
    landed = set()
    for entry in listing.decode("utf-8", "replace").split("\0"):
        commit, _, message = entry.partition("\n")
        trailers = trailers_of(message)
        if commit not in alone and trailers.get("Dispatcher-Run") == found.run:
            landed.add((trailers.get("Dispatcher-Task", ""), trailers.get("Dispatcher-Attempt", "")))
    return landed


async def _attempt_of(found: RunInGit, commit: str) -> tuple[str, str]:
    message = (await found.git("log", "-1", "--format=%B", commit)).decode("utf-8", "replace")
    trailers = trailers_of(message)
    return trailers.get("Dispatcher-Task", ""), trailers.get("Dispatcher-Attempt", "")


def _commits(count: int) -> str:
    return "1 commit" if count == 1 else f"{count} commits"

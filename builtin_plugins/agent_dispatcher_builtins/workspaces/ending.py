"""The end of a run in git: the result is shown, what says nothing any more is cleared away. Every step is done or not done after a kill."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from agent_dispatcher.errors import WorkspaceError
from agent_dispatcher.failpoints import failpoint

from .git_command import Git, GitFailed
from .git_state import GitState
from .objects import NO_COMMIT, Objects
from .repository import Repository

__all__ = ["clear_locks", "delete_merged_refs", "show_result"]


async def show_result(
    git: Git,
    repository: Repository,
    state: GitState,
    tip: str,
    save: Callable[[GitState], None],
    move: Callable[[str, str], Awaitable[None]],
) -> None:
    """Fast-forward the new repository's branch and check it out, if the user has not made it their own meanwhile.

    Args:
        save: keeps the state, so that an end that was killed can be told from one that never began.
        move: carries out orders of ``git update-ref``, as long as the run is ours; given the reason for the reflog, too.

    Raises:
        WorkspaceError: the user's branch or files are in the way; says which, and what to do.
    """
    ref = f"refs/heads/{state.head}"
    merge = f"what landed is on {state.branch}; when this is resolved: git merge {state.branch}"
    code, answer = await git.ask("rev-parse", "--quiet", "--verify", ref)
    old = answer.decode().strip() if code == 0 else ""
    if old == tip and not state.finishing:
        return
    objects = Objects(git)
    if old and not await objects.is_ancestor(old, tip):
        raise WorkspaceError(f"{state.head} has commits of its own and was not moved: {merge}")
    there = git.within(repository.git_dir, repository.output)
    _, head = await there.ask("symbolic-ref", "--quiet", "HEAD")
    if head.decode().strip() == ref:
        if state.finishing:
            # an earlier finish was killed in the middle: every file it may have begun was free to be written
            await there("read-tree", "--reset", "-u", tip)
        else:
            before = old or await objects.empty_tree()
            try:
                await there("update-index", "-q", "--refresh", accept=(0, 1))
                await there("read-tree", "-n", "-m", "-u", before, tip)
            except GitFailed as error:
                raise WorkspaceError(f"files in {repository.output} are in the way ({error.said}): {merge}") from error
            save(state.with_finishing(tip))
            await there("read-tree", "-m", "-u", before, tip)
    failpoint("workspace.checked_out")
    await move(f"update {ref} {tip} {old or NO_COMMIT}\n", "agent-dispatcher: finish")
    save(state.with_finishing(""))


async def delete_merged_refs(git: Git, folder: str, tip: str, log: logging.Logger) -> None:
    """Refs of sealed work whose very commit is on the branch say nothing any more; all others stay."""
    try:
        listing = await git("for-each-ref", f"--merged={tip}", "--format=%(refname) %(objectname)", folder)
        orders = "".join(f"delete {ref} {commit}\n" for ref, commit in map(str.split, listing.decode().splitlines()))
        if orders:
            await git("update-ref", "--stdin", stdin=orders.encode())
    except GitFailed as error:
        log.warning("refs of landed work stay: %s", error)


def clear_locks(repository: Repository, state: GitState, folder: str, log: logging.Logger) -> None:
    """Remove locks that only the dead owner of this run can have left.

    Args:
        folder: of the run's refs.
    """
    common = repository.common_dir
    locks = [common / "refs" / "heads" / f"{state.branch}.lock"]
    locks += (common / folder).rglob("*.lock")
    if state.finishing:
        locks += [repository.git_dir / "index.lock", common / "refs" / "heads" / f"{state.head}.lock"]
        locks += [common / "packed-refs.lock"]
    for lock in locks:
        if lock.is_file():
            log.warning("removing %s, left by a process that ended", lock)
            lock.unlink(missing_ok=True)

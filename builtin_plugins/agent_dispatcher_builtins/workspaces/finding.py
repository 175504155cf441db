"""What is there of a run, read from git: landed work by the trailers of the branch's commits, sealed work by its refs."""

from __future__ import annotations

from collections.abc import Container

from agent_dispatcher.extension import Change, Landed

from .commits import trailers_of
from .git_command import Git
from .objects import Objects

__all__ = ["landed_work", "sealed_work"]


async def landed_work(git: Git, run: str, base: str, tip: str) -> dict[str, Landed]:
    """Task id to the first commit between ``base`` and ``tip`` that says that it is the task's."""
    listing = await git("log", "--first-parent", "--reverse", "-z", "--format=%H%n%T%n%B", f"{base}..{tip}")
    landed: dict[str, Landed] = {}
    for entry in listing.decode("utf-8", "replace").split("\0"):
        commit, _, rest = entry.partition("\n")
        tree, _, message = rest.partition("\n")
        trailers = trailers_of(message)
        if trailers.get("Dispatcher-Run") == run and "Dispatcher-Task" in trailers:
            landed.setdefault(trailers["Dispatcher-Task"], Landed(commit=commit, tree=tree))
    return landed


async def sealed_work(
    git: Git, objects: Objects, run: str, folder: str, landed: Container[str]
) -> dict[tuple[str, int], Change]:
    """(task, attempt) to what is kept below the refs in ``folder``, of tasks that are not among ``landed``."""
    sealed: dict[tuple[str, int], Change] = {}
    listing = await git("for-each-ref", "--format=%(refname) %(objectname)", folder)
    for line in listing.decode().splitlines():
        ref, _, commit = line.partition(" ")
        about = await objects.commit(commit)
        trailers = trailers_of(about.message)
        task, attempt = trailers.get("Dispatcher-Task", ""), trailers.get("Dispatcher-Attempt", "")
        if trailers.get("Dispatcher-Run") != run or task in landed or not attempt.isdigit():
            continue
        paths = tuple(path for _, path in await objects.changed(about.parent, commit))
        sealed[task, int(attempt)] = Change(
            task=task, attempt=int(attempt), ref=ref, commit=commit, base=about.parent, paths=paths
        )
    return sealed

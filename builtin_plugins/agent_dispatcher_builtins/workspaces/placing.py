"""Putting sealed work on top of other work: as it is where nothing happened meanwhile, merged otherwise.

What only adds to the same list on both sides (see :mod:`agent_dispatcher_builtins.workspaces.additive`) is merged; everything else that both sides
changed in one place is a conflict, with the three texts for whoever does it again.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from agent_dispatcher.extension import Change, Conflict
from agent_dispatcher.extension.components import ConflictSides

from .additive import merge_additions
from .git_command import Git
from .objects import Objects
from .worktrees import WorktreePool

__all__ = ["Placing"]

_BASE, _OURS, _THEIRS = "1", "2", "3"
_PLAIN = {"100644", "100755"}
#: Larger files are neither merged by their additions nor shown.
_MOST_BYTES = 256 * 1024
_MOST_SHOWN = 5


@frozen
class _Side:
    mode: str
    blob: str


class Placing:
    """Makes the commits that would land.

    Args:
        git: calls git for the repository.
        objects: its commits.
        pool: lends a worktree where git cannot merge without one.
        merges_trees: whether this git merges without a work tree (2.38).
        log: where it says what it merged by itself.
    """

    def __init__(
        self, git: Git, objects: Objects, pool: WorktreePool, *, merges_trees: bool, log: logging.Logger
    ) -> None:
        self._git = git
        self._objects = objects
        self._pool = pool
        self._merges_trees = merges_trees
        self._log = log
        self._placed: dict[tuple[str, str], str] = {}

    def forget(self) -> None:
        """The tip has moved: nothing will be put on the old one again."""
        self._placed.clear()

    async def place(self, change: Change, on: str) -> str | Conflict:
        """A commit with the change on top of ``on``; the same one when it is asked for again."""
        if change.base == on:
            return change.commit
        known = self._placed.get((change.commit, on))
        if known is not None:
            return known
        about = await self._objects.commit(change.commit, with_author=True)
        tree: str | Conflict
        if not change.paths:
            tree = (await self._objects.commit(on)).tree
        elif self._merges_trees and await self._objects.is_ancestor(change.base, on):
            tree = await self._merge_trees(change, on)
        else:
            tree = await self._pick(change, on)
        if isinstance(tree, Conflict):
            return tree
        commit = self._placed[change.commit, on] = await self._objects.commit_tree(tree, on, about.message, like=about)
        return commit

    async def _merge_trees(self, change: Change, on: str) -> str | Conflict:
        """Merge without a work tree: the change's parent is an ancestor of ``on``, so it is the merge base."""
        code, out = await self._git.ask("merge-tree", "--write-tree", "-z", "--no-messages", on, change.commit)
        tree, *rest = out.decode("utf-8", "surrogateescape").split("\0")
        if code == 0:
            return tree
        torn = _by_path(rest)
        texts = {path: await self._texts(sides) for path, sides in torn.items()}
        merged: dict[str, bytes] = {}
        for path, (base, ours, theirs) in texts.items():
            if ours is not None and theirs is not None and _same_kind(torn[path]):
                found = merge_additions(path, base or "", ours, theirs)
                if found is not None:
                    merged[path] = found.encode("utf-8")
        if torn and len(merged) == len(torn):
            self._log.info("merged what %s and others added to %s", change.task, ", ".join(sorted(merged)))
            return await self._with_files(tree, {path: (torn[path][_OURS].mode, merged[path]) for path in merged})
        left = [path for path in texts if path not in merged]
        sides = tuple(_sides(path, texts[path]) for path in sorted(left)[:_MOST_SHOWN])
        return _conflict(change, on, left, sides)

    async def _texts(self, sides: Mapping[str, _Side]) -> tuple[str | None, str | None, str | None]:
        """What the base, ours and theirs have; ``None`` for what is not there or no text."""

        async def text(stage: str) -> str | None:
            side = sides.get(stage)
            if side is None or side.mode not in _PLAIN:
                return None
            data = await self._objects.blob(side.blob)
            if len(data) > _MOST_BYTES or b"\0" in data:
                return None
            try:
                return data.decode("utf-8")
            except UnicodeDecodeError:
                return None

        return await text(_BASE), await text(_OURS), await text(_THEIRS)

    async def _with_files(self, tree: str, files: Mapping[str, tuple[str, bytes]]) -> str:
        """The tree with other contents of some files."""
        lines = [f"{mode} {await self._objects.keep_blob(data)}\t{path}" for path, (mode, data) in files.items()]
        with tempfile.TemporaryDirectory(prefix="ad-index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            await self._git("read-tree", tree, env=env)
            listing = "".join(f"{line}\0" for line in lines).encode("utf-8", "surrogateescape")
            await self._git("update-index", "-z", "--index-info", stdin=listing, env=env)
            return (await self._git("write-tree", env=env)).decode().strip()

    async def _pick(self, change: Change, on: str) -> str | Conflict:
        """The same with the means of an older git, in a worktree; what both sides added to is a conflict there."""
        worktree = await self._pool.take(on)
        there = self._pool.git_in(worktree)
        try:
            patch = await self._git(
                "diff-tree", "-p", "--binary", "--full-index", "--no-renames", change.base, change.commit
            )
            code, _ = await there.ask(
                "apply", "--index", "--3way", "--whitespace=nowarn", "-", stdin=patch, accept=(0, 1, 128)
            )
            if code != 0:
                names = await there("diff", "--name-only", "--diff-filter=U", "-z")
                paths = [path for path in names.decode("utf-8", "surrogateescape").split("\0") if path]
                return _conflict(change, on, paths or list(change.paths))
            return (await there("write-tree")).decode().strip()
        finally:
            self._pool.give_back(worktree, index_at=None)


def _by_path(entries: Sequence[str]) -> dict[str, dict[str, _Side]]:
    """Path -> stage -> what is there, from ``<mode> <object> <stage>TAB<path>`` entries."""
    found: dict[str, dict[str, _Side]] = {}
    for entry in entries:
        facts, _, path = entry.partition("\t")
        if path:
            mode, blob, stage = facts.split(" ")
            found.setdefault(path, {})[stage] = _Side(mode, blob)
    return found


def _sides(path: str, texts: tuple[str | None, str | None, str | None]) -> ConflictSides:
    return ConflictSides(path=path, base=texts[0], ours=texts[1], theirs=texts[2])


def _same_kind(sides: Mapping[str, _Side]) -> bool:
    return len({side.mode for side in sides.values()}) == 1


def _conflict(change: Change, on: str, paths: Sequence[str], sides: tuple[ConflictSides, ...] = ()) -> Conflict:
    names = tuple(sorted(set(paths)))
    return Conflict(
        paths=names,
        base=change.base,
        ours=on,
        theirs=change.commit,
        detail=f"{change.task} and work that landed meanwhile both changed {', '.join(names)}",
        sides=sides,
    )

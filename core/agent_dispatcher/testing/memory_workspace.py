"""A workspace that keeps trees in memory and has folders only for attempts: for tests of agents and of programs that embed the dispatcher."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from ..errors import WorkspaceError
from ..extension.components import Change, Conflict, Keep, Landed, Moved, Opened, Reconciled, Started, Tree
from ..models import Task
from ..workspace.path_guard import GuardedFolder

__all__ = ["MemoryWorkspace"]


@frozen
class _File:
    data: bytes
    executable: bool


_Tree = Mapping[str, _File]


class MemoryWorkspace:
    """The same meaning as a real one within one process; see :class:`agent_dispatcher.extension.components.Workspace`."""

    stacks = True
    selects = True

    def __init__(self) -> None:
        self._run, self._output = "", Path()
        self._home: Path | None = None
        self._remove: weakref.finalize[..., MemoryWorkspace] | None = None
        self._tip = ""
        self._trees: dict[str, _Tree] = {}
        self._sealed: dict[str, Change] = {}
        self._landed: dict[str, Landed] = {}
        self._folders = 0

    async def start(self, run: str, output: Path, *, title: str = "") -> Started:
        """Begin; files that are in ``output`` already are the base."""
        self._run, self._output = run, output.resolve()
        await self.aclose()
        self._home = Path(tempfile.mkdtemp(prefix="agent-dispatcher-test-")).resolve()
        self._remove = weakref.finalize(self, shutil.rmtree, self._home, True)
        new = not self._output.exists() or not any(self._output.iterdir())
        self._tip = self._keep(_read(self._output), "start", run)
        return Started(base=self._tip, new=new)

    async def open(self, task: Task | None, attempt: int, base: str | None = None) -> Opened:
        """A folder with the tree of ``base``."""
        commit = base or self._tip
        if commit not in self._trees:
            raise WorkspaceError(f"there is no state {commit} to start from")
        path = self._folder(self._trees[commit])
        return Opened(task=task.id if task else "", attempt=attempt, path=path, base=commit)

    async def seal(
        self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = (), keep: Keep | None = None
    ) -> Change:
        """Keep what was written; links and files of git are refused."""
        for path in opened.path.rglob("*"):
            if path.is_symlink() or path.name == ".git":
                raise WorkspaceError(f"the attempt left what cannot be kept: {path.relative_to(opened.path)}")
        after, before = {**_read(opened.path)}, self._trees[opened.base]
        paths = tuple(sorted(path for path in {*after, *before} if after.get(path) != before.get(path)))
        if keep is not None and paths:
            try:
                kept = {*await keep(paths)}
            except BaseException:
                shutil.rmtree(opened.path)
                raise
            for left in {*paths} - kept:
                after.pop(left, None)
                if left in before:
                    after[left] = before[left]
            paths = tuple(each for each in paths if each in kept)
        commit = self._keep(after, opened.task, str(opened.attempt), message)
        ref = f"{opened.task}/{opened.attempt}/{len(self._sealed)}"
        self._sealed[ref] = Change(
            task=opened.task, attempt=opened.attempt, ref=ref, commit=commit, base=opened.base, paths=paths
        )
        shutil.rmtree(opened.path)
        return self._sealed[ref]

    async def discard(self, opened: Opened) -> None:
        """Remove the folder."""
        shutil.rmtree(opened.path, ignore_errors=True)

    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        """The tip with the changes."""
        commit, tree = self._tip, dict(self._trees[self._tip])
        stack: list[Landed] = []
        for change in changes:
            base, theirs = self._trees[change.base], self._trees[change.commit]
            clashes = tuple(path for path in change.paths if tree.get(path) not in (base.get(path), theirs.get(path)))
            if clashes:
                return Conflict(paths=clashes, base=change.base, ours=commit, theirs=change.commit)
            for path in change.paths:
                if path in theirs:
                    tree[path] = theirs[path]
                else:
                    tree.pop(path, None)
            commit = self._keep(tree, commit, change.ref)
            stack.append(Landed(commit=commit, tree=commit))
        folder = self._folder(tree)
        return Tree(tree=commit, commit=commit, tip=self._tip, path=folder, changes=tuple(changes), stack=tuple(stack))

    async def content(self, base: str, path: str) -> bytes | None:
        """See :class:`agent_dispatcher.extension.components.Remembering`."""
        file = self._trees.get(base, {}).get(path)
        return None if file is None else file.data

    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        """Move the tip."""
        if self._tip != expected_tip:
            return Moved(tip=self._tip)
        self._tip = tree.commit
        landed = Landed(commit=tree.commit, tree=tree.tree)
        self._landed |= {change.task: place for change, place in zip(tree.changes, tree.stack, strict=True)}
        return landed

    async def reconcile(self, run: str) -> Reconciled:
        """What this instance knows."""
        waiting = {(each.task, each.attempt): each for each in self._sealed.values() if each.task not in self._landed}
        return Reconciled(landed=dict(self._landed), sealed=waiting, tip=self._tip)

    async def checkout_tip(self) -> Tree:
        """The tip in a folder."""
        return Tree(tree=self._tip, commit=self._tip, tip=self._tip, path=self._folder(self._trees[self._tip]))

    async def finish(self, status: str) -> str:
        """Write what landed into the output."""
        now = self._trees[self._tip]
        there = _read(self._output)
        self._output.mkdir(parents=True, exist_ok=True)
        target = GuardedFolder(self._output)
        for path in sorted({*there, *now}):
            if path not in now:
                target.delete(path)
            elif there.get(path) != now[path]:
                target.write_bytes(path, now[path].data, mode=0o755 if now[path].executable else 0o644)
        return self._tip

    async def aclose(self) -> None:
        """Remove the folders."""
        if self._remove is not None:
            self._remove()

    def _folder(self, tree: _Tree) -> Path:
        if self._home is None:
            raise WorkspaceError("the workspace was not started")
        self._folders += 1
        path = self._home / str(self._folders)
        path.mkdir()
        folder = GuardedFolder(path)
        for name, file in tree.items():
            folder.write_bytes(name, file.data, mode=0o755 if file.executable else 0o644)
        return path

    def _keep(self, tree: _Tree, *parts: str) -> str:
        text = repr((parts, sorted((path, file.data, file.executable) for path, file in tree.items())))
        name = hashlib.sha256(text.encode()).hexdigest()[:40]
        self._trees[name] = dict(tree)
        return name


def _read(folder: Path) -> _Tree:
    if not folder.is_dir():
        return {}
    guarded = GuardedFolder(folder)
    return {
        path: _File(guarded.read_bytes(path), bool(guarded.mode(path) & 0o100))
        for path in guarded.files()
        if path.split("/")[0] not in (".git", ".dispatcher")
    }

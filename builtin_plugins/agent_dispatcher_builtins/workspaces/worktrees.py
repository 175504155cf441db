"""Worktrees that are used again: making one costs more than cleaning one.

Everything in a worktree may have been written by an agent. Git is therefore always told where the repository is (see ``git_command``), a folder
is looked through before git sees it, and one that holds anything odd is thrown away instead of cleaned.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
from pathlib import Path

from attrs import define, field

from agent_dispatcher.errors import PathRefused, WorkspaceError
from agent_dispatcher.extension.components import Keep
from agent_dispatcher.workspace.path_names import is_git_name, split_path

from .git_command import Git, GitFailed

__all__ = ["Worktree", "WorktreePool", "add_some", "oddities", "refuse_names", "remove_folder"]


@define(eq=False)
class Worktree:
    """A folder with its own index.

    Attributes:
        path: the folder.
        admin: git's folder for it.
        commit: what its index was last set to.
        pointer: what its ``.git`` file says.
        cleaning: ends when the folder can be used again.
    """

    path: Path
    admin: Path
    commit: str
    pointer: bytes
    cleaning: asyncio.Task[bool] | None = field(default=None)

    def odd(self) -> list[str]:
        """What should not be in it, see :func:`oddities`."""
        return oddities(self.path, pointer=self.pointer)


class WorktreePool:
    """Worktrees of one run.

    Args:
        git: calls git for the repository.
        folder: where worktrees are made.
        prefix: what their names begin with; unique to the run.
    """

    def __init__(self, git: Git, folder: Path, prefix: str) -> None:
        self._git = git
        self._folder = folder
        self._prefix = prefix
        self._free: list[Worktree] = []
        self._all: set[Worktree] = set()
        self._made = 0
        self._making = asyncio.Lock()

    async def take(self, commit: str) -> Worktree:
        """A worktree that holds exactly the tree of ``commit``."""
        while self._free:
            worktree = self._next(commit)
            if worktree.cleaning is not None and not await asyncio.shield(worktree.cleaning):
                self._drop(worktree)
                continue
            worktree.cleaning = None
            try:
                await self.set(worktree, commit)
            except GitFailed:
                self._drop(worktree)
                continue
            return worktree
        return await self._make(commit)

    async def set(self, worktree: Worktree, commit: str) -> None:
        """Make index and files those of ``commit``; files git does not know stay."""
        if worktree.commit == commit:
            return
        await self.git_in(worktree)("read-tree", "--reset", "-u", commit)
        _set_head(worktree.admin, commit)
        worktree.commit = commit

    def give_back(self, worktree: Worktree, index_at: str | None) -> None:
        """It is not needed any more; cleaned while others work.

        Args:
            worktree: whose files do not count any more.
            index_at: the commit its index equals; ``None`` when that is not known.
        """
        worktree.commit = index_at or ""
        worktree.cleaning = asyncio.ensure_future(self._clean(worktree))
        self._free.append(worktree)

    def git_in(self, worktree: Worktree) -> Git:
        """Calls git on the worktree's files and index."""
        return self._git.within(worktree.admin, worktree.path)

    async def aclose(self) -> None:
        """Throw all away."""
        for worktree in tuple(self._all):
            if worktree.cleaning is not None:
                await asyncio.wait({worktree.cleaning})
            self._drop(worktree)
        self._free.clear()
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def sweep(self, worktrees_of_repository: Path) -> None:
        """Remove the worktrees an earlier process of this run left behind."""
        keep = {worktree.path.name for worktree in self._all}
        for folder in (self._folder, worktrees_of_repository):
            if folder.is_dir():
                for entry in folder.iterdir():
                    if entry.name.startswith(self._prefix) and entry.name not in keep:
                        remove_folder(entry)

    def _next(self, commit: str) -> Worktree:
        """A free one that holds ``commit`` already, else the one that has been clean for longest."""
        for index, worktree in enumerate(self._free):
            if worktree.commit == commit:
                return self._free.pop(index)
        return self._free.pop(0)

    async def _make(self, commit: str) -> Worktree:
        async with self._making:
            self._folder.mkdir(parents=True, exist_ok=True)
            while True:
                self._made += 1
                path = self._folder / f"{self._prefix}{self._made}"
                if not path.exists():
                    break
            await self._git("worktree", "add", "-q", "--detach", str(path), commit)
            pointer = (path / ".git").read_bytes()
        admin = Path(os.fsdecode(pointer.removeprefix(b"gitdir: ").rstrip(b"\n")))
        worktree = Worktree(path=path, admin=admin, commit=commit, pointer=pointer)
        self._all.add(worktree)
        return worktree

    async def _clean(self, worktree: Worktree) -> bool:
        """Remove what git does not know (changes are undone by :meth:`set`); ``False`` when the folder cannot be used again."""
        try:
            if await asyncio.to_thread(worktree.odd):
                return False
            await self.git_in(worktree)("clean", "-ffdxq")
        except (GitFailed, OSError):
            return False
        return True

    def _drop(self, worktree: Worktree) -> None:
        self._all.discard(worktree)
        remove_folder(worktree.path)
        remove_folder(worktree.admin)


def _set_head(admin: Path, commit: str) -> None:
    """Let the worktree's HEAD, which is detached, name the commit its files are of."""
    head = admin / "HEAD"
    with contextlib.suppress(OSError):
        if not head.read_bytes().startswith(b"ref:"):
            head.write_text(commit + "\n")


def oddities(folder: Path, *, pointer: bytes | None = None, links: bool = True) -> list[str]:
    """What git must not be let near, as phrases: repositories inside the folder, names that mean something elsewhere, sockets and devices.

    Args:
        folder: the root.
        pointer: what ``.git`` in the root must say; ``None`` when there must be none.
        links: whether symbolic links may be there.
    """
    found: list[str] = []
    root_git = folder / ".git"
    if pointer is not None:
        status = None
        with contextlib.suppress(OSError):
            status = root_git.lstat()
        if status is None or not stat.S_ISREG(status.st_mode) or root_git.read_bytes() != pointer:
            found.append("its '.git' was changed")
    waiting = [("", os.fspath(folder))]
    while waiting:
        inside, here = waiting.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            found.append(f"{inside or 'the folder'} cannot be read ({error.strerror})")
            continue
        for entry in entries:
            name = inside + entry.name
            if entry.name == ".git" and not inside and pointer is not None:
                continue
            if is_git_name(entry.name):
                found.append(f"{name!r} belongs to git")
            elif not inside and entry.name.casefold() == ".dispatcher":
                found.append(f"{name!r} belongs to the dispatcher")
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((name + "/", entry.path))
            elif entry.is_symlink():
                if not links:
                    found.append(f"{name!r} is a symbolic link")
            elif not entry.is_file(follow_symlinks=False):
                found.append(f"{name!r} is neither a file nor a folder")
    return sorted(found)


def refuse_names(paths: list[str]) -> None:
    """Refuse names of changed files that the path guard would have refused; :class:`WorkspaceError` naming them."""
    refused = []
    for path in paths:
        try:
            split_path(path)
        except PathRefused as error:
            refused.append(str(error))
    if refused:
        raise WorkspaceError("the attempt left files that cannot be kept: " + "; ".join(refused[:5]))


async def add_some(git: Git, keep: Keep) -> bool:
    """Add to the index what ``keep`` chooses of the changed files; whether that is all of them. What is not chosen is not even written to the repository."""
    listing = await git("ls-files", "-z", "--others", "--modified", "--deleted", "--exclude-standard")
    changed = sorted({*listing.decode("utf-8", "surrogateescape").split("\0")} - {""})
    kept = {*await keep(changed)}.intersection(changed) if changed else set()
    if kept:
        names = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in sorted(kept))
        # To ``git add`` the path of a file whose place a folder has taken would stand for all that is in the folder.
        await git("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=names)
    return len(kept) == len(changed)


def remove_folder(folder: Path) -> None:
    """Remove a folder whatever its permissions are; links are not followed."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            folder.chmod(0o700)
            for here, folders, _ in os.walk(folder):
                for name in folders:
                    inner = Path(here, name)
                    if not inner.is_symlink():
                        inner.chmod(0o700)
            shutil.rmtree(folder, ignore_errors=True)

"""Commits and trees of a repository: made, read and compared with git's plumbing."""

from __future__ import annotations

import os
import re

from .commits import SealedCommit, parse_commit
from .git_command import Git

__all__ = ["NO_COMMIT", "Objects", "parse_raw"]

#: Says to ``update-ref`` that the ref must not be there.
NO_COMMIT = "0" * 40

_AUTHOR = re.compile(r"(.*) <(.*)> (\d+ [+-]\d+)")


class Objects:
    """The objects of one repository.

    Args:
        git: calls git for it.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: dict[str, SealedCommit] = {}

    async def commit_tree(
        self, tree: str, parent: str | None, message: str, *, like: SealedCommit | None = None
    ) -> str:
        """Make a commit; its author and the time of writing are those of ``like``."""
        env: dict[str, str] = {}
        author = _AUTHOR.fullmatch(like.author) if like else None
        if author:
            env = {"GIT_AUTHOR_NAME": author[1], "GIT_AUTHOR_EMAIL": author[2], "GIT_AUTHOR_DATE": f"@{author[3]}"}
        argv = ["commit-tree", tree, "-F", "-", *(("-p", parent) if parent else ())]
        commit = (await self._git(*argv, stdin=message.encode("utf-8", "replace"), env=env)).decode().strip()
        self._known[commit] = SealedCommit(
            tree=tree, parent=parent or "", author=like.author if like else "", message=message
        )
        return commit

    async def commit(self, name: str, *, with_author: bool = False) -> SealedCommit:
        """What a commit says; of one that was made here the author is only known ``with_author``, which asks git."""
        known = self._known.get(name)
        if known is None or (with_author and not known.author):
            known = self._known[name] = parse_commit(await self._git("cat-file", "commit", name))
        return known

    async def blob(self, name: str) -> bytes:
        """The content of a file."""
        return await self._git("cat-file", "blob", name)

    async def keep_blob(self, data: bytes) -> str:
        """The name of a file's content that is now in the repository."""
        return (await self._git("hash-object", "-w", "--stdin", stdin=data)).decode().strip()

    async def empty_tree(self) -> str:
        """The name of the tree without files."""
        return (await self._git("hash-object", "-t", "tree", "-w", os.devnull)).decode().strip()

    async def changed(self, before: str, after: str) -> list[tuple[str, str]]:
        """(new mode, path) of what differs between two commits, by path."""
        listing = await self._git("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", before, after)
        return sorted(parse_raw(listing), key=lambda entry: entry[1])

    async def is_ancestor(self, commit: str, of: str) -> bool:
        """Whether ``commit`` is in the history of ``of``."""
        code, _ = await self._git.ask("merge-base", "--is-ancestor", commit, of)
        return code == 0


def parse_raw(listing: bytes) -> list[tuple[str, str]]:
    """(new mode, path) of each entry of git's raw diff format with NULs."""
    parts = listing.decode("utf-8", "surrogateescape").split("\0")
    return [(meta.split(" ")[1], path) for meta, path in zip(parts[0::2], parts[1::2], strict=False)]

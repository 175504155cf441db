"""Whose run it is, as git itself knows: a ref that is looked at in the very transaction that moves a branch.

An owner that looks at its lease and then moves the branch can be frozen between the two, and be taken over meanwhile. So the successor puts its name under
a ref of the run before it looks at anything else, and no branch is moved but together with ``verify`` of that ref: git holds the locks of both, and refuses
the whole transaction of one that was taken over, however late it wakes.

What the ref says counts only together with the lease, which alone decides who owns the run: one that finds another name there asks (``verify``), and ends, or
puts its own name back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from agent_dispatcher.failpoints import failpoint

from .commits import ref_part
from .git_command import Git, GitFailed

__all__ = ["Ownership", "owner_ref"]

#: Seconds to wait for whoever is just moving a branch.
_PATIENCE_S = (0.05, 0.2, 1.0)


def owner_ref(run: str) -> str:
    """The ref with the name of the run's owner. It is no ref of the run's work, and names no commit."""
    return f"refs/dispatcher-owners/{ref_part(run)}"


class Ownership:
    """A claim to a run.

    Args:
        git: the repository.
        run: the run's id.
        owner: a name that no other process has, at no other time.
        verify: raises when the run is owned by another process.
        log: where it says that it removed a lock.
    """

    def __init__(self, git: Git, run: str, owner: str, verify: Callable[[], None], log: logging.Logger) -> None:
        self._git = git
        self.ref = owner_ref(run)
        self._owner = owner
        self._verify = verify
        self._log = log
        self._blob = ""

    async def take(self) -> None:
        """Put the own name there; from now on no earlier owner moves a branch.

        Raises:
            Fenced: (from ``verify``) this process does not own the run any more.
        """
        if not self._blob:
            written = await self._git("hash-object", "-w", "--stdin", stdin=f"{self._owner}\n".encode())
            self._blob = written.decode().strip()
        failpoint("workspace.claim")
        await self._put()
        failpoint("workspace.claimed")
        self._verify()  # who was taken over before that has only put a name there that its successor puts away again

    async def _put(self) -> None:
        for patience_s in _PATIENCE_S:
            try:
                await self._git("update-ref", self.ref, self._blob)
                return
            except GitFailed:
                await asyncio.sleep(patience_s)
        lock = self._lock()
        if lock is not None and lock.is_file():
            self._log.warning("removing %s, left by a process that ended", lock)
            lock.unlink(missing_ok=True)
        await self._git("update-ref", self.ref, self._blob)

    async def move(self, orders: str, *, why: str = "") -> None:
        """Carry out orders of ``git update-ref --stdin``, all or none, and only while the run is claimed by this process.

        Raises:
            GitFailed: a ref is not where the orders say, or is locked.
            Fenced: the run was taken over; nothing was moved.
        """
        argv = ["update-ref", *(["-m", why] if why else []), "--stdin"]
        try:
            await self._git(*argv, stdin=f"verify {self.ref} {self._blob}\n{orders}".encode())
        except GitFailed:
            if await self._is_claimed():
                raise
            self._verify()
            await self.take()
            await self._git(*argv, stdin=f"verify {self.ref} {self._blob}\n{orders}".encode())

    async def give_up(self) -> None:
        """The run has ended: nobody moves its branches any more, this process included."""
        try:
            await self._git("update-ref", "-d", self.ref, self._blob)
        except GitFailed as error:
            self._log.warning("%s stays: %s", self.ref, error)

    async def _is_claimed(self) -> bool:
        code, found = await self._git.ask("rev-parse", "--quiet", "--verify", self.ref)
        return code == 0 and found.decode().strip() == self._blob

    def _lock(self) -> Path | None:
        folder = self._git.git_dir
        return None if folder is None else folder / f"{self.ref}.lock"

"""Commands that an agent wants run for it: each in a sandbox of its own, on the task's folder, gone with the session."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Mapping, Sequence
from itertools import count

from attrs import define

from agent_dispatcher.agents.base_agent import AgentSandbox
from agent_dispatcher.extension import Completed, Limits

from .permission import inside

__all__ = ["Terminals"]

_MAX_OUTPUT = 1024**2
_MOST = 16
_IN_FOLDER = 'cd -- "$1" && shift && exec "$@"'
#: Before that: no more than this machine allows, which may be less.
_LIMITED = 'most=$(ulimit -Hd); [ "$most" != unlimited ] && [ "$most" -le "$1" ] || ulimit -d "$1" || exit; shift; '


@define
class _Terminal:
    running: asyncio.Task[Completed]
    most: int
    killed: bool = False


class Terminals:
    """The commands of one session.

    Args:
        sandbox: the attempt's.
        folder: of the task, as it is named in the sandbox.
        limits: of each command.
        memory_bytes: that each process of a command may have for itself.
    """

    def __init__(self, sandbox: AgentSandbox, folder: str, limits: Limits, memory_bytes: int | None = None) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._limits = limits
        self._begin: tuple[str, ...] = ("/bin/sh", "-c", _IN_FOLDER, "sh")
        if memory_bytes is not None:
            self._begin = ("/bin/sh", "-c", _LIMITED + _IN_FOLDER, "sh", str(max(1, memory_bytes // 1024)))
        self._numbers = count(1)
        self._open: dict[str, _Terminal] = {}

    def create(
        self,
        command: str,
        args: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        most: int | None = None,
    ) -> str:
        """Start a command; its name.

        Raises:
            PathRefused: it is to start outside the task's folder.
            ValueError: too many are open.
        """
        if len(self._open) >= _MOST:
            raise ValueError(f"{_MOST} terminals are open: release one first")
        place = "." if cwd is None or posixpath.normpath(cwd) == self._folder else inside(self._folder, cwd)
        # a command without arguments may be a line for a shell; which programs there are is the sandbox's business
        argv = (command, *args) if args else ("/bin/sh", "-c", command)
        argv = (*self._begin, place, *argv)
        running = asyncio.ensure_future(self._sandbox.run(argv, self._limits, env=env))
        name = f"terminal-{next(self._numbers)}"
        self._open[name] = _Terminal(running, _MAX_OUTPUT if most is None else most)
        return name

    def output(self, name: str) -> tuple[str, bool, int | None]:
        """What it printed, whether the beginning is cut off, and its exit code once it has ended. A command is heard when it has ended."""
        terminal = self._of(name)
        if not terminal.running.done():
            return "", False, None
        code, text = _ended(terminal)
        data = text.encode("utf-8", "replace")
        if len(data) <= terminal.most:
            return text, False, code
        return data[len(data) - terminal.most :].decode("utf-8", "ignore"), True, code

    async def wait(self, name: str) -> int:
        """Its exit code, once it has ended."""
        terminal = self._of(name)
        await asyncio.wait({terminal.running})
        return _ended(terminal)[0]

    async def kill(self, name: str) -> None:
        """End it; what it printed can still be read."""
        terminal = self._of(name)
        terminal.killed = True
        await _end(terminal)

    async def release(self, name: str) -> None:
        """End it and forget it."""
        await _end(self._of(name))
        del self._open[name]

    async def aclose(self) -> None:
        """End all."""
        for name in list(self._open):
            await self.release(name)

    def _of(self, name: str) -> _Terminal:
        if name not in self._open:
            raise ValueError(f"there is no terminal {name!r}")
        return self._open[name]


def _ended(terminal: _Terminal) -> tuple[int, str]:
    if terminal.running.cancelled():
        return 137, ""
    error = terminal.running.exception()
    if error is not None:
        return 126, f"{error}\n"
    ended = terminal.running.result()
    limit = f"\nended by its limit of {ended.limit_hit}\n" if ended.limit_hit else ""
    return ended.code, ended.stdout + ended.stderr + limit


async def _end(terminal: _Terminal) -> None:
    terminal.running.cancel()
    await asyncio.wait({terminal.running})

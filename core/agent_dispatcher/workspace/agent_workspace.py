"""What an agent holds of its attempt: its files through the guard, its commands through the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import WorkspaceError
from ..extension.components import Completed, Environment, Language, Limits, Opened, Sandbox
from .path_guard import GuardedFolder

__all__ = ["GuardedWorkspace", "TaskSandbox", "TellAccess", "TellCommand"]

#: Told whose command has ended, its words, and what came of it.
TellCommand = Callable[[Opened, tuple[str, ...], Completed], None]

#: Told whose program asked for something: what, its subject, and whether it was granted.
TellAccess = Callable[[Opened, str, str, bool], None]


class GuardedWorkspace:
    """The attempt's folder as an :class:`agent_dispatcher.agents.AgentWorkspace`.

    Args:
        place: the attempt's own folder; need not exist yet. Of an attempt, its path is asked for when it is first used.
    """

    __slots__ = ("_guard", "_place", "_touched")

    def __init__(self, place: Path | Opened) -> None:
        self._place: Path | Opened | None = place
        self._guard: GuardedFolder | None = None
        self._touched: set[str] | None = None

    @property
    def touched(self) -> frozenset[str]:
        """Paths that were written or deleted through this."""
        return frozenset(self._touched or ())

    def close(self) -> None:
        """The attempt is over: whatever still holds this (a thread that was given up) can touch nothing more."""
        self._place = None

    @property
    def _folder(self) -> GuardedFolder:
        if self._place is None:
            raise WorkspaceError("the attempt is over: its workspace can no longer be used")
        if self._guard is None:
            self._guard = GuardedFolder(_path(self._place))
        return self._guard

    def read_text(self, path: str) -> str:
        """The file's text; :class:`FileNotFoundError`, :class:`agent_dispatcher.errors.PathRefused`."""
        return self._folder.read_text(path)

    def read_bytes(self, path: str) -> bytes:
        """The file's bytes; errors as :meth:`read_text`."""
        return self._folder.read_bytes(path)

    def write_text(self, path: str, text: str) -> None:
        """Write the whole file, whole or not at all; parents are made."""
        self._folder.write_text(path, text)
        self._note(path)

    def write_bytes(self, path: str, data: bytes) -> None:
        """As :meth:`write_text`."""
        self._folder.write_bytes(path, data)
        self._note(path)

    def delete(self, path: str) -> None:
        """Remove the file; :class:`FileNotFoundError` when there is none."""
        self._folder.delete(path)
        self._note(path)

    def _note(self, path: str) -> None:
        if self._touched is None:
            self._touched = set()
        self._touched.add(path)

    def exists(self, path: str) -> bool:
        """Whether there is a regular file."""
        return self._folder.exists(path)

    def files(self) -> tuple[str, ...]:
        """All regular files, sorted, without ``.git``."""
        return self._folder.files()


class TaskSandbox:
    """The run's sandbox bound to one attempt, as an :class:`agent_dispatcher.agents.AgentSandbox`.

    Only the attempt's folder is writable, and what the language needs is readable. The tier is that of the run; an agent cannot choose another.

    Args:
        sandbox: the run's sandbox.
        place: the attempt's folder, as for :class:`GuardedWorkspace`.
        language: the active language, ``None`` without one.
        limits: what a command gets that names no limits of its own.
        tell: told of each command of an attempt when it has ended.
    """

    __slots__ = ("_language", "_limits", "_place", "_sandbox", "_tell")

    def __init__(
        self,
        sandbox: Sandbox,
        place: Path | Opened,
        language: Language | None = None,
        limits: Limits | None = None,
        tell: TellCommand | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._place = place
        self._language = language
        self._limits = limits
        self._tell = tell

    @property
    def tier(self) -> str:
        """Of the run's sandbox."""
        return self._sandbox.tier

    async def run(
        self,
        argv: Sequence[str],
        limits: Limits | None = None,
        *,
        env: Mapping[str, str] | None = None,
        read_only: Sequence[Path] = (),
        sockets: Sequence[Path] = (),
    ) -> Completed:
        """Run a command in the attempt's folder; errors as :meth:`agent_dispatcher.extension.Sandbox.run`."""
        folder = _path(self._place)
        folder.mkdir(parents=True, exist_ok=True)
        environment = Environment() if self._language is None else await self._language.environment(folder)
        try:
            completed = await self._sandbox.run(
                argv,
                cwd=folder,
                writable=(folder,),
                read_only=(*environment.read_only, *read_only),
                env={**environment.env, **(env or {})},
                sockets=sockets,
                limits=limits or self._limits,
            )
        except asyncio.CancelledError:
            if self._tell is not None and isinstance(self._place, Opened):
                self._tell(self._place, tuple(argv), Completed(code=-1, stdout="", stderr="", limit_hit="cancelled"))
            raise
        if self._tell is not None and isinstance(self._place, Opened):
            self._tell(self._place, tuple(argv), completed)
        return completed


def _path(place: Path | Opened) -> Path:
    return place.path if isinstance(place, Opened) else place

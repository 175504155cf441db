"""The folder of an attempt, where there is nothing in it at first: as long as nobody asks where it is, nobody can have put anything there."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.extension import Opened

__all__ = ["EmptyFolder"]

_set = object.__setattr__


class EmptyFolder(Opened):
    """An :class:`agent_dispatcher.extension.Opened` whose path is worked out when it is first asked for.

    Args:
        home: the folder of all attempts.
        number: its name there.
    """

    __slots__ = ("_home", "_known", "_number")
    _home: Path
    _known: Path | None
    _number: int

    def __init__(self, task: str, attempt: int, home: Path, number: int, base: str) -> None:
        _set(self, "task", task)
        _set(self, "attempt", attempt)
        _set(self, "base", base)
        _set(self, "_home", home)
        _set(self, "_number", number)
        _set(self, "_known", None)

    @property
    def path(self) -> Path:
        """Where it is, or will be when somebody writes to it."""
        known = self._known
        if known is None:
            known = self._home / str(self._number)
            _set(self, "_known", known)
        return known

    @property
    def is_known(self) -> bool:
        """Whether anybody has asked where it is."""
        return self._known is not None

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

    Attributes:
        known: its path, as soon as somebody has asked for it.
    """

    __slots__ = ("_place", "known")
    _place: tuple[Path, int]
    known: Path | None

    def __init__(self, task: str, attempt: int, home: Path, number: int, base: str) -> None:
        _set(self, "task", task)
        _set(self, "attempt", attempt)
        _set(self, "base", base)
        _set(self, "_place", (home, number))
        _set(self, "known", None)

    @property
    def path(self) -> Path:
        """Where it is, or will be when somebody writes to it."""
        known = self.known
        if known is None:
            home, number = self._place
            known = home / str(number)
            _set(self, "known", known)
        return known

"""Time in which an attempt waited for a language-model backend to let it in. It does not count against the time an attempt may take."""

from __future__ import annotations

from contextvars import ContextVar

from attrs import define

__all__ = ["WAITING", "Waiting", "not_waiting"]


@define(eq=False)
class Waiting:
    """The waits of one attempt. Waits at the same time count once."""

    _waited_s: float = 0.0
    _since: float = 0.0
    _waits: int = 0

    def begin(self, now: float) -> None:
        """A wait begins."""
        if not self._waits:
            self._since = now
        self._waits += 1

    def end(self, now: float) -> None:
        """A wait is over."""
        self._waits -= 1
        if not self._waits:
            self._waited_s += now - self._since

    def seconds(self, now: float) -> float:
        """Seconds that were spent waiting until now."""
        return self._waited_s + (now - self._since if self._waits else 0.0)


def not_waiting(now: float) -> float:
    """Of an attempt that never waits."""
    return 0.0


#: The waits of the attempt in whose name a call is made.
WAITING: ContextVar[Waiting | None] = ContextVar("agent_dispatcher_waiting", default=None)

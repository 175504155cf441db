"""Time that passes only when nothing else can happen, and an order of events that a seed decides.

:func:`run_virtual` runs a coroutine on an event loop whose clock jumps to the next timer as soon as nothing is ready: hours of back-off take
milliseconds. Callbacks that are ready together run in an order shuffled by the seed, so that races show, and show again with the same seed. A program that waits for
something nobody will ever do is a :class:`Deadlock`, not a hang. Threads, processes and sockets do not exist for this loop.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["Deadlock", "VirtualClock", "VirtualLoop", "run_virtual"]

_T = TypeVar("_T")


class Deadlock(RuntimeError):
    """Nothing is ready, no timer is set, and the program waits: nobody will ever wake it."""


class VirtualClock:
    """A clock that is set by hand; its methods fit where the core takes ``now`` and ``monotonic``.

    Args:
        epoch: what :meth:`now` says at the beginning, seconds since 1970.
    """

    def __init__(self, epoch: float = 1_767_225_600.0) -> None:
        self._epoch = epoch
        self._elapsed = 0.0

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    def now(self) -> float:
        """Seconds since 1970."""
        return self._epoch + self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: backwards.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: advance({seconds})")
        self._elapsed += seconds

    def set_wall_clock(self, epoch: float) -> None:
        """Set what :meth:`now` says, as an administrator would; :meth:`monotonic` does not notice."""
        self._epoch = epoch - self._elapsed


class _JumpingSelector(selectors.SelectSelector):
    """Waits for nothing: instead of waiting for a timer it moves the clock there."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise Deadlock(f"nothing is scheduled any more; still waiting: {_waiting(self.loop)}")
        if not ready and timeout:
            self.loop.clock.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module.

    Args:
        seed: decides the order of what is ready at the same time; ``None`` keeps asyncio's own.
        clock: the clock it moves.
    """

    def __init__(self, seed: int | None = 0, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self._chance = random.Random(seed) if seed is not None else None
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """The virtual clock's time."""
        return self.clock.monotonic()

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]
        if self._chance is not None and len(ready) > 1:
            handles = list(ready)
            self._chance.shuffle(handles)
            ready.clear()
            ready.extend(handles)
        super()._run_once()  # type: ignore[misc]


def run_virtual(work: Coroutine[Any, Any, _T], *, seed: int | None = 0, clock: VirtualClock | None = None) -> _T:
    """The result of ``work`` in virtual time.

    Args:
        seed: the interleaving; the same seed gives the same one.
        clock: to look at or share the time.

    Raises:
        Deadlock: ``work`` waits for something that nobody will do.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed, clock)) as runner:
        return runner.run(work)


def _waiting(loop: asyncio.AbstractEventLoop) -> str:
    names = sorted(
        task.get_name() + " in " + getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks(loop)
    )
    return ", ".join(names) or "the program"

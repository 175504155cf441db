"""Names the agent that keeps the event loop from turning.

An agent that blocks although it says that it awaits holds up every other one, and nothing on the loop can say so. A thread beside it can: it asks the
loop for a sign of life, and when none comes it looks whose code the loop is in. It cannot end that code; who reads the message can.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from ..agents.base_agent import BaseAgent, SyncAgent
from .frames import agent_in, where_in

__all__ = ["LoopWatch"]

log = logging.getLogger(__name__)


class LoopWatch:
    """Watches the running loop while it is entered.

    Args:
        name_of: the name of an agent instance.
        notice: told on the loop in a sentence who blocked it and for how long, once it turns again. The log is told at once.
        stall_s: seconds without a sign of life that are too many.
    """

    def __init__(
        self, name_of: Callable[[BaseAgent | SyncAgent], str], notice: Callable[[str], None], *, stall_s: float = 2.0
    ) -> None:
        self._name_of = name_of
        self._notice = notice
        self._stall_s = stall_s
        self._over = threading.Event()
        self._sign = threading.Event()

    def __enter__(self) -> LoopWatch:
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="agent-dispatcher-loop-watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._sign.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._stall_s / 2):
            asked = time.monotonic()
            self._sign.clear()
            try:
                self._loop.call_soon_threadsafe(self._sign.set)
                if not self._sign.wait(self._stall_s):
                    self._stalled(asked)
            except RuntimeError:
                return  # the loop is closed

    def _stalled(self, since: float) -> None:
        """The sign is overdue: say whose code runs, wait until it ends."""
        found = agent_in(sys._current_frames().get(self._watched))
        if found is None:
            who = "something that is no agent's method"
        else:
            who = f"agent {self._name_of(found[0])} ({where_in(found[1])})"
        log.warning("%s has blocked the event loop for %.1f s; everything waits for it", who, time.monotonic() - since)
        self._loop.call_soon_threadsafe(self._tell, who, since)  # comes first when the loop turns again
        self._sign.wait()

    def _tell(self, who: str, since: float) -> None:
        if not self._over.is_set():
            self._notice(
                f"{who} blocked the event loop for {time.monotonic() - since:.1f} s, and everything waited for it: "
                "await what takes long, or make it a SyncAgent, which works in a thread"
            )

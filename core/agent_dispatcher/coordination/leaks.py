"""Notices agents that leave threads, processes or open files behind.

Nothing is measured per attempt: when an attempt ends, and the last look is long enough ago, the process's own counts are compared with those from before
the first agent. What agents that are at work and commands of checks may hold is allowed for, and growth has to be seen twice unless nobody is at work. The types named are
those of which an attempt ended whenever the count grew: with one type at work that is exact, with several it is a short list.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["LeakWatch", "count_now"]

#: What a run takes for itself beyond what there was before it: connections, helpers, a check that runs.
_ALLOWED: Mapping[str, int] = {"threads": 8, "processes": 4, "open files": 32}

#: What an agent may hold while it is at work.
_PER_AGENT: Mapping[str, int] = {"threads": 4, "processes": 4, "open files": 16}

#: What a command of a check holds: its pipes, and what a sandbox hands to it.
_PER_COMMAND: Mapping[str, int] = {"threads": 1, "processes": 4, "open files": 16}

#: Threads of Python's and asyncio's own, which come and stay.
_KNOWN_THREADS = ("asyncio_", "waitpid-")


def count_now() -> dict[str, int]:
    """Threads, child processes and open files of this process; what the system does not tell is left out."""
    counts = {"threads": sum(1 for one in threading.enumerate() if not one.name.startswith(_KNOWN_THREADS))}
    with contextlib.suppress(OSError):
        counts["open files"] = sum(1 for _ in Path("/dev/fd").iterdir())
    with contextlib.suppress(OSError):
        counts["processes"] = sum(
            len(file.read_bytes().split()) for file in Path("/proc/self/task").glob("[0-9]*/children")
        )
    return counts


class LeakWatch:
    """Compares counts now and then.

    Args:
        notice: told in a sentence what was noticed.
        every_s: seconds between looks.
        commands: how many commands of checks run now.
        count, monotonic: for tests.
    """

    def __init__(
        self,
        notice: Callable[[str], None],
        *,
        every_s: float = 1.0,
        commands: Callable[[], int] = lambda: 0,
        count: Callable[[], Mapping[str, int]] = count_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notice = notice
        self._every_s = every_s
        self._commands = commands
        self._count = count
        self._monotonic = monotonic
        self._base: dict[str, int] | None = None
        self._last: dict[str, int] = {}
        self._due = 0.0
        self._ended: Counter[str] = Counter()
        self._since_last: set[str] = set()
        self._suspects: dict[str, set[str]] = {}
        self._seen_once: set[str] = set()

    def begin(self) -> None:
        """Count what there is before the first agent; later calls do nothing."""
        if self._base is None:
            self._base = dict(self._count())
            self._last = dict(self._base)

    def ended(self, agent_type: str, at_work: int) -> None:
        """An attempt of an agent of this type is over, ``at_work`` agents still work."""
        self._ended[agent_type] += 1
        self._since_last.add(agent_type)
        if self._base is not None and self._monotonic() >= self._due:
            self._due = self._monotonic() + self._every_s
            self.look(at_work)

    def look(self, at_work: int) -> None:
        """Compare now."""
        if self._base is None:
            return
        now, commands = self._count(), self._commands()
        for what, count in now.items():
            if count > self._last.get(what, 0) and self._since_last:
                before = self._suspects.get(what)
                self._suspects[what] = (before & self._since_last if before else None) or set(self._since_last)
            allowed = (
                self._base.get(what, 0) + _ALLOWED[what] + at_work * _PER_AGENT[what] + commands * _PER_COMMAND[what]
            )
            if count <= allowed:
                self._seen_once.discard(what)
                if not at_work:
                    self._suspects.pop(what, None)
            elif (at_work or commands) and what not in self._seen_once:
                self._seen_once.add(what)
            else:
                self._report(what, count)
        self._last = dict(now)
        self._since_last.clear()

    def _report(self, what: str, count: int) -> None:
        assert self._base is not None
        suspects = sorted(self._suspects.pop(what, set())) or sorted(self._ended)
        names = " or ".join(f"{name} ({self._ended[name]} attempts so far)" for name in suspects) or "unknown"
        self._notice(
            f"agents leave {what} behind: {count} now, {self._base.get(what, 0)} before the first attempt; agent type: {names}"
        )
        self._base[what] = count
        self._seen_once.discard(what)

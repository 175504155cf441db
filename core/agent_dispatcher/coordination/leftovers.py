"""Processes that an agent left behind when it was given up.

An agent that cannot be ended may have children. Those are ended that are certainly its own: what its thread began, and descendants of this process that
work in its folder, each with all of *its* descendants. A process that made itself somebody else's child and left the folder is not found here; one that
was begun in the sandbox ends with the sandbox. Linux only: elsewhere nothing is found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Collection
from pathlib import Path

__all__ = ["end_processes", "processes_of"]

_PROC = Path("/proc")


def processes_of(threads: Collection[int], folder: Path | None) -> set[int]:
    """Descendants of this process that ``threads`` (by :func:`threading.get_ident`) began or that work in ``folder``, and theirs."""
    children = _children_by_parent()
    descendants = _with_descendants({os.getpid()}, children) - {os.getpid()}
    roots = _begun_by(threads) & descendants
    if folder is not None:
        inside = folder.resolve()
        roots |= {pid for pid in descendants if _works_in(pid, inside)}
    return _with_descendants(roots, children)


def end_processes(pids: Collection[int]) -> int:
    """Kill them at once; returns how many there were to kill."""
    ended = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            ended += 1
    return ended


def _children_by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for entry in _PROC.iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError, ValueError):
                    # the name of the command, in parentheses, may hold anything
                    rest = (entry / "stat").read_text(errors="replace").rpartition(")")[2]
                    children.setdefault(int(rest.split()[1]), []).append(int(entry.name))
    return children


def _with_descendants(roots: set[int], children: dict[int, list[int]]) -> set[int]:
    found, waiting = set(roots), list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _begun_by(threads: Collection[int]) -> set[int]:
    """Linux notes for each thread which processes it began."""
    begun: set[int] = set()
    for thread in threading.enumerate():
        if thread.ident in threads and thread is not threading.main_thread():
            with contextlib.suppress(OSError):
                text = (_PROC / "self" / "task" / str(thread.native_id) / "children").read_text()
                begun |= {int(pid) for pid in text.split()}
    return begun


def _works_in(pid: int, folder: Path) -> bool:
    try:
        here = (_PROC / str(pid) / "cwd").readlink()
    except OSError:
        return False
    return here.is_relative_to(folder)

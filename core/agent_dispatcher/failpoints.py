"""Named places where a test can make the process die, stop, raise or wait.

``failpoint("sealed")`` does nothing unless the environment variable ``AD_FAILPOINTS`` arms it: ``name:hit[:action]``, several separated by
commas. ``hit`` counts from 1 in this process; ``action`` is ``kill`` (SIGKILL to the own process, the default), ``stop`` (SIGSTOP), ``raise``
(:class:`FailpointReached`) or ``sleep`` (60 seconds, on the calling thread). ``trace=FILE`` in the list appends every ``name:hit`` to FILE.
Configuration cannot arm one.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

__all__ = ["FAILPOINTS", "FailpointReached", "failpoint", "read_environment"]

#: Every failpoint there is; a test fails when code names one that is not listed or lists one that no code names.
FAILPOINTS: frozenset[str] = frozenset(
    {
        "approval.decided",
        "approval.requested",
        "attempt.opened",
        "attempt.performed",
        "checkpoint.rename.before",
        "final.after",
        "final.before",
        "finish.after",
        "finish.before",
        "finish.recorded",
        "flush.after",
        "flush.before",
        "landing.after",
        "landing.before",
        "landing.recorded",
        "lease.acquired",
        "lease.closing",
        "patch.decided",
        "patch.proposed",
        "patch.recorded",
        "seal.after",
        "seal.before",
        "statuses.land",
        "statuses.landed",
        "statuses.write",
        "statuses.written",
        "store.begun",
        "store.commit.before",
        "store.committed",
        "train.halved",
        "train.landed",
        "train.recorded",
        "train.staged",
        "integration.checked",
        "integration.recorded",
        "unpack.recorded",
        "unpack.workspace",
        "workspace.checked_out",
        "workspace.claim",
        "workspace.claimed",
        "workspace.finish",
        "workspace.finished",
        "workspace.land",
        "workspace.landed",
        "workspace.seal",
        "workspace.sealed",
        "workspace.staged",
        "workspace.start",
    }
)


class FailpointReached(BaseException):
    """Raised by the action ``raise``; no part of the program handles it."""


_hits: Counter[str] = Counter()
_armed: tuple[str, ...] = ()


def read_environment() -> None:
    """Look at ``AD_FAILPOINTS``; done once at import, because failpoints stand in the way of every task. A forked child may do it again."""
    global _armed
    _armed = tuple(entry for entry in os.environ.get("AD_FAILPOINTS", "").split(",") if entry)


read_environment()


def failpoint(name: str) -> None:
    """Do what ``AD_FAILPOINTS`` says about this hit of ``name``; usually nothing."""
    if not _armed:
        return
    _hits[name] += 1
    for entry in _armed:
        if entry.startswith("trace="):
            with Path(entry.removeprefix("trace=")).open("a") as trace:
                trace.write(f"{name}:{_hits[name]}\n")
            continue
        wanted, _, rest = entry.partition(":")
        hit, _, action = rest.partition(":")
        if wanted == name and hit == str(_hits[name]):
            _act(name, action or "kill")


def _act(name: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "sleep":
        time.sleep(60)
    else:
        raise FailpointReached(name)

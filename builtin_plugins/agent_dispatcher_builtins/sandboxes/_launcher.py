"""Runs one command and leaves nothing of it behind; started as a program by :mod:`.unprotected`.

It makes itself the parent of every orphan below it (``PR_SET_CHILD_SUBREAPER``), so that what a command daemonised is still found when the command
has ended. It ends when the dispatcher does (``PR_SET_PDEATHSIG``), and takes everything with it. Arguments: a JSON object of limits, then the
command. Its exit code is the command's, 128 and the number for a signal, 127 for a command that is not there.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def descendants(pid: int) -> list[int]:
    """Every process below ``pid``."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        try:
            for thread in Path(f"/proc/{current}/task").iterdir():
                children = [int(child) for child in (thread / "children").read_text().split()]
                found += children
                waiting += children
        except OSError:
            continue
    return found


def sweep() -> None:
    """Kill everything below us until there is nothing left.

    What is found is stopped before it is killed, so that a tree that forks faster than we look comes to rest.
    """
    for _ in range(2000):
        stopped: set[int] = set()
        while found := set(descendants(os.getpid())) - stopped:
            for pid in found:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGSTOP)
            stopped |= found
        for pid in stopped:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def adopt_orphans() -> None:
    """Become the parent of every process below us whose own parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(parent: int, number: int = signal.SIGTERM) -> bool:
    """Get a signal when our parent ends; false when it has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    return os.getppid() == parent


def give_up(number: int, frame: object) -> None:
    """The dispatcher wants us gone, or is gone itself."""
    sweep()
    os._exit(128 + number)


def limit(which: int, soft: int, hard: int | None = None) -> None:
    """Lower a limit, never raise it."""
    highest = resource.getrlimit(which)[1]
    hard = soft if hard is None else hard
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(which, (soft, hard))


def main() -> int:
    """Set up, start, wait, sweep."""
    limits = json.loads(sys.argv[1])
    command = sys.argv[2:]
    signal.signal(signal.SIGTERM, give_up)
    adopt_orphans()
    if not end_with_parent(limits["parent"]):
        return 143
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setsid()
            limit(resource.RLIMIT_CORE, 0)
            if limits["memory_bytes"] is not None:
                limit(resource.RLIMIT_AS, limits["memory_bytes"])
            if limits["file_bytes"] is not None:
                limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
            if limits["cpu_s"] is not None:
                limit(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 1)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            os.execvp(command[0], command)
        except FileNotFoundError:
            os.write(2, f"{command[0]}: command not found\n".encode())
            os._exit(127)
        except BaseException as error:
            os.write(2, f"{command[0]}: {error}\n".encode())
            os._exit(126)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            break
    sweep()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

"""Runs one command confined and leaves nothing of it behind: the main program of a process that :mod:`.reduced` starts.

Last argument: the number of a descriptor that holds a JSON object (see :meth:`.reduced.Reduced._launch`). It reports on the descriptor ``status``: the
command's code, or why it was not started. Like :mod:`._launcher` it ends when the dispatcher does, takes everything with it, and then puts back what
the command must not have changed (the ``.git`` pointers) and removes the command's temporary folder.
"""

import base64
import contextlib
import json
import os
import resource
import shutil
import signal
import stat
import sys
from pathlib import Path
from typing import Any, NoReturn

from . import _confinement as confinement
from . import _launcher as launcher

__all__ = ["main"]


class Pointers:
    """Small files that are as they were when all is over."""

    def __init__(self, paths: list[str]) -> None:
        self._kept = {Path(path): self._read(Path(path)) for path in paths}

    def restore(self) -> None:
        """Put back what was changed; nothing else runs any more."""
        for path, (data, mode) in self._kept.items():
            with contextlib.suppress(OSError):
                if self._read(path) == (data, mode):
                    continue
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISDIR(path.lstat().st_mode):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
                with os.fdopen(fd, "wb") as file:
                    file.write(data)

    @staticmethod
    def _read(path: Path) -> tuple[bytes, int]:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            return file.read(65537), stat.S_IMODE(os.fstat(fd).st_mode)


def limit(limits: dict[str, Any]) -> None:
    """Lower what the kernel counts per process and, for users, per user."""
    launcher.limit(resource.RLIMIT_CORE, 0)
    launcher.limit(resource.RLIMIT_NOFILE, 1024)
    if limits["memory_bytes"] is not None:
        launcher.limit(resource.RLIMIT_AS, limits["memory_bytes"])
    if limits["file_bytes"] is not None:
        launcher.limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    if limits["cpu_s"] is not None:
        launcher.limit(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 1)
    if limits["processes"] is not None and os.getuid() != 0:  # the kernel does not count root's
        launcher.limit(resource.RLIMIT_NPROC, threads_of_the_user() + 2 * limits["processes"])


def threads_of_the_user() -> int:
    """How many threads the user has already: they count against the same limit."""
    count, user = 0, os.getuid()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if process.stat().st_uid == user:
                    count += sum(1 for _ in (process / "task").iterdir())
    return count


def confine(job: dict[str, Any]) -> None:
    """Give up everything the command must not have; in the child."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    if not launcher.end_with_parent(job["launcher"], signal.SIGKILL):
        os._exit(143)
    for fd in (job["status"], job["source"]):
        os.close(fd)
    os.chdir(job["cwd"])
    limit(job["limits"])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    confinement.drop_privileges(os.uname().machine)
    rules = [(path, allowed) for path, allowed in job["rules"]]
    confinement.restrict_files([*rules, ("/proc/self", confinement.READ)], job["abi"])
    confinement.filter_calls(base64.b64decode(job["filter"]))


def become(job: dict[str, Any], failed: int) -> NoReturn:
    """The command, confined; in the child."""
    try:
        confine(job)
    except BaseException as error:
        os.write(failed, (str(error) or repr(error)).encode("utf-8", "replace")[:4000])
        os._exit(125)
    name, code, problem = job["argv"][0], 126, ""
    try:
        os.execvpe(name, job["argv"], job["env"])
    except FileNotFoundError:
        code, problem = 127, "command not found"
    except BaseException as error:
        problem = str(error)
    os.write(2, f"{name}: {problem}\n".encode("utf-8", "surrogateescape"))
    os._exit(code)


def main() -> None:
    """Set up, start, wait, sweep, put back, report."""
    source = int(sys.argv[-1])
    with open(source, encoding="utf-8", closefd=False) as file:
        job = json.load(file)
    job["source"] = source
    pointers = Pointers(job["pointers"])

    def clean() -> None:
        launcher.sweep()
        pointers.restore()
        shutil.rmtree(job["temporary"], ignore_errors=True)

    def give_up(number: int, frame: object) -> None:
        clean()
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, give_up)
    launcher.adopt_orphans()
    if not launcher.end_with_parent(job["parent"]):
        clean()
        os._exit(143)
    job["launcher"] = os.getpid()
    why, failed = os.pipe()
    child = os.fork()
    if child == 0:
        become(job, failed)
    os.close(failed)
    status = 0
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            break
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    clean()
    reason = os.read(why, 4096).decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(status)
    report = {"error": reason} if reason else {"exit-code": code if code >= 0 else 128 - code}
    os.write(job["status"], json.dumps(report).encode())

"""The sandbox ``reduced`` (tier reduced): Landlock, a filter of system calls, limits. No package, no namespaces, no rights are needed.

For machines on which users may not make namespaces. A command can read the system and the folders named, write the writable ones and a temporary
folder of its own, and make no socket. It shares the list of processes, the clock and the memory of the machine with everybody: it can neither signal
nor change another process, but nothing stops it from learning that a file exists. What every tier refuses is on the documentation's page about sandboxes.

It fails closed: nothing runs before :meth:`Reduced.probe` has seen every act of its tier refused, and a launch that could not be confined
is an error, never a result. It is never used unless the user's own configuration names it.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
import platform
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import Completed, Limits

from .process import KILLED, Ended, check_arguments, in_memory, read_all, run_tree
from .seccomp import ARCHITECTURES, shared_filter_program

__all__ = ["Reduced"]

#: In a bare interpreter that knows no installed package but this one.
_LAUNCHER = "import sys; sys.path.append(sys.argv[1]); from agent_dispatcher_builtins.sandboxes._confined_launcher import main; main()"
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_OLDEST_ABI, _SIGNALS_SINCE = 4, 6
_REMEDY = 'use bubblewrap (sandbox = "auto"), or run unprotected with --unsafe-no-sandbox'
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_SYSTEM_FILES = (
    *(
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/alternatives",
        "/etc/localtime",
        "/etc/timezone",
    ),
    *("/etc/mime.types", "/proc/cpuinfo", "/proc/filesystems", "/proc/meminfo", "/proc/stat", "/proc/version"),
)
_DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")
_MAX_POINTER_BYTES = 65536


class Reduced:
    """Runs commands confined by the kernel alone. See the module's page for what is promised.

    Args:
        abi: the version of Landlock to use at most; for tests of older kernels.
    """

    tier = "reduced"

    def __init__(self, abi: int | None = None) -> None:
        self._at_most = abi
        self._proved = False
        self._proving = asyncio.Lock()

    async def probe(self) -> None:
        """Try what must not work; :class:`agent_dispatcher.errors.SandboxUnavailable` naming all that did, or what this kernel lacks."""
        from agent_dispatcher.forbidden_acts import unkept

        async with self._proving:
            worked = await unkept(self._launch, self.tier)
            if worked:
                raise SandboxUnavailable(
                    f"the sandbox 'reduced' does not hold on this machine: {'; '.join(worked)} (nothing was run; {_REMEDY})"
                )
            self._proved = True

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        """As :meth:`agent_dispatcher.extension.Sandbox.run`, with two differences.

        No ``sockets`` can be given: that is refused. The temporary folder is not ``/tmp`` but the command's own, named by
        ``TMPDIR`` and ``HOME``; a variable of ``env`` that names ``/tmp`` or something below it names that folder instead.
        """
        if not self._proved:
            await self.probe()
        return await self._launch(
            argv, cwd=cwd, writable=writable, read_only=read_only, env=env, sockets=sockets, limits=limits
        )

    async def _launch(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        limits = limits or Limits()
        abi = self._abi()
        machine = platform.machine()
        if machine not in ARCHITECTURES:
            raise SandboxUnavailable(f"there is no filter of system calls for {machine}: {_REMEDY}")
        if sockets:
            raise SandboxUnavailable(
                f"the sandbox 'reduced' cannot let a command use {sockets[0]} and no other socket: use bubblewrap"
            )
        _refuse_overlap(cwd, writable, read_only)
        pointers = [str(path) for path in _pointers(writable)]
        with ExitStack() as stack:
            temporary = Path(tempfile.mkdtemp(prefix="agent-dispatcher-")).resolve()
            stack.callback(shutil.rmtree, temporary, ignore_errors=True)
            named = (cwd, *writable, *read_only)
            variables = {
                "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                "HOME": str(temporary),
                "TMPDIR": str(temporary),
                "LANG": "C.UTF-8",
                **{name: _elsewhere(value, temporary, named) for name, value in (env or {}).items()},
            }
            check_arguments(argv, variables)
            read_end, write_end = os.pipe2(os.O_CLOEXEC)
            stack.callback(os.close, read_end)
            job = {
                "parent": os.getpid(),
                "argv": list(argv),
                "env": variables,
                "cwd": str(cwd),
                "limits": {
                    name: getattr(limits, name) for name in ("memory_bytes", "file_bytes", "cpu_s", "processes")
                },
                "rules": list(_rules((cwd, *read_only), (*writable, temporary))),
                "abi": abi,
                "filter": base64.b64encode(
                    shared_filter_program(machine, signals_are_scoped=abi >= _SIGNALS_SINCE)
                ).decode(),
                "pointers": pointers,
                "temporary": str(temporary),
                "status": write_end,
            }
            source = stack.enter_context(in_memory("job", json.dumps(job).encode()))
            try:
                ended = await run_tree(
                    [sys.executable, "-I", "-S", "-B", "-c", _LAUNCHER, str(_SOURCE_ROOT), str(source)],
                    limits=limits,
                    kill=_terminate,
                    env={"LANG": "C.UTF-8"},
                    pass_fds=(source, write_end),
                    writable=(*writable, temporary),
                )
            finally:
                os.close(write_end)
            status = read_all(read_end)
        return _completed(ended, status, limits)

    def _abi(self) -> int:
        """The version of Landlock to use.

        Raises:
            SandboxUnavailable: this system has none, or too old a one.
        """
        if sys.platform != "linux":
            raise SandboxUnavailable(f"the sandbox 'reduced' needs Linux, this is {sys.platform}: {_REMEDY}")
        from . import _confinement

        release = platform.release()
        try:
            abi = _confinement.landlock_abi()
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                why = "Landlock is not switched on: add landlock to the kernel's lsm= parameter"
            else:
                why = f"this kernel ({release}) has no Landlock; Linux 6.7 or newer has what is needed"
            raise SandboxUnavailable(f"{why}, or {_REMEDY}") from error
        abi = abi if self._at_most is None else min(abi, self._at_most)
        if abi < _OLDEST_ABI:
            raise SandboxUnavailable(
                f"Landlock of this kernel ({release}) is version {abi}, and {_OLDEST_ABI} is needed: upgrade to Linux 6.7 or newer, or {_REMEDY}"
            )
        return abi


def _terminate(process: asyncio.subprocess.Process) -> None:
    """The launcher kills everything below it, puts back what must be, and ends."""
    process.terminate()


def _rules(readable: Sequence[Path], writable: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """What may be done where. A folder that is named must be there; of the system only what is."""
    from ._confinement import READ, RUN, WRITE, WRITE_FILE

    for names, allowed in ((_SYSTEM, RUN), (_SYSTEM_FILES, READ), (_DEVICES, WRITE_FILE)):
        yield from ((name, allowed) for name in names if Path(name).exists())
    yield from ((str(path), RUN) for path in readable)
    yield from ((str(path), WRITE) for path in writable)


def _refuse_overlap(cwd: Path, writable: Sequence[Path], read_only: Sequence[Path]) -> None:
    """Landlock only ever adds rights on the way down."""
    for path in (cwd, *writable, *read_only):
        if not path.is_absolute():
            raise ValueError(f"{path} is not absolute")
    for inner in read_only:
        for outer in writable:
            if outer in inner.parents:
                raise SandboxUnavailable(
                    f"the sandbox 'reduced' cannot keep {inner} read-only inside of {outer}, which is writable: use bubblewrap"
                )


def _pointers(writable: Sequence[Path]) -> Iterator[Path]:
    """Files ``.git`` of worktrees, which are put back when the command has ended.

    Raises:
        SandboxUnavailable: a writable folder is a repository; nothing could keep that as it is.
    """
    for folder in writable:
        path = folder / ".git"
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_POINTER_BYTES:
            raise SandboxUnavailable(f"the sandbox 'reduced' cannot keep {path} from being changed: use bubblewrap")
        yield path


def _elsewhere(value: str, temporary: Path, named: Sequence[Path]) -> str:
    """A variable's value with the command's own folder for ``/tmp``."""
    if value != "/tmp" and not value.startswith("/tmp/"):
        return value
    path = Path(value)
    if any(path.is_relative_to(folder) for folder in named) or ":" in value:
        return value
    return str(temporary / path.relative_to("/tmp"))


def _completed(ended: Ended, status: bytes, limits: Limits) -> Completed:
    """The result.

    Raises:
        SandboxUnavailable: the command was not started, or not confined.
    """
    stderr = ended.stderr.decode("utf-8", "replace")
    try:
        report: Any = json.loads(status)
    except ValueError:
        report = {}
    code = report.get("exit-code") if isinstance(report, dict) else None
    limit_hit = ended.limit_hit
    if limit_hit is not None:
        code = KILLED
    elif not isinstance(code, int):
        said = report.get("error") if isinstance(report, dict) else None
        said = said or (stderr.strip().splitlines() or [f"the launcher ended with code {ended.code}"])[-1]
        raise SandboxUnavailable(f"the sandbox 'reduced' did not start the command ({said}): nothing was run")
    if limit_hit is None and limits.cpu_s is not None and code in (128 + signal.SIGXCPU, KILLED):
        limit_hit = "cpu_s"
    if limit_hit is None and limits.file_bytes is not None and code == 128 + signal.SIGXFSZ:
        limit_hit = "file_bytes"
    return Completed(
        code=code,
        stdout=ended.stdout.decode("utf-8", "replace"),
        stderr=stderr,
        limit_hit=limit_hit,
        duration_s=ended.duration_s,
    )

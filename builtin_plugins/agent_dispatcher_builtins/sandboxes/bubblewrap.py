"""The sandbox ``bubblewrap`` (tier isolated): Linux namespaces, a filter of system calls, limits.

Inside there is no network but loopback, no process but the command's own, no variable but those given, no file but the system's (read-only),
the folders named (under the names they have outside) and a small ``/tmp``. The command is nobody, has no capability and cannot
get one. When bubblewrap's process ends, all ends with it; when the dispatcher dies, bubblewrap dies.

It fails closed: nothing runs before :meth:`Bubblewrap.probe` has seen every forbidden act refused in this process, nothing runs if the command was
exchanged since, and a launch that did not reach the command is an error, never a result.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import signal
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import Completed, Limits

from .process import KILLED, check_arguments, in_memory, read_all, run_tree
from .seccomp import ARCHITECTURES, filter_program

__all__ = ["SYSTEM_FOLDERS", "Bubblewrap"]

#: Where the system keeps commands; never a user's PATH, never a workspace.
SYSTEM_FOLDERS = (Path("/usr/bin"), Path("/bin"), Path("/usr/local/bin"), Path("/run/current-system/sw/bin"))

_REMEDY = (
    "install it with 'apt install bubblewrap' (Debian, Ubuntu) or 'dnf install bubblewrap' (Fedora), "
    "or run unprotected with --unsafe-no-sandbox"
)
_USER_NAMESPACES = (
    "this system does not let users make namespaces: load bubblewrap's AppArmor profile or set "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), kernel.unprivileged_userns_clone=1 (older Debian), "
    "or run unprotected with --unsafe-no-sandbox"
)
_SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/mime.types",
    "/nix/store",
)
_PASSWD = b"root:x:0:0:root:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/usr/sbin/nologin\n"
_GROUP = b"root:x:0:\nnogroup:x:65534:\n"
_HOSTS = b"127.0.0.1 localhost\n::1 localhost\n"
_NOBODY = "65534"
#: The command begins when we answer. If the dispatcher died while bubblewrap was setting up, nobody answers and nothing begins.
_WAIT_FOR_BEGIN = 'echo >&0 && read -r answer && exec "$@" </dev/null'
_TMP_BYTES = 256 * 1024**2
_SHM_BYTES = 64 * 1024**2

#: Code of a shell for a command that a signal ended -> the limit that sends it.
_CPU_CODES = (128 + signal.SIGXCPU, KILLED)
_FILE_CODE = 128 + signal.SIGXFSZ

#: What this process has seen refuse every forbidden act: the commands' identity -> whether this bubblewrap can forbid further user namespaces.
_proofs: dict[tuple[object, ...], bool] = {}


class Bubblewrap:
    """Runs commands in bubblewrap. See the module's page for what is promised.

    Args:
        folders: where ``bwrap`` and ``prlimit`` are looked for.
    """

    tier = "isolated"

    def __init__(self, folders: Sequence[Path] = SYSTEM_FOLDERS) -> None:
        self._folders = tuple(folders)
        self._proved: tuple[object, ...] | None = None
        self._locks_namespaces = False
        self._proving = asyncio.Lock()

    async def probe(self) -> None:
        """Try what must not work; :class:`agent_dispatcher.errors.SandboxUnavailable` naming all that did. What has proved itself in this process
        is not tried again until one of its commands is exchanged."""
        from agent_dispatcher.forbidden_acts import unkept

        async with self._proving:
            identity = self._identity()
            if identity in _proofs:
                self._locks_namespaces, self._proved = _proofs[identity], identity
                return
            self._locks_namespaces = await _version(self._command("bwrap")) >= (0, 8)
            worked = await unkept(self._launch, self.tier)
            if worked:
                raise SandboxUnavailable(
                    "bubblewrap does not isolate on this machine: "
                    + "; ".join(worked)
                    + " (nothing was run; --unsafe-no-sandbox runs unprotected)"
                )
            self._proved, _proofs[identity] = identity, self._locks_namespaces

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
        """As :meth:`agent_dispatcher.extension.Sandbox.run`. A folder's ``.git`` is read-only also in a writable folder."""
        if self._proved is None or self._proved != self._identity():
            await self.probe()
        return await self._launch(
            argv, cwd=cwd, writable=writable, read_only=read_only, env=env, sockets=sockets, limits=limits
        )

    def _identity(self) -> tuple[object, ...]:
        """What changes when one of the commands is exchanged."""
        return os.geteuid(), *(
            (str(command), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            for command in (self._command("bwrap"), self._command("prlimit"))
            for status in (command.stat(),)
        )

    def _command(self, name: str) -> Path:
        for folder in self._folders:
            command = folder / name
            try:
                status = command.stat()
            except OSError:
                continue
            if not stat.S_ISREG(status.st_mode) or not os.access(command, os.X_OK):
                continue
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise SandboxUnavailable(f"{command} can be written by others than its owner, so it is not trusted")
            return command
        where = ", ".join(map(str, self._folders))
        if name == "bwrap":
            raise SandboxUnavailable(f"bubblewrap (bwrap) is not in {where}: {_REMEDY}")
        raise SandboxUnavailable(
            f"{name} is not in {where}: install util-linux, or run unprotected with --unsafe-no-sandbox"
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
        variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/tmp",
            "TMPDIR": "/tmp",
            "LANG": "C.UTF-8",
            **(env or {}),
        }
        check_arguments(argv, variables)
        machine = platform.machine()
        if machine not in ARCHITECTURES:
            raise SandboxUnavailable(
                f"there is no filter of system calls for {machine}: run in a container, or unprotected with --unsafe-no-sandbox"
            )
        with ExitStack() as stack:
            read_end, write_end = os.pipe2(os.O_CLOEXEC)
            stack.callback(os.close, read_end)
            files = {
                name: stack.enter_context(in_memory(name, data))
                for name, data in (
                    ("seccomp", filter_program(machine)),
                    ("passwd", _PASSWD),
                    ("group", _GROUP),
                    ("hosts", _HOSTS),
                )
            }
            command = [
                str(self._command("bwrap")),
                *_isolation(locks_namespaces=self._locks_namespaces),
                *_system(),
                *("--ro-bind-data", str(files["passwd"]), "/etc/passwd"),
                *("--ro-bind-data", str(files["group"]), "/etc/group"),
                *("--ro-bind-data", str(files["hosts"]), "/etc/hosts"),
                *_binds(cwd, writable, read_only, sockets),
                *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(cwd)),
                *("--seccomp", str(files["seccomp"]), "--json-status-fd", str(write_end)),
                *(part for name, value in variables.items() for part in ("--setenv", name, value)),
                *("--", "/bin/sh", "-c", _WAIT_FOR_BEGIN, "sh"),
                *(str(self._command("prlimit")), *_limit_options(limits), "--", *argv),
            ]
            try:
                ended = await run_tree(
                    command,
                    limits=limits,
                    kill=_kill,
                    gated=True,
                    env={"LANG": "C.UTF-8"},
                    pass_fds=(*files.values(), write_end),
                    writable=writable,
                )
            except FileNotFoundError as error:
                raise SandboxUnavailable(f"bubblewrap has gone from {error.filename}: {_REMEDY}") from error
            except PermissionError as error:
                raise SandboxUnavailable(f"bubblewrap cannot be started: {error}") from error
            finally:
                os.close(write_end)
            status = read_all(read_end)
        stderr = ended.stderr.decode("utf-8", "replace")
        code = _exit_code(status)
        if code is None and ended.limit_hit is None:
            raise _did_not_start(ended.code, stderr)
        if ended.limit_hit is not None:
            code = KILLED
        assert code is not None
        return Completed(
            code=code,
            stdout=ended.stdout.decode("utf-8", "replace"),
            stderr=stderr,
            limit_hit=ended.limit_hit or _limit_of_code(code, limits),
            duration_s=ended.duration_s,
        )


def _kill(process: asyncio.subprocess.Process) -> None:
    """End bubblewrap and all below it, at any moment.

    Its child is the first process of the inner process namespace, and all inside end with it. Killing bubblewrap alone is enough only
    when that child has already asked to die with its parent, so the child is killed first, while bubblewrap is stopped and cannot make another.
    """
    if process.returncode is not None:
        return
    os.kill(process.pid, signal.SIGSTOP)
    with suppress(OSError):
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    process.kill()


async def _version(command: Path) -> tuple[int, ...]:
    """Of bubblewrap; empty when it does not say."""
    limits = Limits(timeout_s=10.0)
    try:
        ended = await run_tree([str(command), "--version"], limits=limits, kill=_kill, env={"LANG": "C.UTF-8"})
    except OSError as error:
        raise SandboxUnavailable(f"bubblewrap cannot be started: {error}") from error
    numbers = re.search(rb"(\d+(?:\.\d+)+)", ended.stdout)
    return tuple(int(part) for part in numbers[1].split(b".")) if numbers else ()


def _isolation(*, locks_namespaces: bool) -> Iterator[str]:
    """Options that shut a command in.

    Args:
        locks_namespaces: this bubblewrap can forbid further user namespaces (0.8); the filter of system calls does so, too.
    """
    yield from (
        "--unshare-user",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    )
    if locks_namespaces:
        yield "--disable-userns"
    yield from ("--cap-drop", "ALL", "--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "sandbox")


def _system() -> Iterator[str]:
    """The system's programs and libraries, and nothing that belongs to a person."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for file in _SYSTEM_FILES:
        yield from ("--ro-bind-try", file, file)
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from ("--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm")
    yield from ("--size", str(_TMP_BYTES), "--perms", "1777", "--tmpfs", "/tmp")


def _binds(cwd: Path, writable: Sequence[Path], read_only: Sequence[Path], sockets: Sequence[Path]) -> Iterator[str]:
    """Outer folders before inner ones; of the same folder, the writable name last, and a ``.git`` in it read-only again."""
    covered = [path for path in (*writable, *read_only) if path == cwd or path in cwd.parents]
    plain = [*read_only, *sockets] if covered else [*read_only, *sockets, cwd]
    binds = [(path, False) for path in plain] + [(path, True) for path in writable]
    for path, can_write in sorted(binds, key=lambda bind: (len(bind[0].parts), str(bind[0]), bind[1])):
        if not path.is_absolute():
            raise ValueError(f"{path} is not absolute")
        yield from ("--bind" if can_write else "--ro-bind", str(path), str(path))
    for path in writable:
        git = path / ".git"
        if git.exists() or git.is_symlink():
            yield from ("--ro-bind", str(git), str(git))


def _limit_options(limits: Limits) -> Iterator[str]:
    yield "--core=0"
    yield "--nofile=1024"
    if limits.memory_bytes is not None:
        yield f"--as={limits.memory_bytes}"
    if limits.file_bytes is not None:
        yield f"--fsize={limits.file_bytes}"
    if limits.cpu_s is not None:
        yield f"--cpu={limits.cpu_s}:{limits.cpu_s + 1}"
    if limits.processes is not None and _counts_per_namespace():
        yield f"--nproc={limits.processes}"


def _counts_per_namespace() -> bool:
    """Whether this kernel counts processes per user namespace; before 5.14 it counts all the user has."""
    try:
        major, minor = (int(part) for part in platform.release().split(".")[:2])
    except ValueError:
        return False
    return (major, minor) >= (5, 14)


def _limit_of_code(code: int, limits: Limits) -> str | None:
    if limits.cpu_s is not None and code in _CPU_CODES:
        return "cpu_s"
    if limits.file_bytes is not None and code == _FILE_CODE:
        return "file_bytes"
    return None


def _exit_code(status: bytes) -> int | None:
    """The command's own code; ``None`` when bubblewrap did not get as far as starting it."""
    code: int | None = None
    for line in status.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("exit-code"), int):
            code = entry["exit-code"]
    return code


def _did_not_start(code: int, stderr: str) -> SandboxUnavailable:
    said = stderr.strip().splitlines()[-1] if stderr.strip() else f"it ended with code {code} and said nothing"
    lowered = said.lower()
    if (
        "uid map" in lowered
        or "user namespace" in lowered
        or "no permissions to create" in lowered
        or "clone" in lowered
    ):
        return SandboxUnavailable(f"bubblewrap cannot start ({said}): {_USER_NAMESPACES}")
    return SandboxUnavailable(f"bubblewrap did not start the command ({said}): nothing was run")

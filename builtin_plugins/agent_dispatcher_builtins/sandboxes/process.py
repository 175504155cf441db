"""Running one process tree within limits: what both sandboxes share.

Output is read in chunks and kept up to a cap, so that a flood costs nothing but time. Whatever ends the wait (the end of the command, a limit,
a cancellation) the tree is gone when :func:`run_tree` returns; how a tree is killed is the caller's business, since it depends on what holds it together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from agent_dispatcher.extension import Limits

__all__ = ["KILLED", "Ended", "check_arguments", "in_memory", "read_all", "run_tree"]

_LOOK_S = 0.1
_LOOK_AT_DISK_EVERY = 5
#: Seconds after the kill until the pipes are given up; a tree that is gone closes them at once.
_GRACE_S = 3.0
#: As a shell reports a command that ended by SIGKILL.
KILLED = 137


@frozen(kw_only=True)
class Ended:
    """How the outermost process ended: ``code`` is negative for a signal; ``limit_hit`` names the field of ``Limits`` that we enforced."""

    code: int
    stdout: bytes
    stderr: bytes
    limit_hit: str | None
    duration_s: float


def check_arguments(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Refuse what the kernel would cut short or misread.

    Raises:
        ValueError: for an empty command, a NUL, or a name that cannot be a variable's.
    """
    if not argv:
        raise ValueError("the command is empty")
    for text in (*argv, *env, *env.values()):
        if "\0" in text:
            raise ValueError(f"a NUL in {text!r}")
    for name in env:
        if not name or "=" in name:
            raise ValueError(f"{name!r} cannot be the name of a variable")


async def run_tree(
    argv: Sequence[str],
    *,
    limits: Limits,
    kill: Callable[[asyncio.subprocess.Process], None],
    env: Mapping[str, str],
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    writable: Sequence[Path] = (),
    gated: bool = False,
) -> Ended:
    """Run ``argv`` until it ends or a limit ends it.

    Args:
        argv: the outermost command.
        limits: ``timeout_s``, ``output_bytes``, ``processes`` and ``disk_bytes`` are enforced here, the others by the command itself.
        kill: ends the whole tree of the given process; must be safe to call twice.
        env: all variables of the process.
        cwd: where it starts.
        pass_fds: descriptors it inherits.
        writable: folders whose growth counts.
        gated: the command asks on its standard input whether it may begin: it writes a byte and waits for a line. It gets none when we are
            gone by then, so that nothing begins that nobody would end.

    Raises:
        OSError: the command could not be started.
        asyncio.CancelledError: after the tree was killed.
    """
    began = time.monotonic()
    ours, theirs = socket.socketpair() if gated else (None, None)
    try:
        process = await _started(
            asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL if theirs is None else theirs.fileno(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                pass_fds=pass_fds,
            ),
            kill,
        )
    except BaseException:
        if ours is not None:
            ours.close()
        raise
    finally:
        if theirs is not None:
            theirs.close()
    assert process.stdout is not None and process.stderr is not None
    out, err = bytearray(), bytearray()
    readers = asyncio.gather(
        _drain(process.stdout, out, limits.output_bytes), _drain(process.stderr, err, limits.output_bytes)
    )
    watcher = asyncio.ensure_future(_watch(process.pid, limits, writable))
    ended = asyncio.ensure_future(process.wait())
    gate = asyncio.ensure_future(_let_begin(ours)) if ours is not None else None
    limit_hit: str | None = None
    try:
        await asyncio.wait({ended, watcher}, timeout=limits.timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            limit_hit = watcher.result() if watcher.done() else "timeout_s"
    finally:
        watcher.cancel()
        if gate is not None and ours is not None:
            gate.cancel()
            ours.close()
        with contextlib.suppress(ProcessLookupError):
            kill(process)
        await _settle(process, ended, readers)
    return Ended(
        code=ended.result(),
        stdout=bytes(out),
        stderr=bytes(err),
        limit_hit=limit_hit,
        duration_s=time.monotonic() - began,
    )


async def _let_begin(ours: socket.socket) -> None:
    """Answer the command when it asks."""
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        if await loop.sock_recv(ours, 1):
            await loop.sock_sendall(ours, b"begin\n")


async def _started(
    starting: Coroutine[Any, Any, asyncio.subprocess.Process], kill: Callable[[asyncio.subprocess.Process], None]
) -> asyncio.subprocess.Process:
    """The started process; a cancellation that comes while it is being started waits until it can be killed."""
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None:
            process = task.result()
            with contextlib.suppress(ProcessLookupError):
                kill(process)
            await asyncio.wait({asyncio.ensure_future(process.communicate())}, timeout=_GRACE_S)
        raise


async def _settle(
    process: asyncio.subprocess.Process, ended: asyncio.Future[int], readers: asyncio.Future[tuple[None, None]]
) -> None:
    """Wait until the process is reaped and its pipes are closed, even while we are being cancelled."""
    everything = asyncio.gather(asyncio.shield(ended), asyncio.wait_for(readers, _GRACE_S), return_exceptions=True)
    cancelled = False
    while not everything.done():
        try:
            await asyncio.shield(everything)
        except asyncio.CancelledError:
            cancelled = True
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
    if cancelled:
        raise asyncio.CancelledError


async def _drain(stream: asyncio.StreamReader, kept: bytearray, cap: int) -> None:
    while chunk := await stream.read(65536):
        room = cap - len(kept)
        if room > 0:
            kept += chunk[:room]


async def _watch(pid: int, limits: Limits, writable: Sequence[Path]) -> str:
    """Returns the name of the limit that was passed; runs for ever while none is."""
    at_start: int | None = None
    looks = 0
    while True:
        await asyncio.sleep(_LOOK_S)
        if limits.processes is not None and _tree_size(pid, limits.processes) > limits.processes:
            return "processes"
        if limits.disk_bytes is not None and writable and looks % _LOOK_AT_DISK_EVERY == 0:
            size = await asyncio.to_thread(_folder_bytes, writable)
            if at_start is None:
                at_start = size
            elif size - at_start > limits.disk_bytes:
                return "disk_bytes"
        looks += 1


def _tree_size(pid: int, enough: int) -> int:
    """Processes and threads below ``pid``, itself left out; stops counting above ``enough``."""
    count, waiting = 0, [pid]
    while waiting and count <= enough:
        current = waiting.pop()
        try:
            threads = list(Path(f"/proc/{current}/task").iterdir())
        except OSError:
            continue
        if current != pid:
            count += len(threads)
        for thread in threads:
            with contextlib.suppress(OSError):
                waiting.extend(map(int, (thread / "children").read_bytes().split()))
    return count


def _folder_bytes(folders: Sequence[Path]) -> int:
    total, waiting = 0, [os.fspath(folder) for folder in folders]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


@contextlib.contextmanager
def in_memory(name: str, data: bytes) -> Iterator[int]:
    """A descriptor of a file that has no name on any disk, to be read from its begin."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        os.write(fd, data)
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def read_all(fd: int) -> bytes:
    """What a pipe holds, whose other end is closed."""
    parts = []
    while part := os.read(fd, 65536):
        parts.append(part)
    return b"".join(parts)

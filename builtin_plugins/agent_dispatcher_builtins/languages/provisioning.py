"""What all languages do to have packages at hand: the user's leave, an installer that ends, and folders that are made once.

Nothing here runs in a sandbox, so nothing here may run what belongs to the work or to a package.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakKeyDictionary

from agent_dispatcher.errors import Unavailable

__all__ = ["install", "made_once", "not_allowed"]

_MAX_SAID = 1000
_MAKING = ".making-"
_making: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Path, asyncio.Lock]] = WeakKeyDictionary()


def not_allowed(asked: Mapping[str, Sequence[str]], language: str) -> Unavailable:
    """The refusal of packages that the user has not allowed.

    Args:
        asked: file (with a line, if that is known) -> the packages it asks for.
        language: whose options allow them.
    """
    names = sorted({name for found in asked.values() for name in found})
    verb = "is" if len(names) == 1 else "are"
    first, *more = (f"{where} asks for {', '.join(sorted(found))}" for where, found in asked.items())
    files = " and ".join(dict.fromkeys(where.partition(":")[0] for where in asked))
    return Unavailable(
        f"{'; '.join([first, *more])}, which {verb} not allowed",
        f'allow what is trusted in your configuration: [options."language:{language}"] packages = {json.dumps(names)}, or take it out of {files}',
    )


async def made_once(place: Path, make: Callable[[Path], Awaitable[None]]) -> Path:
    """``place``, a folder that is there whole or not at all.

    Args:
        make: fills a new folder beside it, which then takes its name. Who asks meanwhile in this process waits; of two processes that make it
            at once the first one's stays. What processes that were killed left half made is removed first.
    """
    locks = _making.setdefault(asyncio.get_running_loop(), {})
    async with locks.setdefault(place, asyncio.Lock()):
        if place.is_dir():
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(place.parent)
        with _new_folder(place.parent) as made:
            await make(made)
            try:
                made.rename(place)
            except OSError:
                if not place.is_dir():
                    raise
    return place


@contextmanager
def _new_folder(parent: Path) -> Iterator[Path]:
    """A folder that is locked for as long as this process fills it, and gone afterwards unless it was renamed."""
    while True:
        made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=parent))
        try:
            held = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        with suppress(OSError):  # a file system without locks: nobody there can take it for left, either
            fcntl.flock(held, fcntl.LOCK_EX)
        if made.is_dir():
            break  # else somebody took it for left before it was locked
        os.close(held)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(held)


def _remove_left(parent: Path) -> None:
    """Half-made folders that no process has locked any more."""
    for left in parent.glob(f"{_MAKING}*"):
        with suppress(OSError):
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(held)


async def install(
    what: str, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float, remedy: str
) -> None:
    """Run an installer; it has ended when this returns or raises.

    Args:
        what: what it is called in messages.
        remedy: what helps when it fails.

    Raises:
        Unavailable: it failed, or took too long; with what it said.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        raise Unavailable(
            f"{what} did not end within {timeout_s:g} s", "look at the connection to the registry"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        told = " | ".join(sorted(lines, key=lambda line: not line.startswith("ERROR")))[:_MAX_SAID]
        raise Unavailable(f"{what} ended with code {process.returncode}: {told}", remedy)

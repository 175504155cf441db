"""What all languages do to have packages at hand: the user's leave, an installer that ends, and folders that are made once.

Nothing here runs in a sandbox, so nothing here may run what belongs to the work or to a package.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from agent_dispatcher.errors import Unavailable

__all__ = ["install", "made_once", "not_allowed"]

_MAX_SAID = 1000
_making: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Path, asyncio.Lock]] = WeakKeyDictionary()


def not_allowed(asked: Mapping[str, Sequence[str]]) -> Unavailable:
    """The refusal of packages that the user has not allowed.

    Args:
        asked: file (with a line, if that is known) -> the packages it asks for.
    """
    names = sorted({name for found in asked.values() for name in found})
    verb = "is" if len(names) == 1 else "are"
    first, *more = (f"{where} asks for {', '.join(sorted(found))}" for where, found in asked.items())
    files = " and ".join(dict.fromkeys(where.partition(":")[0] for where in asked))
    return Unavailable(
        f"{'; '.join([first, *more])}, which {verb} not allowed",
        f"allow what is trusted: packages = {json.dumps(names)} in the options of the language, or take it out of {files}",
    )


async def made_once(place: Path, make: Callable[[Path], Awaitable[None]]) -> Path:
    """``place``, a folder that is there whole or not at all.

    Args:
        make: fills a new folder beside it, which then takes its name. Who asks meanwhile in this process waits; of two processes that make it
            at once the first one's stays.
    """
    locks = _making.setdefault(asyncio.get_running_loop(), {})
    async with locks.setdefault(place, asyncio.Lock()):
        if place.is_dir():
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=place.parent))
        try:
            await make(made)
            try:
                made.rename(place)
            except OSError:
                if not place.is_dir():
                    raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return place


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
        told = " | ".join(line for line in said.decode("utf-8", "replace").splitlines() if line.strip())[:_MAX_SAID]
        raise Unavailable(f"{what} ended with code {process.returncode}: {told}", remedy)

"""The node on PATH, and which it is."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from agent_dispatcher.errors import Unavailable

__all__ = ["REMEDY", "node_program", "node_version"]

REMEDY = "install node 20.15 or newer (with npm) and have it on PATH"
#: Program and the time of its last change -> its version.
_known: dict[tuple[str, int], tuple[int, int]] = {}


def node_program() -> Path:
    """The node on PATH.

    Raises:
        Unavailable: there is none.
    """
    found = shutil.which("node")
    if found is None:
        raise Unavailable("node is not installed here", REMEDY)
    return Path(found)


async def node_version(node: Path) -> tuple[int, int]:
    """Its major and minor version; it is asked once.

    Raises:
        Unavailable: it does not say.
    """
    key = (str(node), node.stat().st_mtime_ns)
    if key not in _known:
        process = await asyncio.create_subprocess_exec(
            *(str(node), "--version"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await process.communicate()
        version = re.match(rb"v(\d+)\.(\d+)\.", said)
        if version is None:
            raise Unavailable(f"{node} does not say which version it is", REMEDY)
        _known[key] = int(version[1]), int(version[2])
    return _known[key]

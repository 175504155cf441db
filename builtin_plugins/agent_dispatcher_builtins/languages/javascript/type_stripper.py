"""What takes the types out of TypeScript where node does not: the very program that newer versions of node have inside, published by node's own project as a package.

It puts blanks in the place of types, so that every line and column stays where it was, and refuses what cannot be taken out (``enum``, parameter properties).
So the same work passes with an old node and with a new one. Version and digest stand here: nothing else is ever installed in its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from agent_dispatcher.errors import Unavailable

from .installing import installed
from .programs import node_version

__all__ = ["type_stripper"]

#: From this version on node does it by itself, and can be asked whether a text is well-formed.
_ABLE: Final = (22, 13)
_PACKAGE, _VERSION = "amaro", "1.2.1"
_INTEGRITY = "sha512-RXNB1/mbpbpwr4mVlQgYZVdY4CHl7rFExwov+XOTWfghpsM1s2sD/5u4oTQkKL4Pt0BGNIExSVjRcLMjcytIDQ=="
_MANIFEST: Final[dict[str, Any]] = {"name": "types", "version": "1.0.0", "dependencies": {_PACKAGE: _VERSION}}
_LOCK: Final[dict[str, Any]] = {
    "name": "types",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {"": _MANIFEST, f"node_modules/{_PACKAGE}": {"version": _VERSION, "integrity": _INTEGRITY}},
}


async def type_stripper(node: Path, cache: Path, timeout_s: float) -> Path | None:
    """The folder of the package, installed when it is wanted first; ``None`` where ``node`` needs none.

    Raises:
        Unavailable: it cannot be installed.
    """
    version = await node_version(node)
    if version >= _ABLE:
        return None
    try:
        return await installed(_MANIFEST, _LOCK, cache, timeout_s) / _PACKAGE
    except Unavailable as error:
        raise Unavailable(
            f"TypeScript needs the package {_PACKAGE} {_VERSION} with node {version[0]}.{version[1]}, and it cannot be installed: {error.reason}",
            f"install node {_ABLE[0]}.{_ABLE[1]} or newer, which needs none; or have npm reach a registry",
        ) from error

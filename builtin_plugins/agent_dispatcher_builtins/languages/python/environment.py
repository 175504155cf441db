"""What Python commands need inside the sandbox: an interpreter that has the tools for tests and what the tree declares, and nothing else of the dispatcher's.

Nothing is installed unless the user's configuration names it: a package that the tree asks for and the user has not allowed is refused by name. What is
allowed is installed outside of every attempt (:mod:`.installing`) and bound read-only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Environment
from agent_dispatcher.forbidden_acts import interpreter_folders

from ..provisioning import not_allowed
from .declared import asked_by, opened
from .installing import Order, installed, plain
from .interpreter import Tool, offered
from .options import PythonOptions

if TYPE_CHECKING:
    from .requirement_files import Asked

__all__ = ["environment"]


async def environment(tree: Path, options: PythonOptions, cache: Path, tools: Mapping[str, Tool]) -> Environment:
    """Folders and variables for commands that work on ``tree``.

    Raises:
        Unavailable: the tree asks for a package that is not allowed, or it cannot be installed; says what helps.
    """
    asked = asked_by(tree)
    tools = {**tools, **_taken(asked, options)}
    order = _order(asked, tree, options, tools) if asked else None
    resolved = ""
    if order is None:
        place = await plain(tools, cache)
    else:
        place, resolved = await installed(order, tools, cache, options.install_timeout_s)
    folders = interpreter_folders()
    extra = dict.fromkeys(tool.place for tool in tools.values() if not _covered(tool.place, folders))
    env = {
        "PATH": os.pathsep.join([str(place / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": str(tree / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
        "COVERAGE_FILE": "/tmp/coverage-data",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
    }
    if order is None:
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what a tree declares may be a plugin of pytest
    digest = hashlib.sha256(
        "\0".join([str(place), *map(str, folders), *map(str, extra), resolved]).encode()
    ).hexdigest()
    return Environment(read_only=(*folders, *extra, place), env=env, digest=f"sha256:{digest}")


def _covered(place: Path, folders: Sequence[Path]) -> bool:
    return place.is_relative_to("/usr") or any(place.is_relative_to(folder) for folder in folders)


def _order(asked: Sequence[Asked], tree: Path, options: PythonOptions, tools: Mapping[str, Tool]) -> Order | None:
    """What has to be installed; ``None`` when the tools are all that is asked for."""
    from packaging.utils import canonicalize_name

    from .locks import lock_of

    wanted = [one for one in asked if not one.constraint and not _is_there(one, tools)]
    allowed = {canonicalize_name(name) for name in options.packages}
    refused: dict[str, list[str]] = {}
    for one in wanted if "*" not in options.packages else ():
        if canonicalize_name(one.requirement.name) not in allowed:
            refused.setdefault(one.where, []).append(one.requirement.name)
    if refused:
        raise not_allowed(refused)
    if not wanted:
        return None
    lock = lock_of(opened(tree), asked)
    lock.refuse_stale(wanted)
    return Order(tuple(dict.fromkeys(map(_plain, wanted))), tuple(dict.fromkeys(_held(asked, tools))), lock)


def _taken(asked: Sequence[Asked], options: PythonOptions) -> dict[str, Tool]:
    """What is offered and declared, where the version fits and the user has not named it to be installed."""
    if not asked:
        return {}
    from packaging.utils import canonicalize_name

    found, named = offered(), {canonicalize_name(name) for name in options.packages}
    taken: dict[str, Tool] = {}
    for one in asked:
        tool = found.get(canonicalize_name(one.requirement.name))
        if tool is not None and not one.constraint and tool.name not in named:
            taken[tool.name] = tool
    return {
        name: tool
        for name, tool in taken.items()
        if all(
            one.requirement.specifier.contains(tool.version, prereleases=True)
            for one in asked
            if canonicalize_name(one.requirement.name) == name
        )
    }


def _is_there(asked: Asked, tools: Mapping[str, Tool]) -> bool:
    """Whether it is one of the tools.

    Raises:
        Unavailable: it is, and another version is asked for.
    """
    from packaging.utils import canonicalize_name

    wanted = asked.requirement
    tool = tools.get(canonicalize_name(wanted.name))
    if tool is None:
        return False
    if not asked.digests and not wanted.specifier.contains(tool.version, prereleases=True):
        raise Unavailable(
            f"{asked.where} asks for {wanted}, and tests are run by {tool.name} {tool.version}",
            f"ask for a range that has {tool.version}, or install another beside the dispatcher",
        )
    return not wanted.extras or not _needs_more(tool, wanted.extras)


def _needs_more(tool: Tool, extras: Iterable[str]) -> bool:
    from packaging.requirements import Requirement

    markers = [need.marker for need in map(Requirement, tool.requires) if need.marker is not None]
    return any(marker.evaluate({"extra": extra}) for marker in markers for extra in extras)


def _held(asked: Iterable[Asked], tools: Mapping[str, Tool]) -> list[str]:
    """Constraints; the tools' versions stand already."""
    from packaging.utils import canonicalize_name

    held = [one.requirement for one in asked if one.constraint and not one.digests]
    return [f"{each.name}{each.specifier}" for each in held if canonicalize_name(each.name) not in tools]


def _plain(asked: Asked) -> str:
    """For pip, without the condition, which holds here."""
    wanted = asked.requirement
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    return f"{wanted.name}{extras}{wanted.specifier}"

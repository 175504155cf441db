"""What Python commands need inside the sandbox: an interpreter that has the tools for tests and what the tree declares, and nothing else of the dispatcher's.

Nothing is installed unless the user's configuration names it: a package that the tree asks for and the user has not allowed is refused by name; tools of
development are passed over. What the user names is installed, also where the tree asks for it in a file that is not read, outside of every attempt
(:mod:`.installing`), and bound read-only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent_dispatcher.extension import Environment
from agent_dispatcher.forbidden_acts import interpreter_folders

from ..provisioning import not_allowed
from .declared import Declared, asked_by, opened
from .installing import Order, installed, plain
from .interpreter import Tool, offered
from .options import PythonOptions

if TYPE_CHECKING:
    from .requirement_files import Asked

__all__ = ["environment"]


async def environment(
    tree: Path, options: PythonOptions, cache: Path, tools: Mapping[str, Tool], note: Callable[[str], None]
) -> Environment:
    """Folders and variables for commands that work on ``tree``.

    Args:
        note: told what the tree asks for and does not get.

    Raises:
        Unavailable: the tree asks for a package that is not allowed, or it cannot be installed; says what helps.
    """
    declared = asked_by(tree)
    for text in declared.notes:
        note(text)
    tools = {**tools, **_taken(declared.asked, options)}
    order = _order(declared, tree, options, tools, note) if declared.asked or options.packages else None
    resolved = ""
    if order is None:
        place = await plain(tools, cache)
    else:
        place, resolved = await installed(order, tools, cache, options.install_timeout_s)
    folders = interpreter_folders()
    extra = dict.fromkeys(tool.place for tool in tools.values() if not _covered(tool.place, folders))
    beside = declared.itself and not (tree / "src").is_dir()
    env = {
        "PATH": os.pathsep.join([str(place / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": str(tree if beside else tree / "src"),
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
        "\0".join(
            [str(place), *map(str, folders), *map(str, extra), resolved, *(["beside"] if beside else [])]
        ).encode()
    ).hexdigest()
    return Environment(read_only=(*folders, *extra, place), env=env, digest=f"sha256:{digest}")


def _covered(place: Path, folders: Sequence[Path]) -> bool:
    return place.is_relative_to("/usr") or any(place.is_relative_to(folder) for folder in folders)


def _order(
    declared: Declared, tree: Path, options: PythonOptions, tools: Mapping[str, Tool], note: Callable[[str], None]
) -> Order | None:
    """What has to be installed; ``None`` when the tools are all that is asked for."""
    from packaging.utils import canonicalize_name

    from .locks import lock_of

    named = _named(options)
    allowed = {canonicalize_name(one.requirement.name) for one in named}
    wanted: list[Asked] = []
    refused: dict[str, set[str]] = {}
    spared: set[str] = set()
    for one in declared.asked:
        name = canonicalize_name(one.requirement.name)
        if one.constraint or _is_there(one, tools, note):
            continue
        if name in allowed or "*" in options.packages:
            wanted.append(one)
        elif one.optional:
            spared.add(name)
        else:
            refused.setdefault(one.where, set()).add(one.requirement.name)
    if refused:
        raise not_allowed({where: sorted(names) for where, names in refused.items()}, "python")
    if spared:
        note(f"for development only, and not named in packages: {', '.join(sorted(spared))}: not installed")
    asked = {canonicalize_name(one.requirement.name) for one in wanted}
    wanted += [one for one in named if not {canonicalize_name(one.requirement.name)} & {*asked, *tools}]
    if not wanted:
        return None
    lock = lock_of(opened(tree), declared.asked)
    for one in [one for one in wanted if one.optional and not lock.has(one)]:
        wanted.remove(one)
        note(f"{one.where} asks for {one.requirement}, which {lock.file} does not have: not installed")
    lock.refuse_stale(wanted)
    held = tuple(dict.fromkeys(_held(declared.asked, tools)))
    return Order(tuple(dict.fromkeys(_plain(one, tools) for one in wanted)), held, lock) if wanted else None


def _named(options: PythonOptions) -> list[Asked]:
    """What the user names, which is there also where the tree asks for it in a file that is not read.

    Raises:
        Unavailable: it is no name of a package.
    """
    if not options.packages:
        return []
    from .requirement_files import Asked, requirement

    where = "packages in the configuration"
    return [Asked(requirement(name, where), where, optional=True) for name in options.packages if name != "*"]


def _taken(asked: Sequence[Asked], options: PythonOptions) -> dict[str, Tool]:
    """What is offered and declared, where the version fits and the user has not named it to be installed."""
    if not asked:
        return {}
    from packaging.utils import canonicalize_name

    found, named = offered(), {canonicalize_name(one.requirement.name) for one in _named(options)}
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


def _is_there(asked: Asked, tools: Mapping[str, Tool], note: Callable[[str], None]) -> bool:
    """Whether it is one of the tools, which are there in the version they have, whichever is asked for."""
    from packaging.utils import canonicalize_name

    wanted = asked.requirement
    tool = tools.get(canonicalize_name(wanted.name))
    if tool is None:
        return False
    if not wanted.specifier.contains(tool.version, prereleases=True):
        note(f"{asked.where} asks for {wanted}, and tests are run by {tool.name} {tool.version}")
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


def _plain(asked: Asked, tools: Mapping[str, Tool]) -> str:
    """For pip, without the condition, which holds here, and without the version of a tool, which stands."""
    from packaging.utils import canonicalize_name

    wanted = asked.requirement
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    return f"{wanted.name}{extras}{'' if canonicalize_name(wanted.name) in tools else wanted.specifier}"

"""What Python commands need inside the sandbox: an interpreter that has the tools for tests and what the tree declares, and nothing else of the dispatcher's.

Nothing is installed unless the user's configuration names it: a package that the tree asks for and the user has not allowed is refused by name; tools of
development are passed over. What the user names is installed, also where the tree asks for it in a file that is not read, outside of every attempt
(:mod:`.installing`), and bound read-only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent_dispatcher.extension import Environment
from agent_dispatcher.forbidden_acts import interpreter_folders

from .declared import Declared, asked_by
from .installing import installed, plain
from .interpreter import Tool
from .options import PythonOptions
from .ordering import kept, named_by, offered_to, order_of, spared
from .own_project import made

__all__ = ["environment"]


async def environment(
    tree: Path, options: PythonOptions, cache: Path, tools: Mapping[str, Tool], note: Callable[[str], None]
) -> Environment:
    """Folders and variables for commands that work on ``tree``.

    Args:
        note: told what the tree asks for and does not get, but for what is for development only: that is only in ``about``.

    Raises:
        Unavailable: the tree asks for a package that is not allowed, or it cannot be installed; says what helps.
    """
    declared = asked_by(tree)
    for text in declared.notes:
        note(text)
    tools = {**kept(declared.asked, tree, options, tools), **offered_to(declared.asked, options)}
    _tell_missing(declared, options, tools, note)
    order = order_of(declared.asked, tree, options, tools, note) if declared.asked or options.packages else None
    resolved = ""
    if order is None:
        place = await plain(tools, cache)
    else:
        place, resolved = await installed(order, tools, cache, options.install_timeout_s)
    _tell_versions(declared, tools, resolved, note)
    folders = interpreter_folders()
    extra = dict.fromkeys(tool.place for tool in tools.values() if not _covered(tool.place, folders))
    beside = not (tree / "src").is_dir() and any(tree.glob("*"))
    own = () if declared.project is None else await made(declared.project, cache, place / "bin" / "python")
    about_own, commands = map(str, own) if own else ("", "")
    env = {
        "PATH": os.pathsep.join(filter(None, [str(place / "bin"), "/usr/local/bin", "/usr/bin", "/bin", commands])),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(tree if beside else tree / "src"), about_own])),
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
        "\0".join([str(place), *map(str, (*folders, *extra, *own)), resolved, *(["beside"] if beside else [])]).encode()
    ).hexdigest()
    about = [f"packages that are asked for in {', '.join(declared.taken)}"] if declared.taken else []
    if left_out := spared(declared.asked, options, tools):
        where = '[options."language:python"] packages'
        about.append(f"for development only, so not installed (what {where} names is): {', '.join(left_out)}")
    return Environment(
        read_only=(*folders, *extra, *own, place), env=env, digest=f"sha256:{digest}", about="; ".join(about)
    )


def _covered(place: Path, folders: Sequence[Path]) -> bool:
    return place.is_relative_to("/usr") or any(place.is_relative_to(folder) for folder in folders)


def _tell_versions(declared: Declared, tools: Mapping[str, Tool], resolved: str, note: Callable[[str], None]) -> None:
    """Says where tools are used in another version than is asked for, or than is there."""
    from packaging.utils import canonicalize_name

    used = {name: tool.version for name, tool in tools.items()}
    for name, version, _ in json.loads(resolved or "[]"):
        if used.get(name, version) != version:
            note(f"{name} {version} is used, which goes with what the tree asks for: {used[name]} does not")
            used[name] = version
    for one in declared.asked:
        version = used.get(canonicalize_name(one.requirement.name))
        if (
            version is not None
            and not one.constraint
            and not one.requirement.specifier.contains(version, prereleases=True)
        ):
            note(f"{one.where} asks for {one.requirement}, and tests are run by {one.requirement.name} {version}")


def _tell_missing(
    declared: Declared, options: PythonOptions, tools: Mapping[str, Tool], note: Callable[[str], None]
) -> None:
    """Says what the tests are configured for and nothing asks for: pytest itself will refuse what is said there, or pass over it."""
    from packaging.utils import canonicalize_name

    there = {*tools, *(canonicalize_name(one.requirement.name) for one in named_by(options))}
    for need in declared.missing:
        if need.package not in there:
            note(f"{need.where}: {need.why} is of {need.package}, which nothing asks for: name it in packages")

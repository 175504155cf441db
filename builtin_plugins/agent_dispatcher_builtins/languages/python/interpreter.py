"""The interpreter that runs a tree's tests: a virtual environment of its own, with the tools for tests and nothing else of the dispatcher's.

The tools stay where they are installed and are linked, module by module, so that what lies beside them there (the dispatcher's own packages) cannot be imported.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from attrs import field, frozen

from agent_dispatcher.errors import Unavailable

__all__ = [
    "RUNNING",
    "TOOLS_REMEDY",
    "Tool",
    "bare_interpreter",
    "describe_tools",
    "link_tools",
    "offered",
    "site_packages",
    "test_tools",
]

#: What tests may use without declaring it; what these need themselves comes with them.
_TOOLS = ("pytest", "coverage", "hypothesis", "packaging")
#: What tests are run by, of the tools and of what these need; the rest may be there in another version.
RUNNING = frozenset({"pytest", "pluggy", "iniconfig", "coverage", "hypothesis"})
#: What the dispatcher's own generated projects declare: there for a tree that declares it, without a registry and without asking.
_OFFERED = ("click",)
TOOLS_REMEDY = "pip install 'agent-dispatcher[python]'"
_NO_MODULES = (".dist-info", ".egg-info", ".pth", "__pycache__", "..")
#: For those who type ``pytest``: the one of this environment.
_PYTEST = '#!/bin/sh\nexec python -m pytest "$@"\n'


@frozen
class Tool:
    """A distribution that is installed beside the dispatcher and that tests may use.

    Attributes:
        name: normalized.
        version: as it is installed.
        place: the folder it is installed in.
        modules: names of its modules and packages there.
        about: its metadata, by which pip knows that it is there.
        requires: what it needs, as its metadata say it.
    """

    name: str
    version: str
    place: Path
    modules: tuple[str, ...]
    about: str = field(repr=False)
    requires: tuple[str, ...] = field(default=(), repr=False)


def test_tools() -> dict[str, Tool]:
    """The tools and what they need, by name; looked up, not imported.

    Raises:
        Unavailable: one is not installed; names all that are missing and what helps.
    """
    missing = [name for name in _TOOLS if _distribution(name) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} not installed in {sys.prefix}, which runs the tests", TOOLS_REMEDY)
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, Tool] = {}
    waiting = list(_TOOLS)
    while waiting:
        name = canonicalize_name(waiting.pop())
        distribution = None if name in found else _distribution(name)
        if distribution is None:
            continue
        tool = found[name] = _tool(name, distribution)
        needs = [Requirement(text) for text in tool.requires]
        waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return dict(sorted(found.items()))


def offered() -> dict[str, Tool]:
    """What a tree that declares it gets from beside the dispatcher, by name."""
    found = {name: _distribution(name) for name in _OFFERED}
    return {name: _tool(name, distribution) for name, distribution in found.items() if distribution is not None}


def bare_interpreter(place: Path, tools: Iterable[Tool]) -> None:
    """Make a virtual environment in which pip takes ``tools`` for installed, and in which nothing is yet."""
    import venv

    venv.EnvBuilder(symlinks=True, with_pip=False).create(place)
    describe_tools(place, tools)


def describe_tools(place: Path, tools: Iterable[Tool]) -> None:
    """Have pip, and whoever asks for versions, take ``tools`` for installed in the environment."""
    for tool in tools:
        about = site_packages(place) / f"{tool.name.replace('-', '_')}-{tool.version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(tool.about, encoding="utf-8")


def link_tools(place: Path, tools: Iterable[Tool]) -> None:
    """Have the tools' modules in the environment, after all else: nothing that is written there may go through a link.

    Raises:
        Unavailable: something that was installed there has a module of a tool's name.
    """
    folder = site_packages(place)
    for tool in tools:
        for module in tool.modules:
            try:
                (folder / module).symlink_to(tool.place / module)
            except FileExistsError:
                raise Unavailable(
                    f"a package brings {module}, which belongs to {tool.name}, by which tests are run",
                    "take that package out of what the tree asks for",
                ) from None
    command = place / "bin" / "pytest"
    command.unlink(missing_ok=True)
    command.write_text(_PYTEST, encoding="utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def site_packages(place: Path) -> Path:
    """Where packages are in an environment."""
    return place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _tool(name: str, distribution: metadata.Distribution) -> Tool:
    place = Path(str(distribution.locate_file("")))
    files = distribution.files or ()
    modules = {file.parts[0] for file in files if not file.parts[0].endswith(_NO_MODULES)}
    if not modules:  # a system's own package may come without a list of its files
        plain = name.replace("-", "_")
        modules = {path.name for pattern in (plain, f"{plain}.py", f"_{plain}*") for path in place.glob(pattern)}
    if not modules:
        raise Unavailable(f"{name} in {place} has no files that can be used from elsewhere", TOOLS_REMEDY)
    about = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    return Tool(name, distribution.version, place, tuple(sorted(modules)), about, tuple(distribution.requires or ()))

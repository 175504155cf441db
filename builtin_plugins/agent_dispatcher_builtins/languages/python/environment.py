"""What Python commands need inside the sandbox: the interpreter the dispatcher runs on, with what is installed there.

Environments of their own, built from a manifest, come later; until then a tree that needs something that is not installed here is refused by name.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.extension import Environment
from agent_dispatcher.forbidden_acts import interpreter_folders
from agent_dispatcher.workspace.path_guard import GuardedFolder

__all__ = ["environment"]

_TOOLS = ("pytest", "coverage", "hypothesis", "packaging")
_REMEDY = "pip install 'agent-dispatcher[python]'"
_MANIFEST = "pyproject.toml"
_MAX_MANIFEST_BYTES = 1024**2
#: Extras a test run needs beside the dependencies.
_TEST_EXTRAS = ("test", "tests")


def environment(tree: Path) -> Environment:
    """Folders and variables for commands that work on ``tree``.

    Raises:
        Unavailable: a tool, or a dependency that the tree declares, is not installed here; names it and what helps.
    """
    places = _tool_places()
    _refuse_missing(tree)
    folders = interpreter_folders()
    extra = [place for place in places if not _covered(place, folders)]
    digest = hashlib.sha256("\0".join([sys.version, *map(str, folders), *map(str, extra)]).encode()).hexdigest()
    return Environment(
        read_only=(*folders, *extra),
        env={
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            "PYTHONPATH": os.pathsep.join([str(tree / "src"), *map(str, extra)]),
            "AGENT_DISPATCHER_TOOLS": os.pathsep.join(map(str, extra)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONNOUSERSITE": "1",
            "PYTHONUTF8": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
            "COVERAGE_FILE": "/tmp/coverage-data",
            "HOME": "/tmp",
            "TMPDIR": "/tmp",
            "LANG": "C.UTF-8",
        },
        digest=f"sha256:{digest}",
    )


def _tool_places() -> list[Path]:
    """Folders the tools are installed in; looked up, not imported."""
    missing, places = [], []
    for tool in _TOOLS:
        try:
            place = Path(str(metadata.distribution(tool).locate_file("")))
        except metadata.PackageNotFoundError:
            missing.append(tool)
            continue
        if place not in places:
            places.append(place)
    if missing:
        raise Unavailable(f"{', '.join(missing)} not installed in {sys.prefix}, which runs the tests", _REMEDY)
    return places


def _covered(place: Path, folders: Sequence[Path]) -> bool:
    return place.is_relative_to("/usr") or any(place.is_relative_to(folder) for folder in folders)


def _refuse_missing(tree: Path) -> None:
    """Compare what the tree's manifest asks for with what is installed."""
    try:
        text = GuardedFolder(tree, max_bytes=_MAX_MANIFEST_BYTES).read_text(_MANIFEST)
    except FileNotFoundError:
        return
    except PathRefused as error:
        raise Unavailable(f"the dependencies cannot be read: {error}") from error
    try:
        project = tomllib.loads(text).get("project", {})
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unavailable(f"the dependencies cannot be read: {_MANIFEST}: {error}", f"mend {_MANIFEST}") from error
    wanted = list(_strings(project, "dependencies"))
    extras = project.get("optional-dependencies", {}) if isinstance(project, dict) else {}
    for extra in _TEST_EXTRAS:
        wanted += _strings(extras, extra)
    missing = [requirement for requirement in wanted if not _installed(requirement)]
    if missing:
        raise Unavailable(
            f"{_MANIFEST} asks for {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed in {sys.prefix}",
            f"install it there, or take it out of {_MANIFEST}",
        )


def _strings(table: object, key: str) -> list[str]:
    value = table.get(key, []) if isinstance(table, dict) else []
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _installed(text: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            return True
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False

"""What a tree asks for beyond the language itself, to run and to be tested: in ``pyproject.toml``, and in requirement files beside it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.workspace.path_guard import GuardedFolder

if TYPE_CHECKING:
    from .requirement_files import Asked

__all__ = ["EXTRAS", "MANIFEST", "asked_by", "declares", "opened", "table"]

MANIFEST = "pyproject.toml"
#: Extras and dependency groups that are provided beside the dependencies.
EXTRAS = ("test", "tests", "dev")
_REQUIREMENTS = re.compile(r"(requirements([-_.](test|tests|dev))?|(test|tests|dev)[-_.]requirements)\.txt")
_MAX_BYTES = 4 * 1024**2


def asked_by(tree: Path) -> tuple[Asked, ...]:
    """All that ``tree`` asks for on this machine, in the order it stands there; conditions that do not hold here are left out.

    Raises:
        Unavailable: it cannot be read, or asks for what no registry has; says the file and the line.
    """
    try:
        files = sorted(entry.name for entry in tree.iterdir() if _REQUIREMENTS.fullmatch(entry.name))
    except FileNotFoundError:
        return ()
    folder = opened(tree)
    manifest = _text(folder, MANIFEST)
    found = [*(_of_manifest(manifest) if manifest else ())]
    if files:
        from .requirement_files import requirements_of

        found += [asked for file in files for asked in requirements_of(folder, file)]
    return tuple(asked for asked in found if _applies(asked))


def declares(path: str) -> bool:
    """Whether a file may say what the tree asks for: the manifest, lock files, and texts that are named like requirements."""
    return path in (MANIFEST, "uv.lock", "pylock.toml") or ("requirements" in path and path.endswith(".txt"))


def opened(tree: Path) -> GuardedFolder:
    """The tree, for reading what it asks for."""
    return GuardedFolder(tree, max_bytes=_MAX_BYTES)


def table(values: object, *keys: str) -> dict[str, Any]:
    """The table below ``keys``; an empty one where there is something else."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def _text(folder: GuardedFolder, name: str) -> str:
    try:
        return folder.read_text(name)
    except FileNotFoundError:
        return ""
    except (PathRefused, ValueError) as error:
        raise Unavailable(f"the dependencies cannot be read: {error}", f"mend {name}") from error


def _of_manifest(text: str) -> Iterator[Asked]:
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unavailable(f"the dependencies cannot be read: {MANIFEST}: {error}", f"mend {MANIFEST}") from error
    project, groups = table(values, "project"), table(values, "dependency-groups")
    entries = [*_entries(project.get("dependencies"))]
    for name in EXTRAS:
        entries += _of_group(groups, name, ())
        entries += _entries(table(project, "optional-dependencies").get(name))
    if not entries:
        return
    from packaging.utils import canonicalize_name

    from .requirement_files import Asked, requirement

    own = project.get("name")
    extras, seen = table(project, "optional-dependencies"), set()
    sources = {canonicalize_name(name) for name in table(values, "tool", "uv", "sources")}
    while entries:
        entry = entries.pop(0)
        if entry in seen:
            continue
        seen.add(entry)
        where = _where(text, entry)
        wanted = requirement(entry, where)
        name = canonicalize_name(wanted.name)
        if isinstance(own, str) and name == canonicalize_name(own):  # an extra of its own, made of other extras
            entries += [each for extra in sorted(wanted.extras) for each in _entries(extras.get(extra))]
            continue
        if name in sources:
            raise Unavailable(
                f"{where}: {wanted.name} does not come from the registry: [tool.uv.sources] names another place",
                "name a version that the registry has",
            )
        yield Asked(wanted, where)


def _entries(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _of_group(groups: dict[str, Any], name: str, within: tuple[str, ...]) -> list[str]:
    """Entries of a dependency group, with those of the groups it includes."""
    if name in within:
        raise Unavailable(f"{MANIFEST}: the dependency group {name} includes itself", f"mend {MANIFEST}")
    found: list[str] = []
    value = groups.get(name)
    for entry in value if isinstance(value, list) else ():
        included = entry.get("include-group") if isinstance(entry, dict) else None
        if isinstance(entry, str):
            found.append(entry)
        elif isinstance(included, str):
            found += _of_group(groups, included, (*within, name))
    return found


def _where(text: str, entry: str) -> str:
    """The manifest, with the line an entry stands in."""
    quoted = (f'"{entry}"', f"'{entry}'")
    for number, line in enumerate(text.splitlines(), 1):
        if any(each in line for each in quoted):
            return f"{MANIFEST}:{number}"
    return MANIFEST


def _applies(asked: Asked) -> bool:
    marker = asked.requirement.marker
    return marker is None or marker.evaluate({"extra": ""})

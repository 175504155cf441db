"""What a tree asks for beyond the language itself, to run and to be tested: in ``pyproject.toml``, and in requirement files beside it.

What is for development only (the extra ``dev``, ``requirements-dev.txt``) is :attr:`~.requirement_files.Asked.optional`: mostly tools that no test imports.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.workspace.path_guard import GuardedFolder

if TYPE_CHECKING:
    from .requirement_files import Asked

__all__ = ["EXTRAS", "MANIFEST", "Declared", "asked_by", "declares", "opened", "table"]

MANIFEST = "pyproject.toml"
_DEVELOPMENT = "dev"
#: Extras and dependency groups that are provided beside the dependencies; the last one as far as the user allows it.
EXTRAS = ("test", "tests", "testing", _DEVELOPMENT)
_KINDS = "|".join(EXTRAS)
_REQUIREMENTS = re.compile(rf"(requirements([-_.](?P<kind>{_KINDS}))?|(?P<sort>{_KINDS})[-_.]requirements)\.txt")
_MAX_BYTES = 4 * 1024**2


@frozen
class Declared:
    """What a tree asks for on this machine.

    Attributes:
        asked: in the order it stands there; conditions that do not hold here are left out.
        notes: what was passed over, and why.
        itself: the tree asks to be installed, as with ``-e .``.
    """

    asked: tuple[Asked, ...] = ()
    notes: tuple[str, ...] = ()
    itself: bool = False


def asked_by(tree: Path) -> Declared:
    """All that ``tree`` asks for.

    Raises:
        Unavailable: it cannot be read, or asks for what no registry has; says the file and the line.
    """
    try:
        files = [found for entry in tree.iterdir() if (found := _REQUIREMENTS.fullmatch(entry.name))]
    except FileNotFoundError:
        return Declared()
    folder = opened(tree)
    manifest = _text(folder, MANIFEST)
    if not manifest and not files:
        return Declared()
    return _Reading(manifest).of(folder, {file[0]: file["kind"] or file["sort"] or "" for file in files})


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


class _Reading:
    """One reading of a tree's manifest and requirement files."""

    def __init__(self, manifest: str) -> None:
        from packaging.utils import canonicalize_name

        self._text, self._values = manifest, _parsed(manifest)
        project = table(self._values, "project")
        own = project.get("name")
        self._own = canonicalize_name(own) if isinstance(own, str) else ""
        self._dependencies = _entries(project.get("dependencies"))
        extras = table(project, "optional-dependencies")
        self._extras = {canonicalize_name(name): _entries(found) for name, found in extras.items()}
        self._sources = {canonicalize_name(name) for name in table(self._values, "tool", "uv", "sources")}
        self._notes: list[str] = []
        self._itself = False

    def of(self, folder: GuardedFolder, files: dict[str, str]) -> Declared:
        """Reads it.

        Args:
            files: requirement files -> what they are for, as extras are named.
        """
        found = [*self._manifest()]
        for file, kind in sorted(files.items()):
            found += self._file(folder, file, optional=kind == _DEVELOPMENT)
        return Declared(
            tuple(each for each in found if _applies(each)), tuple(dict.fromkeys(self._notes)), self._itself
        )

    def _manifest(self) -> Iterator[Asked]:
        yield from self._packages(self._dependencies, optional=False)
        groups = table(self._values, "dependency-groups")
        for name in EXTRAS:
            optional = name == _DEVELOPMENT
            yield from self._packages(_of_group(groups, name, ()), optional=optional, extras=[name])

    def _file(self, folder: GuardedFolder, file: str, *, optional: bool) -> Iterator[Asked]:
        from .requirement_files import requirements_of

        def itself(extras: Iterable[str]) -> Iterator[Asked]:
            self._itself = True
            return self._packages((), optional=optional, extras=extras)

        for asked in requirements_of(folder, file, itself, self._notes.append, optional=optional):
            if self._is_own(asked.requirement.name):
                yield from itself(asked.requirement.extras)
            else:
                yield asked

    def _packages(self, entries: Iterable[str], *, optional: bool, extras: Iterable[str] = ()) -> Iterator[Asked]:
        """What entries of the manifest ask for, and what extras do; an entry may be an extra of the project's own, made of others."""
        from packaging.utils import canonicalize_name

        from .requirement_files import Asked, requirement

        waiting, seen = [(entry, optional) for entry in entries], set()
        waiting += self._of_extras(extras, optional=optional)
        while waiting:
            entry, spare = waiting.pop(0)
            if entry in seen:
                continue
            seen.add(entry)
            where = _where(self._text, entry)
            try:
                wanted = requirement(entry, where)
                if canonicalize_name(wanted.name) in self._sources and not self._is_own(wanted.name):
                    raise Unavailable(
                        f"{where}: {wanted.name} does not come from the registry: [tool.uv.sources] names another place",
                        "name a version that the registry has",
                    )
            except Unavailable as error:
                if not spare:
                    raise
                self._notes.append(f"{error.reason}: passed over")
                continue
            if self._is_own(wanted.name):
                waiting += self._of_extras(sorted(wanted.extras), optional=spare)
            else:
                yield Asked(wanted, where, optional=spare)

    def _of_extras(self, names: Iterable[str], *, optional: bool) -> list[tuple[str, bool]]:
        from packaging.utils import canonicalize_name

        named = [canonicalize_name(name) for name in names]
        return [(entry, optional or name == _DEVELOPMENT) for name in named for entry in self._extras.get(name, ())]

    def _is_own(self, name: str) -> bool:
        from packaging.utils import canonicalize_name

        return canonicalize_name(name) == self._own


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unavailable(f"the dependencies cannot be read: {MANIFEST}: {error}", f"mend {MANIFEST}") from error


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

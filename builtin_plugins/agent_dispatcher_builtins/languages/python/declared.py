"""What a tree asks for beyond the language itself, to run and to be tested: in its manifests (:mod:`.manifests`), and in requirement files beside them.

What is for development only (the extra ``dev``, ``requirements-dev.txt``) is :attr:`~.requirement_files.Asked.optional`: mostly tools that no test imports.
What the configuration of its tests cannot do without is not, wherever it stands (:mod:`.plugins_needed`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .manifests.manifest import Entry, Manifest, merged
from .named_files import DEVELOPMENT, TESTS, requirement_files
from .own_project import OF_TESTS, Project, project_of
from .plugins_needed import Need, needs

if TYPE_CHECKING:
    from .requirement_files import Asked

__all__ = ["EXTRAS", "MANIFEST", "Declared", "asked_by", "declares", "opened"]

MANIFEST, _SETUP_CFG, _SETUP_PY, _PIPFILE = "pyproject.toml", "setup.cfg", "setup.py", "Pipfile"
_LOCKS = ("pylock.toml", "uv.lock", "poetry.lock", "Pipfile.lock")
#: Extras and dependency groups that are provided beside the dependencies; those for development as far as the user allows it.
EXTRAS = (*TESTS, *DEVELOPMENT)
_OWN_PLUGINS = "the project's own plugins of pytest are not loaded by themselves: name their modules in pytest_plugins of a conftest.py, or with -p"
_MAX_BYTES = 4 * 1024**2


@frozen
class Declared:
    """What a tree asks for on this machine.

    Attributes:
        asked: in the order it stands there; conditions that do not hold here are left out.
        notes: what was passed over, and why.
        itself: the tree asks to be installed, as with ``-e .``.
        taken: the files, extras and groups that were read and ask for something.
        missing: what the configuration of the tests needs and nothing asks for.
        project: the tree itself; ``None`` where it is none that could be installed.
    """

    asked: tuple[Asked, ...] = ()
    notes: tuple[str, ...] = ()
    itself: bool = False
    taken: tuple[str, ...] = ()
    missing: tuple[Need, ...] = ()
    project: Project | None = None


def asked_by(tree: Path) -> Declared:
    """All that ``tree`` asks for.

    Raises:
        Unavailable: it cannot be read, or asks for what no registry has; says the file and the line.
    """
    try:
        files = requirement_files(tree)
    except FileNotFoundError:
        return Declared()
    folder = opened(tree)
    return _Reading(folder, _manifest(folder), needs(folder)).of(files)


def declares(path: str) -> bool:
    """Whether a file may say what the tree asks for: manifests, lock files, and texts that are named like requirements."""
    return path in (MANIFEST, _SETUP_CFG, _SETUP_PY, _PIPFILE, *_LOCKS) or (
        "requirements" in path and path.endswith(".txt")
    )


def opened(tree: Path) -> GuardedFolder:
    """The tree, for reading what it asks for."""
    return GuardedFolder(tree, max_bytes=_MAX_BYTES)


def _text(folder: GuardedFolder, name: str) -> str:
    try:
        return folder.read_text(name)
    except FileNotFoundError:
        return ""
    except (PathRefused, ValueError) as error:
        raise Unavailable(f"the dependencies cannot be read: {error}", f"mend {name}") from error


def _manifest(folder: GuardedFolder) -> Manifest:
    """All manifests of the tree as one; what ``pyproject.toml`` settles, files of setuptools have no say in."""
    from .manifests.pipfile import pipfile
    from .manifests.pyproject import pyproject
    from .manifests.setup_files import setup_cfg, setup_py

    own, settled = pyproject(MANIFEST, _text(folder, MANIFEST))
    found = [own]
    for file, read in ((_SETUP_CFG, setup_cfg), (_SETUP_PY, setup_py)):
        if settled >= {"dependencies", "extras"}:
            continue
        try:
            text = _text(folder, file)
        except Unavailable as error:
            if file != _SETUP_PY:
                raise
            found.append(Manifest(notes=(error.reason,)))  # what a program says need not be known
            continue
        if text:
            said = read(file, text)
            said = evolve(said, dependencies=()) if "dependencies" in settled else said
            found.append(evolve(said, extras={}) if "extras" in settled else said)
    if text := _text(folder, _PIPFILE):
        found.append(pipfile(_PIPFILE, text))
    return merged(found)


class _Reading:
    """One reading of a tree's manifests and requirement files."""

    def __init__(self, folder: GuardedFolder, manifest: Manifest, needed: Iterable[Need]) -> None:
        from packaging.utils import canonicalize_name

        self._folder, self._manifest = folder, manifest
        self._own = canonicalize_name(manifest.name) if manifest.name else ""
        self._needed = {need.package: need for need in needed if need.package != self._own}
        self._notes: list[str] = list(manifest.notes)
        self._taken: list[str] = []
        self._itself = False

    def of(self, files: dict[str, bool]) -> Declared:
        """Reads it.

        Args:
            files: requirement files -> whether they are for development only.
        """
        found = [*self._packages(self._manifest.dependencies, optional=False)]
        self._taken += dict.fromkeys(each.where.partition(":")[0] for each in self._manifest.dependencies)
        for name in EXTRAS:
            optional = name in DEVELOPMENT
            for sort, sets in (("extra", self._manifest.extras), ("group", self._manifest.groups)):
                places = dict.fromkeys(each.where.partition(":")[0] for each in sets.get(name, ()))
                self._taken += [f"the {sort} {name} of {place}" for place in places]
            found += self._packages(self._manifest.groups.get(name, ()), optional=optional, extras=[name])
        for file, optional in files.items():
            self._taken.append(file)
            found += self._file(file, optional=optional)
        found = [each for each in found if _applies(each)]
        if self._manifest.entry_points.get(OF_TESTS):
            self._notes.append(_OWN_PLUGINS)
        return Declared(
            asked=tuple(self._with_needed(found)),
            notes=tuple(dict.fromkeys(self._notes)),
            itself=self._itself,
            taken=tuple(self._taken),
            missing=tuple(self._needed.values()),
            project=project_of(self._manifest),
        )

    def _with_needed(self, found: list[Asked]) -> Iterator[Asked]:
        """What the tests' configuration needs is asked for wherever it stands: then it is not for development only."""
        from packaging.utils import canonicalize_name

        names = {canonicalize_name(each.requirement.name) for each in found if not each.constraint}
        for each in found:
            needed = canonicalize_name(each.requirement.name) in self._needed and not each.constraint
            yield evolve(each, optional=False) if needed and each.optional else each
        sets = {**self._manifest.extras, **self._manifest.groups}
        waiting = [entry for name in sorted(sets) if name not in EXTRAS for entry in sets[name]]
        for each in self._packages([entry for entry in waiting if self._is_needed(entry, names)], optional=False):
            if _applies(each):
                names.add(canonicalize_name(each.requirement.name))
                yield each
        self._needed = {name: need for name, need in self._needed.items() if name not in names}

    def _is_needed(self, entry: Entry, names: Iterable[str]) -> bool:
        from packaging.requirements import InvalidRequirement, Requirement
        from packaging.utils import canonicalize_name

        try:
            name = canonicalize_name(Requirement(entry.text).name)
        except InvalidRequirement:
            return False
        return name in self._needed and name not in names

    def _file(self, file: str, *, optional: bool) -> Iterator[Asked]:
        from .requirement_files import requirements_of

        def itself(extras: Iterable[str]) -> Iterator[Asked]:
            self._itself = True
            return self._packages((), optional=optional, extras=extras)

        for asked in requirements_of(self._folder, file, itself, self._notes.append, optional=optional):
            if self._is_own(asked.requirement.name):
                yield from itself(asked.requirement.extras)
            else:
                yield asked

    def _packages(self, entries: Iterable[Entry], *, optional: bool, extras: Iterable[str] = ()) -> Iterator[Asked]:
        """What entries of the manifests ask for, and what extras do; an entry may be an extra of the project's own, made of others."""
        from .requirement_files import itself_in

        waiting, seen = [(entry, optional) for entry in entries], set()
        waiting += self._of_extras(extras, optional=optional)
        while waiting:
            entry, spare = waiting.pop(0)
            if entry in seen:
                continue
            seen.add(entry)
            self._notes += entry.notes
            if not entry.text:
                self._notes.append(f"{entry.where}: {entry.unsaid}")
            elif entry.text.startswith("-r "):
                yield from self._file(entry.text.removeprefix("-r "), optional=spare)
            elif (own := itself_in(entry.text)) is not None:
                self._itself = True
                waiting += self._of_extras(own, optional=spare)
            else:
                asked = self._asked(entry, optional=spare)
                if asked is not None and self._is_own(asked.requirement.name):
                    waiting += self._of_extras(sorted(asked.requirement.extras), optional=spare)
                elif asked is not None:
                    yield asked

    def _asked(self, entry: Entry, *, optional: bool) -> Asked | None:
        """What an entry asks for; ``None`` where it is passed over."""
        from packaging.utils import canonicalize_name

        from .requirement_files import Asked, requirement

        try:
            wanted = requirement(entry.text, entry.where)
            place = self._manifest.elsewhere.get(canonicalize_name(wanted.name))
            if place is not None and not self._is_own(wanted.name):
                raise Unavailable(
                    f"{entry.where}: {wanted.name} does not come from the registry: {place} names another place",
                    "name a version that the registry has",
                )
        except Unavailable as error:
            if not optional:
                raise
            self._notes.append(f"{error.reason}: passed over")
            return None
        return Asked(wanted, entry.where, optional=optional, unsaid=entry.unsaid)

    def _of_extras(self, names: Iterable[str], *, optional: bool) -> list[tuple[Entry, bool]]:
        from packaging.utils import canonicalize_name

        named = [canonicalize_name(name) for name in names]
        found = self._manifest.extras
        return [(entry, optional or name in DEVELOPMENT) for name in named for entry in found.get(name, ())]

    def _is_own(self, name: str) -> bool:
        from packaging.utils import canonicalize_name

        return canonicalize_name(name) == self._own


def _applies(asked: Asked) -> bool:
    from packaging.markers import InvalidMarker, UndefinedComparison, UndefinedEnvironmentName

    marker = asked.requirement.marker
    try:
        return marker is None or marker.evaluate({"extra": ""})
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName) as error:
        raise Unavailable(f"{asked.where}: the condition {marker} cannot be judged: {error}", "mend it") from error

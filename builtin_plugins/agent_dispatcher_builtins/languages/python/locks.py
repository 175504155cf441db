"""What a lock file says: of each package the one version, and the digests of its archives.

It is taken as a promise of what may be installed, never as a list of what to install: what allowed packages do not need is not installed because a lock
file has it, and an archive with another digest is not used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .declared import EXTRAS
from .manifests.manifest import table
from .requirement_files import Asked

__all__ = ["Lock", "Pin", "lock_of"]

#: Lock files in the order they are looked for, and what makes them anew.
_REMEDIES = {"pylock.toml": "pip lock, or uv export --format pylock.toml", "uv.lock": "uv lock"}


@frozen
class Pin:
    """The one version of a package, and the digests of its wheels (``sha256:...``); without a wheel it cannot be installed."""

    version: str
    digests: frozenset[str]


@frozen
class Lock:
    """What is held fast.

    Attributes:
        pins: by normalized name.
        file: the lock file, which has to have all that is needed; ``""`` where only lines of requirement files have digests.
    """

    pins: Mapping[str, Pin]
    file: str = ""

    @property
    def remedy(self) -> str:
        """What makes the lock file anew."""
        return _REMEDIES.get(self.file, "")

    def has(self, asked: Asked) -> bool:
        """Whether it is there in a version that is asked for; without a lock file anything is."""
        pin = self.pins.get(canonicalize_name(asked.requirement.name))
        fits = pin is not None and asked.requirement.specifier.contains(pin.version, prereleases=True)
        return not self.file or fits

    def refuse_stale(self, wanted: Iterable[Asked]) -> None:
        """Raises:
        Unavailable: something is asked for that the lock file does not have, or has in another version.
        """
        for asked in wanted if self.file else ():
            if not self.has(asked):
                pin = self.pins.get(canonicalize_name(asked.requirement.name))
                has = "does not have it" if pin is None else f"has {pin.version}"
                raise Unavailable(f"{asked.where} asks for {asked.requirement}, and {self.file} {has}", self.remedy)


def lock_of(folder: GuardedFolder, asked: Iterable[Asked]) -> Lock:
    """What the tree's lock file says, or else what lines with digests do.

    Raises:
        Unavailable: it cannot be read, or leads somewhere else than to a registry.
    """
    for file, read in (("pylock.toml", _pylock), ("uv.lock", _uv_lock)):
        try:
            values = tomllib.loads(folder.read_text(file))
            return Lock(_together(read(values), file), file)
        except FileNotFoundError:
            continue
        except (
            *(PathRefused, ValueError, KeyError, TypeError, AttributeError, RecursionError),
            *(InvalidMarker, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName),
        ) as error:
            raise Unavailable(
                f"the dependencies cannot be read: {file}: {type(error).__name__}: {error}", _REMEDIES[file]
            ) from error
    return Lock(_together(_of_lines(asked), "the requirement files"))


def _together(found: Iterable[tuple[str, Pin]], where: str) -> dict[str, Pin]:
    pins: dict[str, Pin] = {}
    for name, pin in found:
        if pins.setdefault(name, pin) != pin:
            raise Unavailable(f"{where}: {name} is there in several versions for this machine", f"mend {where}")
    return pins


def _of_lines(asked: Iterable[Asked]) -> Iterator[tuple[str, Pin]]:
    for one in asked:
        versions = [each.version for each in one.requirement.specifier if each.operator == "=="]
        if one.digests and len(versions) == 1 and "*" not in versions[0]:
            yield canonicalize_name(one.requirement.name), Pin(str(Version(versions[0])), one.digests)
        elif one.digests:
            raise Unavailable(f"{one.where}: {one.requirement.name} has digests and no version", "write name==version")


def _pylock(values: dict[str, Any]) -> Iterator[tuple[str, Pin]]:
    groups = frozenset(EXTRAS)
    for package in values.get("packages", []):
        marker = package.get("marker")
        if marker and not Marker(marker).evaluate({"extras": groups, "dependency_groups": groups}, context="lock_file"):
            continue
        if table(package, "directory").get("path") == ".":  # the project itself
            continue
        if any(key in package for key in ("vcs", "directory", "archive")):
            raise _stranger("pylock.toml", package["name"])
        wheels = [table(wheel, "hashes").get("sha256") for wheel in package.get("wheels", [])]
        digests = [f"sha256:{each}" if isinstance(each, str) else None for each in wheels]
        yield _pin("pylock.toml", package, digests)


def _uv_lock(values: dict[str, Any]) -> Iterator[tuple[str, Pin]]:
    for package in values.get("package", []):
        source, markers = package["source"], package.get("resolution-markers", [])
        if markers and not any(Marker(each).evaluate() for each in markers):
            continue
        if "." in (source.get("virtual"), source.get("editable")):  # the project itself
            continue
        if not isinstance(source.get("registry"), str) or "://" not in source["registry"]:
            raise _stranger("uv.lock", package["name"])
        yield _pin("uv.lock", package, [wheel.get("hash") for wheel in package.get("wheels", [])])


def _pin(file: str, package: dict[str, Any], digests: list[str | None]) -> tuple[str, Pin]:
    name = str(package["name"])
    if not all(isinstance(each, str) and each.startswith("sha256:") for each in digests):
        raise Unavailable(f"{file}: {name} has no digest (sha256)", f"make {file} again: {_REMEDIES[file]}")
    return canonicalize_name(name), Pin(str(Version(package["version"])), frozenset(each for each in digests if each))


def _stranger(file: str, name: object) -> Unavailable:
    return Unavailable(f"{file}: {name} does not come from a registry", "name a version that the registry has")

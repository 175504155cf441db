"""Lock files of pip, uv, Poetry and Pipenv: of each package that may be installed here, its version and the digests of its wheels."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from packaging.markers import Marker
from packaging.utils import canonicalize_name
from packaging.version import Version

from agent_dispatcher.errors import Unavailable

from .declared import EXTRAS
from .manifests.manifest import table
from .manifests.versions import Unsaid, condition
from .requirement_files import Asked

__all__ = ["FORMATS", "REMEDIES", "Pin"]

#: What makes each of them anew.
REMEDIES = {
    "pylock.toml": "pip lock, or uv export --format pylock.toml",
    "uv.lock": "uv lock",
    "poetry.lock": "poetry lock",
    "Pipfile.lock": "pipenv lock",
}


@frozen
class Pin:
    """The one version of a package, and the digests of its wheels (``sha256:...``); without a wheel it cannot be installed."""

    version: str
    digests: frozenset[str]


def _pylock(text: str, asked: Sequence[Asked]) -> Iterator[tuple[str, Pin]]:
    for package in tomllib.loads(text).get("packages", []):
        if (marker := package.get("marker")) and not _holds(marker):
            continue
        if table(package, "directory").get("path") == ".":  # the project itself
            continue
        if any(key in package for key in ("vcs", "directory", "archive")):
            raise _stranger("pylock.toml", package["name"])
        wheels = [table(wheel, "hashes").get("sha256") for wheel in package.get("wheels", [])]
        digests = [f"sha256:{each}" if isinstance(each, str) else None for each in wheels]
        yield _pin("pylock.toml", package, digests)


def _uv_lock(text: str, asked: Sequence[Asked]) -> Iterator[tuple[str, Pin]]:
    for package in tomllib.loads(text).get("package", []):
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
        raise Unavailable(f"{file}: {name} has no digest (sha256)", f"make {file} again: {REMEDIES[file]}")
    return canonicalize_name(name), Pin(str(Version(package["version"])), frozenset(each for each in digests if each))


def _stranger(file: str, name: object) -> Unavailable:
    return Unavailable(f"{file}: {name} does not come from a registry", "name a version that the registry has")


def _poetry_lock(text: str, asked: Sequence[Asked]) -> Iterator[tuple[str, Pin]]:
    """What comes from elsewhere than a registry is not in it: it is refused where it is needed.

    Before its version 2 the file does not say which of several versions of a package is for which machine: then it is the newest that is for this
    Python and that the tree asks for.
    """
    values = tomllib.loads(text)
    files = table(values, "metadata", "files")  # where they stood before its version 1.5
    found: dict[str, list[dict[str, Any]]] = {}
    for package in values.get("package", []):
        if _is_for_here(package) and table(package, "source").get("type", "legacy") == "legacy":
            found.setdefault(canonicalize_name(str(package["name"])), []).append(package)
    for name, packages in found.items():
        package = _meant(name, packages, asked)
        archives = package.get("files") or files.get(package["name"], [])
        yield _pin("poetry.lock", package, [each["hash"] for each in archives if each["file"].endswith(".whl")])


def _is_for_here(package: Mapping[str, Any]) -> bool:
    markers = package.get("markers")
    every = list(markers.values()) if isinstance(markers, dict) else [markers] if markers else []
    if every and not any(map(_holds, every)):
        return False
    try:
        python = condition(str(package.get("python-versions", "*")))
    except Unsaid:
        return True
    return not python or Marker(python).evaluate()


def _holds(marker: str) -> bool:
    """Whether it does here, with all extras and groups that are provided."""
    chosen = frozenset(EXTRAS)
    known = {"extras": chosen, "dependency_groups": chosen}
    return any(Marker(marker).evaluate({**known, "extra": extra}, context="lock_file") for extra in ("", *EXTRAS))


def _meant(name: str, packages: list[dict[str, Any]], asked: Iterable[Asked]) -> dict[str, Any]:
    wanted = [
        one.requirement.specifier for one in asked if canonicalize_name(one.requirement.name) == name and not one.unsaid
    ]
    fitting = [each for each in packages if all(one.contains(each["version"], prereleases=True) for one in wanted)]
    return max(fitting or packages, key=lambda each: Version(each["version"]))


def _pipfile_lock(text: str, asked: Sequence[Asked]) -> Iterator[tuple[str, Pin]]:
    """What comes from elsewhere than a registry is not in it: it is refused where it is needed."""
    values = json.loads(text)
    for name, package in {**values.get("develop", {}), **values.get("default", {})}.items():
        if "version" not in package or (package.get("markers") and not _holds(package["markers"])):
            continue
        pinned = {"name": name, "version": package["version"].removeprefix("==")}
        yield _pin("Pipfile.lock", pinned, package.get("hashes") or [None])


#: How each is read, in the order they are looked for.
FORMATS: Mapping[str, Callable[[str, Sequence[Asked]], Iterator[tuple[str, Pin]]]] = {
    "pylock.toml": _pylock,
    "uv.lock": _uv_lock,
    "poetry.lock": _poetry_lock,
    "Pipfile.lock": _pipfile_lock,
}

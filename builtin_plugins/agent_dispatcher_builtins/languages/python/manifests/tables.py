"""Packages that stand in tables, a key for each (``requests = "^2"``, ``requests = {version = "^2", extras = [...]}``), as Poetry and Pipenv have them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from .manifest import Entry, texts
from .versions import Unsaid, condition, specifier

__all__ = ["entries_of"]

#: Keys that name a place, and how it begins in a requirement.
_PLACES = {"git": "git+", "hg": "hg+", "svn": "svn+", "bzr": "bzr+", "url": "", "file": "file:", "path": "file:"}
#: Keys that are conditions by themselves, as Pipenv has them.
_MARKERS = ("os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
            "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name", "implementation_version")  # fmt: skip


def entries_of(name: str, value: object, where: str) -> Iterator[Entry]:
    """What a key and its value ask for; a list asks for each of its tables."""
    for each in value if isinstance(value, list) else (value,):
        asked = each if isinstance(each, dict) else {"version": each}
        yield evolve(_entry(name, asked, where), notes=tuple(_passed_over(name, asked, where)))


def _passed_over(name: str, asked: Mapping[str, Any], where: str) -> Iterator[str]:
    for key in ("source", "index"):
        if key in asked:
            yield f"{where}: {key} of {name} is passed over: your pip's own configuration holds"
    if asked.get("allow-prereleases") or asked.get("allow_prereleases"):
        yield f"{where}: pre-releases of {name} are taken only where there is no other version that fits"


def _entry(name: str, asked: Mapping[str, Any], where: str) -> Entry:
    extras = texts(asked.get("extras"))
    chosen = f"[{','.join(extras)}]" if extras else ""
    marker = _marker(asked)
    end = f" ; {marker}" if marker else ""
    for key, begin in _PLACES.items():
        if isinstance(place := asked.get(key), str):
            if key == "path" and posixpath.normpath(place) == ".":
                return Entry(f"-e .{chosen}", where)
            return Entry(f"{name}{chosen} @ {begin}{'%20'.join(place.split())}{end}", where)
    version = asked.get("version", "*")
    try:
        return Entry(f"{name}{chosen} {specifier(str(version))}{end}", where)
    except Unsaid as unsaid:
        if not unsaid.newest:
            return Entry(f"{name}{chosen} {version}{end}", where)  # is refused as it stands there
        return Entry(f"{name}{chosen} {unsaid.newest}{end}", where, unsaid=str(version))


def _marker(asked: Mapping[str, Any]) -> str:
    """All conditions; what holds for nothing (versions of Python that are none) is told by the one that reads it."""
    found = [str(asked["markers"])] if asked.get("markers") else []
    if isinstance(python := asked.get("python"), str):
        try:
            found += [condition(python)]
        except Unsaid:
            found += [f"python_version {python!r}"]
    if isinstance(platform := asked.get("platform"), str):
        found += [f"sys_platform == '{platform}'"]
    found += [f"{key} {asked[key]}" for key in _MARKERS if isinstance(asked.get(key), str)]
    return " and ".join(f"({each})" for each in found if each)

"""Which files a work package may write, and with whom it would collide there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from agent_dispatcher.models import ArtifactRef

__all__ = ["collisions", "is_pattern", "plain_path"]

#: What people write behind a path: a remark, or lines (``store.py:10-20``).
_REMARK = re.compile(r"\s+\([^()]*\)\s*$|\s+#.*$|(?<=\w):\d+(?:-\d+)?$")
_SPECIAL = frozenset("*?[")


def plain_path(written: str) -> str | None:
    """A path or pattern below the repository in one spelling (a folder becomes ``folder/**``); ``None`` for what is none."""
    name = _REMARK.sub("", written.strip()).strip("`").replace("\\", "/")
    folder = name.endswith("/")
    if not name or name.startswith(("/", "~")) or "://" in name or "\n" in name:
        return None
    name = posixpath.normpath(name)
    if name == "." or name.startswith(".."):
        return None
    return f"{name}/**" if folder else name


def is_pattern(name: str) -> bool:
    """Whether it stands for many files."""
    return not _SPECIAL.isdisjoint(name)


def collisions(owned: Sequence[Sequence[str]]) -> list[tuple[ArtifactRef, ...]]:
    """For each owner the resources it shares with others because of patterns.

    Two owners of one path are left to the rule that sees two writers of one path; here it is a pattern of one and what falls under it
    of another. A resource is named after both, so that two owners of different files under one pattern of a third do not exclude each other.
    """
    shared: list[dict[ArtifactRef, None]] = [{} for _ in owned]
    users: dict[str, list[int]] = {}
    for owner, names in enumerate(owned):
        for name in dict.fromkeys(names):
            users.setdefault(name, []).append(owner)
    for pattern in sorted(name for name in users if is_pattern(name)):
        for other, owners in _overlapping(pattern, users):
            both = {*users[pattern], *owners}
            if len(both) > 1:
                name = pattern if other == pattern else f"{pattern} with {other}"
                for owner in sorted(both):
                    shared[owner][ArtifactRef(type="resource", name=name)] = None
    return [tuple(found) for found in shared]


def _overlapping(pattern: str, users: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, Sequence[int]]]:
    """What others own that the pattern may stand for too; of two patterns each pair once."""
    prefix = _prefix(pattern)
    for name in sorted(users):
        if not is_pattern(name):
            if _matches(pattern, name):
                yield name, users[name]
        elif name >= pattern and (_prefix(name).startswith(prefix) or prefix.startswith(_prefix(name))):
            yield name, users[name]


def _prefix(pattern: str) -> str:
    """What stands before the first special sign."""
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0]


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern stands for a path: ``*`` within a folder, ``**`` across folders. Costs the product of their lengths at most."""
    parts, folders = pattern.split("/"), name.split("/")
    reached = {0}  # how many parts of the pattern are used up
    for folder in folders:
        reached = _skipped(reached, parts)
        reached = {
            at if parts[at] == "**" else at + 1
            for at in reached
            if at < len(parts) and (parts[at] == "**" or fnmatchcase(folder, parts[at]))
        }
    return len(parts) in _skipped(reached, parts)


def _skipped(reached: set[int], parts: Sequence[str]) -> set[int]:
    """``**`` may stand for no folder at all."""
    found = set(reached)
    for at, part in enumerate(parts):
        if at in found and part == "**":
            found.add(at + 1)
    return found

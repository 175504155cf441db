"""The files of a specification's folder: those for agents to read, and what all that were read add up to."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

__all__ = ["beginning", "digest_of", "further_documents"]

_MOST = 200
_DEEPEST = 4
#: So much of a file is looked at to recognise it.
_LOOK = 65_536


def further_documents(folder: Path, but: Collection[str]) -> tuple[str, ...]:
    """Names of the regular files below a folder, relative and sorted, without hidden ones and those named in ``but``; at most 200."""
    found: list[str] = []
    try:
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if len(parts) > _DEEPEST or any(part.startswith(".") for part in parts):
                continue
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not path.is_symlink() and name not in but:
                found.append(name)
            if len(found) >= _MOST:
                break
    except OSError:
        return tuple(found)
    return tuple(found)


def beginning(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(_LOOK)


def digest_of(folder: Path, names: Iterable[str]) -> str:
    """``sha256:`` and the digest over the named files of a folder, in that order; those that are not there count as nothing."""
    digest = hashlib.sha256()
    for name in names:
        if (folder / name).is_file():
            digest.update(f"{name}\0".encode())
            digest.update((folder / name).read_bytes())
    return f"sha256:{digest.hexdigest()}"

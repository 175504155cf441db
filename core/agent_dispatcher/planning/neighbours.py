"""What lies beside a specification: names of files, for rules and decomposers that look whether something is there already."""

from __future__ import annotations

import os
from pathlib import Path

from ..models import Specification

__all__ = ["files_beside"]

#: A specification may lie in the root of a large repository: its neighbours are looked at only so far.
_MOST_FILES = 5000


def files_beside(specification: Specification) -> tuple[str, ...]:
    """Names of the files in the specification's folder, relative and sorted; at most :data:`_MOST_FILES`, hidden ones left out."""
    if not specification.path:
        return ()
    path = Path(specification.path)
    folder = path if path.is_dir() else path.parent
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        found.extend((Path(place) / name).relative_to(folder).as_posix() for name in sorted(files) if name[0] != ".")
        if len(found) >= _MOST_FILES:
            break
    return tuple(sorted(found[:_MOST_FILES]))

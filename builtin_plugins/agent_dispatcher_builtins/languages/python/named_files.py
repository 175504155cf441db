"""Which requirement files of a tree are for running and testing it: known by their names, beside the manifests or in a folder of their own."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["DEVELOPMENT", "TESTS", "requirement_files"]

#: What files, extras and groups are called that are for tests, and those that are for everything a developer does.
TESTS = ("test", "tests", "testing")
DEVELOPMENT = ("dev", "develop", "development")
_FOLDERS = ("requirements", "requirement", "reqs")
#: What is needed to run it, in a folder of requirement files; the second ones only where there is none of the first.
_BASE = ("", "base", "common", "core", "main", "default", "requirements", "runtime", "install")
_PRODUCTION = ("prod", "production")
#: Files that a developer's own machine is set up by.
_OF_A_DEVELOPER = (*DEVELOPMENT, "local")
_NAMED = re.compile(
    r"((requirements?|reqs)(?:[-_.](?P<after>[a-z]+))?|(?P<before>[a-z]+)[-_.](requirements?|reqs))\.txt"
)
_IN_FOLDER = re.compile(r"(?:(requirements?|reqs)[-_.])?(?P<kind>[a-z]+)(?:[-_.](requirements?|reqs))?\.txt")


def requirement_files(tree: Path) -> dict[str, bool]:
    """Paths of the files, in order -> whether they are for development only.

    Raises:
        FileNotFoundError: there is no such tree.
    """
    kinds = {
        entry.name: match["after"] or match["before"] or ""
        for entry in tree.iterdir()
        if (match := _NAMED.fullmatch(entry.name))
    }
    for name in _FOLDERS:
        folder = tree / name
        if folder.is_dir() and not folder.is_symlink():
            kinds |= {
                f"{name}/{entry.name}": match["kind"]
                for entry in folder.iterdir()
                if (match := _IN_FOLDER.fullmatch(entry.name))
            }
    base = {path for path, kind in kinds.items() if kind in _BASE}
    base = base or {path for path, kind in kinds.items() if kind in _PRODUCTION}
    tests = {path for path, kind in kinds.items() if kind in TESTS}
    development = {path for path, kind in kinds.items() if kind in _OF_A_DEVELOPER}
    return {path: path in development for path in sorted(base | tests | development)}

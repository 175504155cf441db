"""Tests can also be weakened without touching them: by configuration that leaves them out."""

from __future__ import annotations

import posixpath
import re

from agent_dispatcher.extension import Objection

__all__ = ["loosened"]

_FILES = frozenset(
    ("conftest.py", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", ".coveragerc", "package.json")
)
_LEAVES_OUT = re.compile(
    r"collect_ignore(?:_glob)?\b|pytest_ignore_collect\b|pytest_collection_modifyitems\b|pytest_runtest_makereport\b|--deselect\b|--ignore(?:-glob)?\b"
    r"|--continue-on-collection-errors\b|\bnorecursedirs\b|(?<=addopts)[^\n]*\s-k\s|--testPathIgnorePatterns\b|testPathIgnorePatterns\b|--passWithNoTests\b|--test-(?:skip|name)-pattern\b|--test-only\b"
)


def loosened(path: str, before: str | None, after: str) -> list[Objection]:
    """What a file of configuration says now, and did not before, by which tests are left out or their outcome is changed."""
    if posixpath.basename(path) not in _FILES:
        return []
    known = set(_lines(before or ""))
    return [
        Objection(kind="weakened", path=path, line=number, what=f"tests may be left out by it: {line[:160]!r}")
        for line, number in _lines(after).items()
        if line not in known
    ]


def _lines(text: str) -> dict[str, int]:
    return {
        " ".join(line.split()): number
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) < 2000 and _LEAVES_OUT.search(line)
    }

"""Where a project keeps its issues: found by names and a bounded look, never by parsing."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

__all__ = ["Export", "find_export", "sureness"]

#: How ``bd`` calls its export, the newest habit first.
_NAMES = ("issues.jsonl", "beads.jsonl")
_LOOK = 65_536
_KEYS = tuple(
    re.compile(rb'"' + key + rb'"\s*:')
    for key in (b"id", b"title", b"status", b"issue_type", b"priority", b"created_at")
)
_ENOUGH = 4


@frozen(kw_only=True)
class Export:
    """The file with the issues.

    Attributes:
        file: it.
        shown: how messages call it, relative to what the caller named.
        project: the name of the project's folder.
        home: the folder that the caller named, or that of the file.
    """

    file: Path
    shown: str
    project: str
    home: Path


def find_export(source: Path) -> Export | None:
    """The issues at a file, in a ``.beads`` folder, or in the folder of a project; ``None`` when there are none."""
    if not source.is_dir():
        return Export(file=source, shown=source.name, project=_project(source), home=source.parent)
    for name in (*(f".beads/{name}" for name in _NAMES), *_NAMES):
        file = source / name
        if file.is_file() and sureness(file) > 0:
            return Export(file=file, shown=name, project=_project(file), home=source)
    return None


def sureness(file: Path) -> float:
    """2 for a file where Beads puts it, 1.5 for one that is called so and looks so, 1 for one that only looks so, else 0."""
    if file.suffix.lower() != ".jsonl" or not file.is_file():
        return 0.0
    named = file.name in _NAMES
    if named and file.absolute().parent.name == ".beads":
        return 2.0
    try:
        with file.open("rb") as opened:
            head = opened.read(_LOOK)
    except OSError:
        return 0.0
    if sum(bool(key.search(head)) for key in _KEYS) < _ENOUGH:
        return 0.0
    return 1.5 if named else 1.0


def _project(file: Path) -> str:
    folder = file.absolute().parent
    return folder.parent.name if folder.name == ".beads" else folder.name

"""Where a feature is: its folder, one of its files, or a repository whose ``.specify/feature.json`` names the current one."""

from __future__ import annotations

import re
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.safe_load import plain_json, read_text

from ..documents import beginning

__all__ = ["FILES", "feature_folder", "likeness"]

FILES = ("spec.md", "plan.md", "tasks.md")
_CURRENT = Path(".specify") / "feature.json"
_KEYS = ("feature_directory", "feature_dir", "featureDirectory", "directory", "path", "feature", "branch")
_TASK = re.compile(
    rb"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+\[[^\]\n]{0,3}\][ \t]+(?:\*\*|`)?\[?(?:T-?\d{2,4}|[A-Z][A-Z0-9]*-\d{3})\b|^#{2,6}[ \t]+(?:\[.\][ \t]+)?\[?T-?\d{2,4}\b",
    re.MULTILINE,
)
_SPEC = re.compile(
    rb"^#[ \t]*Feature Specification|^##[ \t]*User Scenarios|^[ \t]*[-*][ \t]+\*\*(?:FR|SC)-\d", re.MULTILINE
)
_PLAN = re.compile(rb"^#[ \t]*Implementation Plan:|^##[ \t]*(?:Technical Context|Constitution Check)", re.MULTILINE)
#: Files that show that a folder is in another format.
_OTHERS = (
    "proposal.md",
    "requirements.md",
    "tasks.json",
    "specification.yaml",
    "specification.yml",
    "specification.json",
)


def likeness(source: Path) -> float:
    """0 to 1.6, from names and the beginnings of the three files."""
    try:
        if source.is_dir():
            if (source / _CURRENT).is_file():
                return 1.5
            return _folder_likeness(source)
        if source.name == "feature.json" and source.parent.name == ".specify":
            return 1.5
        if source.name not in FILES:
            return 0.0
        own = beginning(source)
        marks = {"tasks.md": _TASK, "spec.md": _SPEC, "plan.md": _PLAN}[source.name]
        if marks.search(own):
            return 1.6
        return min(_folder_likeness(source.parent), 1.0)
    except OSError:
        return 0.0


def _folder_likeness(folder: Path) -> float:
    there = [name for name in FILES if (folder / name).is_file()]
    if not there:
        return 0.0
    sure = sum(
        bool(marks.search(beginning(folder / name)))
        for name, marks in (("tasks.md", _TASK), ("spec.md", _SPEC), ("plan.md", _PLAN))
        if name in there
    )
    if any((folder / name).exists() for name in _OTHERS):
        return 0.6 + 0.2 * sure if sure else 0.0
    if sure:
        return 1.6
    return 0.25 if len(there) > 1 else 0.15  # by name only: so many documents are called so


def feature_folder(source: Path) -> Path:
    """The folder of the feature that is meant.

    Raises:
        SpecificationError: ``feature.json`` names none, one that is not there, or one outside of the repository.
    """
    if source.is_dir() and not (source / _CURRENT).is_file():
        return source
    if source.is_file() and source.name in FILES:
        return source.parent
    root = source if source.is_dir() else source.parent.parent
    shown = _CURRENT.as_posix()
    named = _named(plain_json(read_text(root / _CURRENT, name=shown), shown), shown)
    for candidate in (root / named, root / "specs" / named):
        found = candidate.resolve()
        if found.is_dir():
            if not found.is_relative_to(root.resolve()):
                raise _refused(f"the feature {named!r} lies outside of the repository", shown)
            return candidate
    raise _refused(f"the feature {named!r} is not there", shown)


def _named(document: object, shown: str) -> str:
    values = [document.get(key) for key in _KEYS] if isinstance(document, dict) else [document]
    named = next((value.strip() for value in values if isinstance(value, str) and value.strip()), None)
    if named is None:
        raise _refused('it does not name the current feature under "feature_directory"', shown)
    return named


def _refused(what: str, shown: str) -> SpecificationError:
    return SpecificationError(Problem(what, shown, "name the feature's folder itself: specs/NNN-name"))

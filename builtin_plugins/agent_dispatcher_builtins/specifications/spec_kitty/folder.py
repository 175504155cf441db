"""Where a mission is: its folder, a file in it, or a repository that holds exactly one. Found by names, never by parsing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError

__all__ = ["FILES", "find_mission", "further_documents", "likeness", "package_files"]

#: The documents of a mission that are read.
FILES = ("spec.md", "plan.md", "tasks.md")
_HOME = "kitty-specs"
_OTHERS = ("meta.json", "lanes.json", "status.json", "status.events.jsonl")
_PACKAGE = re.compile(r"WP\d{1,4}[a-z]?(?:[-_. ].*)?\.md", re.IGNORECASE)
_MOST_FILES = 4000
_MOST_DOCUMENTS = 200


def likeness(source: Path) -> float:
    """1.8 for a mission with work packages (or a file of it), 1.7 for a folder where missions are, 1.5 for a repository that has some, else 0."""
    try:
        mission = _mission_of(source)
        if mission is not None:
            return 1.8 if any(package_files(mission)) else 1.7
        return 1.5 if source.is_dir() and any(_missions(source)) else 0.0
    except OSError:
        return 0.0


def find_mission(source: Path) -> Path:
    """The folder of the mission that is meant.

    Raises:
        SpecificationError: there is none, or a repository has several.
    """
    mission = _mission_of(source)
    if mission is not None:
        return mission
    found = sorted(_missions(source)) if source.is_dir() else []
    if not found:
        raise SpecificationError(
            Problem("there is no mission here", str(source), f"a mission is a folder {_HOME}/NAME")
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:8]) + (", ..." if len(found) > 8 else "")
        remedy = f"name the one that is meant, for example {found[-1]}"
        raise SpecificationError(Problem(f"there are {len(found)} missions here ({names})", str(source), remedy))
    return found[0]


def package_files(mission: Path) -> Iterator[Path]:
    """What is called like the file of a work package, sorted by name, be it a file or not; older versions keep them in a folder for each lane (and phase) below ``tasks``."""
    tasks = mission / "tasks"
    if not tasks.is_dir():
        return
    found = []
    for pattern in ("*.md", "*/*.md", "*/*/*.md"):
        for number, path in enumerate(tasks.glob(pattern)):
            if number >= _MOST_FILES:
                break
            if _PACKAGE.fullmatch(path.name):
                found.append(path)
    yield from sorted(found, key=lambda path: (path.name, path.as_posix()))


def further_documents(mission: Path) -> tuple[str, ...]:
    """Names of the other documents that people wrote for a mission, relative and sorted."""
    found = []
    for pattern in ("*.md", "checklists/*.md", "contracts/*", "research/*.md"):
        for path in mission.glob(pattern):
            name = path.relative_to(mission).as_posix()
            if path.is_file() and name not in FILES and not path.name.startswith("."):
                found.append(name)
    return tuple(sorted(found)[:_MOST_DOCUMENTS])


def _mission_of(source: Path) -> Path | None:
    """The mission a path is, or is a file of."""
    if source.is_dir():
        if source.name == "tasks" and any(package_files(source.parent)):
            return source.parent
        return source if _is_mission(source) else None
    if _PACKAGE.fullmatch(source.name):
        tasks = next((parent for parent in list(source.absolute().parents)[:4] if parent.name == "tasks"), None)
        return tasks.parent if tasks is not None else None
    if source.name in (*FILES, *_OTHERS) and _is_mission(source.parent):
        return source.parent
    return None


def _is_mission(folder: Path) -> bool:
    if any(package_files(folder)):
        return True
    return folder.absolute().parent.name == _HOME and any((folder / name).is_file() for name in (*FILES, *_OTHERS))


def _missions(folder: Path) -> Iterator[Path]:
    home = folder if folder.name == _HOME else folder / _HOME
    if home.is_dir():
        yield from (path for path in home.iterdir() if path.is_dir() and _is_mission(path))

"""Where a change is: its folder, one of its files, or a repository with exactly one that is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError

from ..documents import beginning

__all__ = ["change_folder", "delta_files", "likeness"]

_PAGES = ("proposal.md", "tasks.md", "design.md")
_MARK = ".openspec.yaml"
_HOME = ("openspec", "changes")
_ARCHIVE = "archive"
_TASKS = re.compile(
    rb"^##[ \t]+\d+(?:\.\d+)*[.):][ \t]+\S[^\n]*\n(?:[^\n#][^\n]*\n|[ \t\r]*\n){0,12}?[ \t]*[-*][ \t]*\[[ xX]\]",
    re.MULTILINE,
)
_TASK_HEADINGS = re.compile(rb"^##[ \t]+Task[ \t]+\d+", re.MULTILINE | re.IGNORECASE)
_PROPOSAL = re.compile(
    rb"^##?[ \t]+(?:Why|What Changes|Impact|Capabilities)\b|^#[ \t]+(?:Change|Proposal)\b", re.MULTILINE | re.IGNORECASE
)
_DELTA = re.compile(rb"^##[ \t]+(?:ADDED|MODIFIED|REMOVED|RENAMED)[ \t]+Requirements", re.MULTILINE | re.IGNORECASE)
_OTHERS = (
    "requirements.md",
    "spec.md",
    "plan.md",
    "tasks.json",
    "specification.yaml",
    "specification.yml",
    "specification.json",
)
_MOST_FILES = 500


def likeness(source: Path) -> float:
    """0 to 1.9, from names and the beginnings of the files."""
    try:
        if source.is_dir():
            return _of_folder(source)
        return _of_file(source)
    except OSError:
        return 0.0


def change_folder(source: Path, wanted: str = "") -> Path:
    """The folder of the change that is meant.

    Args:
        wanted: its name, where the source holds several.

    Raises:
        SpecificationError: there is none, none of that name, or several to choose from.
    """
    if source.is_file():
        return next((each for each in source.parents if _is_change(each)), source.parent)
    home = _home(source)
    certain = any((source / name).is_file() for name in ("proposal.md", _MARK))
    if certain or (home is None and _is_change(source)):
        return source
    found = _open(home) if home is not None else []
    if wanted and home is not None:
        named = [each for each in (*found, *_archived(home)) if each.name == wanted]
        if named:
            return named[0]
        raise _refused(f"there is no change {wanted!r}", source, "see `ls openspec/changes`")
    if len(found) == 1:
        return found[0]
    if home is None:
        raise _refused(
            "there is neither proposal.md nor tasks.md nor a change's specs", source, "name the folder of a change"
        )
    if not found:
        raise _refused("no change is open", source, "name the folder of an archived one to plan it all the same")
    names = ", ".join(each.name for each in found[:12]) + (", ..." if len(found) > 12 else "")
    raise _refused(f"{len(found)} changes are open: {names}", source, "name the folder of one")


def delta_files(folder: Path) -> list[Path]:
    """The files below ``specs/``, sorted; links are left out."""
    specs = folder / "specs"
    if not specs.is_dir():
        return []
    found = (each for each in specs.rglob("*.md") if each.is_file() and not each.is_symlink())
    return sorted(each for each, _ in zip(found, range(_MOST_FILES), strict=False))


def _refused(what: str, source: Path, remedy: str) -> SpecificationError:
    return SpecificationError(Problem(what, str(source), remedy))


def _is_change(folder: Path) -> bool:
    if (folder / "proposal.md").is_file() or (folder / _MARK).is_file():
        return True
    return (folder / "tasks.md").is_file() or any(_DELTA.search(beginning(each)) for each in delta_files(folder)[:20])


def _home(source: Path) -> Path | None:
    """The folder of all changes of a repository, of its ``openspec`` or of itself."""
    for home in (source.joinpath(*_HOME), source / "changes", source):
        if home.is_dir() and home.resolve().parts[-2:] == _HOME:
            return home
    return None


def _open(home: Path) -> list[Path]:
    return [each for each in _folders(home) if each.name != _ARCHIVE and _is_change(each)]


def _archived(home: Path) -> list[Path]:
    return list(_folders(home / _ARCHIVE)) if (home / _ARCHIVE).is_dir() else []


def _folders(home: Path) -> Iterator[Path]:
    return (each for each in sorted(home.iterdir()) if each.is_dir() and not each.name.startswith("."))


def _of_folder(folder: Path) -> float:
    if _in_home(folder) or (folder / _MARK).is_file():
        return 1.9 if _looks_like_change(folder) else 0.0
    if not (folder / "proposal.md").is_file() and _home(folder) is not None:
        return 1.2
    if not _looks_like_change(folder):
        return 0.0
    sure = sum(_sure(folder / name) for name in _PAGES if (folder / name).is_file())
    sure += any(_DELTA.search(beginning(each)) for each in delta_files(folder)[:5])
    if any((folder / name).exists() for name in _OTHERS):
        return 0.5 if sure else 0.0
    if (folder / "proposal.md").is_file():
        return 1.6 if sure else 0.8
    return 1.4 if sure > 1 else 0.9 if sure else 0.0


def _looks_like_change(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (*_PAGES, _MARK)) or bool(delta_files(folder)[:1])


def _in_home(folder: Path) -> bool:
    parts = folder.resolve().parts
    return parts[-3:-1] == _HOME or (parts[-4:-2] == _HOME and parts[-2] == _ARCHIVE)


def _of_file(file: Path) -> float:
    if file.name not in (*_PAGES, _MARK) and not (file.suffix == ".md" and "specs" in file.parts):
        return 0.0
    folder = next((each for each in file.parents if _in_home(each)), None)
    if folder is not None:
        return 1.9
    if file.name in _PAGES or file.name == _MARK:
        return min(_of_folder(file.parent), 1.7)
    return 1.3 if _DELTA.search(beginning(file)) else 0.0


def _sure(file: Path) -> bool:
    """Whether the beginning of a file reads like one of OpenSpec's."""
    own = beginning(file).replace(b"\r\n", b"\n")
    if file.name == "tasks.md":
        return bool(_TASKS.search(own) or _TASK_HEADINGS.search(own))
    return file.name == "proposal.md" and bool(_PROPOSAL.search(own))

"""Where a specification is: its folder, one of its files, or a repository that has exactly one."""

from __future__ import annotations

import re
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError

from ..documents import beginning

__all__ = ["FILES", "likeness", "spec_folder"]

FILES = ("requirements.md", "bugfix.md", "design.md", "tasks.md")
#: Where the tools keep them, below a repository's root.
_HOME = (".kiro", "specs")
_TASKS = re.compile(
    rb"^[ \t]*[-*][ \t]+_(?:Requirements|Boundary|Depends|Validates)[^\n]{0,80}:|^[ \t]*[-*][ \t]+\*\*Validates:|^[ \t]*[-*][ \t]+\[[ xX-]\]\\?\*"
    rb"|^##[ \t]*Task Dependency Graph|^[ \t]*[-*][ \t]+\[[ xX]\][ \t]+\d+(?:\.\d+)*\.?[ \t]+\([Pp]\)",
    re.MULTILINE,
)
_PLAN = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*#[ \t]+[^\n]*Implementation[ \t]+(?:Plan|Tasks)\b", re.IGNORECASE)
_BOX = re.compile(rb"^[ \t]*[-*+][ \t]*\[[ xX-]?\]\\?\*?[ \t]", re.MULTILINE)
_REQUIREMENTS = re.compile(
    rb"^#{2,4}[ \t]+(?:Requirement|\xe8\xa6\x81\xe4\xbb\xb6|\xe9\x9c\x80\xe6\xb1\x82|\xe8\xa6\x81\xe6\xb1\x82)[ \t]*\d+|^#{2,5}[ \t]+Acceptance Criteria"
    rb"|^\*\*User Story:\*\*|^#[ \t]+(?:Bugfix )?Requirements Document",
    re.MULTILINE | re.IGNORECASE,
)
#: Files that show that a folder is in another format.
_OTHERS = ("proposal.md", "spec.md", "tasks.json", "specification.yaml", "specification.yml", "specification.json")


def likeness(source: Path) -> float:
    """0 to 1.9, from names and the beginnings of the files."""
    try:
        if source.is_dir():
            return _of_folder(source)
        return _of_file(source)
    except OSError:
        return 0.0


def spec_folder(source: Path) -> Path:
    """The folder of the specification that is meant.

    Raises:
        SpecificationError: there is none, or there are several to choose from.
    """
    if source.is_file():
        return source.parent
    there = any((source / name).is_file() for name in FILES)
    if there and not _is_repository(source):
        return source
    found = _below(source)
    if not found and there:
        return source
    if len(found) == 1:
        return found[0]
    if not found:
        raise SpecificationError(Problem(f"there is none of {', '.join(FILES)}", str(source)))
    names = ", ".join(folder.name for folder in found[:12]) + (", ..." if len(found) > 12 else "")
    raise SpecificationError(
        Problem(f"there are {len(found)} specifications here: {names}", str(source), "name the folder of one")
    )


def _of_folder(folder: Path) -> float:
    if _is_repository(folder) and _below(folder):
        return 1.2
    there = [name for name in FILES if (folder / name).is_file()]
    if not there:
        return 1.2 if _below(folder) else 0.0
    if folder.resolve().parts[-3:-1] == _HOME:
        return 1.9
    sure = sum(_sure(folder / name) for name in there)
    if any((folder / name).exists() for name in _OTHERS):
        return 0.5 if sure else 0.0
    if sure and len(there) > 1:
        return 1.5
    if len(there) > 1 and "requirements.md" in there:
        return 1.0
    return 0.9 if sure else 0.0


def _of_file(file: Path) -> float:
    if file.name not in FILES:
        return 0.0
    if file.resolve().parts[-4:-2] == _HOME:
        return 1.9
    others = [name for name in FILES if name != file.name and (file.parent / name).is_file()]
    if any((file.parent / name).exists() for name in _OTHERS):
        return 0.5 if _sure(file) else 0.0
    if _sure(file):
        return 1.5 if others else 0.9
    return 1.0 if others and "requirements.md" in (*others, file.name) else 0.0


def _sure(file: Path) -> bool:
    """Whether the beginning of a file reads like one of Kiro's."""
    own = beginning(file)
    if file.name == "tasks.md":
        return bool(_TASKS.search(own) or (_PLAN.search(own) and _BOX.search(own)))
    if file.name in ("requirements.md", "bugfix.md"):
        return bool(_REQUIREMENTS.search(own))
    return False


def _is_repository(folder: Path) -> bool:
    """Whether a folder has a place for specifications, so that a ``design.md`` beside it is none's."""
    return folder.joinpath(*_HOME).is_dir()


def _below(folder: Path) -> list[Path]:
    """The specifications of a repository, of its ``.kiro`` or of its ``.kiro/specs``."""
    for home in (folder.joinpath(*_HOME), folder / "specs" if folder.name == ".kiro" else None, folder):
        if home is None or home.resolve().parts[-2:] != _HOME or not home.is_dir():
            continue
        return [each for each in sorted(home.iterdir()) if any((each / name).is_file() for name in FILES)]
    return []

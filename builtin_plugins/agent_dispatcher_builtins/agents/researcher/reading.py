"""Reads what a specification's folder and a repository hold, within bounds: so many files, so many bytes, no links, no secrets of neighbours.

Of a specification that is a folder its documents are read. Of one that is a file only that file and what its format says belongs to it: what else
lies beside it may be anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import frozen

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.models import Specification
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ...checks.citing import FileLine
from ...checks.kept_sources import is_note

__all__ = ["Document", "read_files", "specification_documents"]

_TEXT_ENDINGS = (".md", ".markdown", ".txt", ".rst", ".yaml", ".yml", ".toml", ".json")
_MAX_FILES = 200
_MAX_FILE_BYTES = 1024**2
_MAX_BYTES = 8 * 1024**2
_MAX_ENTRIES = 2000
_MAX_DEPTH = 4


@frozen
class Document:
    """A text that was read.

    Attributes:
        lines: without their ends; the first is line 1.
        in_specification: whether ``path`` is relative to the specification's folder, not to the repository.
    """

    path: str
    lines: tuple[str, ...]
    in_specification: bool = False

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)

    def source(self, line: int) -> FileLine:
        """Where a line stands, for a citation."""
        return FileLine(self.path, line, self.in_specification)


def specification_documents(specification: Specification) -> tuple[Document, ...]:
    """The texts of a specification, the ones that plan before the others; empty when it was not read from a file."""
    if not specification.path:
        return ()
    place = Path(specification.path)
    if place.is_dir():
        folder, names = place, list(specification.documents) or list(_text_files(place))
    else:
        folder, names = place.parent, [place.name, *specification.documents]
    guard = GuardedFolder(folder, max_bytes=_MAX_FILE_BYTES)
    return tuple(read_files(guard.read_bytes, _planning_first(names), in_specification=True))


def read_files(
    read: Callable[[str], bytes], names: Iterable[str], *, in_specification: bool = False, most: int = _MAX_FILES
) -> Iterator[Document]:
    """The files that can be read, until a bound is reached. Notes of research are passed over: what one got wrong would be the next one's proof.

    Args:
        read: reads through a guard.
        names: in order of importance.
        in_specification: whether they are relative to the specification's folder.
        most: how many are read.
    """
    total = 0
    for name in list(dict.fromkeys(names))[:most]:
        try:
            data = read(name)
        except (OSError, PathRefused):
            continue
        if len(data) > _MAX_FILE_BYTES or b"\0" in data[:8192]:
            continue
        total += len(data)
        if total > _MAX_BYTES:
            return
        text = data.decode("utf-8", "replace")
        if not is_note(text):
            yield Document(name, tuple(text.split("\n")), in_specification)


def _planning_first(names: Iterable[str]) -> list[str]:
    order = ("plan", "research", "design", "tech", "readme", "spec", "requirements", "prd")

    def rank(name: str) -> tuple[int, int, str]:
        stem = name.rpartition("/")[2].partition(".")[0].lower()
        found = next((place for place, word in enumerate(order) if stem.startswith(word)), len(order))
        return (name.count("/"), found, name)

    return sorted((name for name in names if name.lower().endswith(_TEXT_ENDINGS)), key=rank)


def _text_files(folder: Path) -> Iterator[str]:
    """Names of texts below a folder, a bounded look: hidden folders, links and great depths are passed over."""
    waiting, seen = [("", 0)], 0
    while waiting:
        inside, depth = waiting.pop(0)
        try:
            entries = sorted(os.scandir(folder / inside), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > _MAX_ENTRIES:
                return
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < _MAX_DEPTH and entry.name != "node_modules":
                    waiting.append((f"{inside}{entry.name}/", depth + 1))
            elif entry.name.lower().endswith(_TEXT_ENDINGS):
                yield f"{inside}{entry.name}"

"""Which document is meant, and how sure the format is of it: never as sure as one that knows its own."""

from __future__ import annotations

import re
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError

__all__ = ["find_document", "likeness"]

_SUFFIXES = (".md", ".markdown", ".mdown")
_LOOK = 65_536
#: What makes a document of text one that asks for work.
_SIGNS = re.compile(
    rb"^[ \t]{0,3}#{1,6}[ \t]|^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+|\b(?:must|shall)\b", re.MULTILINE | re.IGNORECASE
)
#: Documents of a folder that are rather meant than others.
_MEANT = frozenset(
    {"prd", "requirements", "spec", "specification", "plan", "tasks", "todo", "to-do", "roadmap", "backlog"}
)
#: Documents that every folder may have, and that are about something else.
_ABOUT = frozenset(
    {"readme", "changelog", "contributing", "license", "security", "code_of_conduct", "agents", "claude", "gemini"}
)


def likeness(source: Path) -> float:
    """0.3 for a Markdown file with a heading, a list or a *must*; 0.2 for a folder with one such document; 0.1 for any other text in one; else 0."""
    try:
        if source.is_dir():
            document = _document_of(source)
            return min(_likeness(document), 0.2) if document is not None else 0.0
        return _likeness(source)
    except OSError:
        return 0.0


def find_document(source: Path) -> Path:
    """The file that is meant.

    Raises:
        SpecificationError: a folder holds none, or several of which none is called like a specification.
    """
    document = _document_of(source) if source.is_dir() else source
    if document is None:
        raise SpecificationError(
            Problem("there is not exactly one document that is meant", str(source), "name the file itself")
        )
    return document


def _likeness(file: Path) -> float:
    if file.suffix.lower() not in _SUFFIXES or not file.is_file():
        return 0.0
    with file.open("rb") as opened:
        head = opened.read(_LOOK)
    if _SIGNS.search(head):
        return 0.3
    return 0.1 if head.strip() else 0.0


def _document_of(folder: Path) -> Path | None:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    files = [path for path in files if path.stem.lower() not in _ABOUT]
    meant = [path for path in files if path.stem.lower() in _MEANT]
    for found in (files, meant):
        if len(found) == 1:
            return found[0]
    return None

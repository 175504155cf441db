"""Which file a block of code is for when no header says so: what stands behind the marks of its fence, on the line before, or in its first line.

A path behind the marks (``python path=src/a.py``, ``python:src/a.py``) is as good as a header. Anywhere else a path counts only where it is expected: a sentence may
speak of a file before a block that shows how to use it. So may a header before a block in another language.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

__all__ = ["fits", "headed", "labelled", "plain_path", "told_by_fence"]

_KEYED: Final = re.compile(r"(?:^|[\s{,])(path|file|filename|file_?path|title)\s*[=:]\s*[\"'`]?([^\s\"'`},]+)")
_BEHIND_COLON: Final = re.compile(r"^[A-Za-z][\w+#-]*:((?:[\w@.-]+/)*[\w@.-]*\.?[A-Za-z][\w-]*)$")
_BARE: Final = re.compile(r"^(?:[\w@.-]+/)+[\w@-]*\.?[\w-]*\.[A-Za-z]\w*$")
_PATH: Final = re.compile(r"^(?:\./)?(?:[\w@.-]+/)*[\w@.-]*[\w-]+$")
_INSIDE: Final = re.compile(
    r"^\s*(?:#|//|--|;|/\*|<!--)\s*(?:(?:[Ff]ile|FILE)(?:[ _]?(?:name|path))?:\s*)?([\w@./-]+\.\w+)\s*(?:\*/|-->)?\s*$"
)
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}\s+(?:\d+[.)]\s*)?[`*\"']*([\w@.-][\w@./-]*\.(\w+))[`*\"']*:?[`*]*\s*$")
#: ``Node.js`` is no file.
_LIBRARY: Final = re.compile(r"[A-Z]\w*\.js")
#: So much of a line is looked at.
_LONGEST: Final = 400
_AROUND: Final = re.compile(r"[`*#:\"()]")
#: What may stand beside a path on a line that says nothing but whose text follows.
_LABELS: Final = (
    "a and changed complete contents create created file final for full here in is modified new now of path the this "
    "update updated with write"
)
_LABEL: Final = frozenset(_LABELS.split())
#: Names that fences give to the languages of files, by the ends of their paths. A name that stands nowhere here says nothing.
_NAMES: Final = {
    ending: frozenset(names.split())
    for endings, names in {
        "py pyi": "python py python3 pyi cython",
        "sh bash zsh": "bash sh shell zsh",
        "js jsx mjs cjs": "javascript js jsx mjs cjs node typescript ts tsx",
        "ts tsx mts cts": "javascript js jsx typescript ts tsx mts",
        "json": "json jsonc json5 javascript js",
        "yaml yml": "yaml yml",
        "toml": "toml ini",
        "html htm": "html xml",
        "css scss": "css scss",
        "md markdown": "markdown md text",
        "rst": "rst text",
        "sql": "sql",
        "go": "go golang",
        "rs": "rust rs",
        "java": "java",
        "c h cpp cc hpp": "c h cpp c++ cc hpp",
        "diff patch": "diff patch",
    }.items()
    for ending in endings.split()
}
_KNOWN: Final = frozenset({"console", "terminal", "powershell", "output", "text", "log"}).union(*_NAMES.values())
_LANGUAGE: Final = re.compile(r"^[A-Za-z][\w+#-]*")


def plain_path(path: str) -> str:
    """``a.py`` for ``./a.py``: one file has one name."""
    while path.startswith("./"):
        path = path[2:]
    return path


def fits(info: str, path: str) -> bool:
    """Whether what stands behind the marks of a fence can be the language of this file; what nobody knows can."""
    language = _LANGUAGE.match(info)
    names = _NAMES.get(path.rpartition(".")[2].lower())
    return language is None or names is None or language[0].lower() in names or language[0].lower() not in _KNOWN


def told_by_fence(info: str, expected: Collection[str]) -> str:
    """The path behind the marks of a fence, ``""`` without one."""
    for path in expected:
        if path in info.split():
            return path
    found = _KEYED.search(info) or _BEHIND_COLON.match(info, 0, _LONGEST)
    path = plain_path(found[found.re.groups]) if found else ""
    if _PATH.match(path, 0, _LONGEST) and ("/" in path or "." in path):
        shown = found is not None and found[1] == "title" and expected and path not in expected
        return "" if shown else path  # an example has a title, too
    return plain_path(info) if _BARE.match(info, 0, _LONGEST) else ""


def labelled(before: str, first: str, info: str, expected: Sequence[str], given: Collection[str]) -> str:
    """The expected path that the line before a block names, or its first line; ``""`` without one.

    Args:
        given: paths of which something was said already: that a sentence speaks of one of these again says nothing about the block.
    """
    inside = _INSIDE.match(first, 0, _LONGEST)
    said = f" {_AROUND.sub(' ', before)} "
    for path in expected:
        if not fits(info, path):
            continue
        if inside is not None and plain_path(inside[1]) == path:
            return path
        if f" {path} " in said and (path not in given or _is_label(said.replace(f" {path} ", " "))):
            return path
    return ""


def headed(before: str, info: str) -> str:
    """The path that is all of the heading before a block, of a file that is written in the language which the block says it is in; ``""`` without one."""
    found = _HEADING.match(before, 0, _LONGEST)
    if found is None or found[2].lower() not in _NAMES or _LIBRARY.fullmatch(found[1]):
        return ""
    language = _LANGUAGE.match(info)
    return plain_path(found[1]) if language and language[0].lower() in _NAMES[found[2].lower()] else ""


def _is_label(rest: str) -> bool:
    return all(word in _LABEL for word in re.findall(r"[a-z]+", rest.lower()))

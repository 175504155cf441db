"""Differences (``diff -u``) in a reply: models that know a file well like to write them. What they say is applied like any other replacement: exactly, by
whole lines that stand in the file once; the numbers of lines, which models get wrong, are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from attrs import field, frozen

from .asked import Replacement
from .naming import plain_path

__all__ = ["Difference", "differences_in", "is_difference"]

_OLD: Final = re.compile(r"^--- (?:a/)?([^\t]*[^\t\s])\s*+(?:\t.*)?$")
_NEW: Final = re.compile(r"^\+\+\+ (?:b/)?([^\t]*[^\t\s])\s*+(?:\t.*)?$")
_HUNK: Final = re.compile(r"^@@(?:[ \d,+-]*@@.*)?$")
_ABOUT: Final = ("diff --git ", "index ", "new file mode ", "deleted file mode ", "similarity index ", "\\ No newline")
_NOTHING: Final = "/dev/null"
_WORD: Final = frozenset(("diff", "patch", "udiff"))
_WRONG: Final = "a difference is not written so: put FILE: <path> and then SEARCH and REPLACE blocks, or the whole file"
_NO_CONTEXT: Final = "a hunk of the difference has no line that is there already: repeat lines around the new ones"


@frozen(kw_only=True)
class Difference:
    """What becomes of one file.

    Attributes:
        path: of the file; ``""`` where the difference does not say it.
        blocks: what is replaced in it; in a new file the first is its text.
        deleted: it goes.
        why: what is wrong with it.
    """

    path: str = ""
    blocks: tuple[Replacement, ...] = field(default=())
    deleted: bool = False
    why: str = ""


def is_difference(info: str, lines: Sequence[str], path: str = "") -> bool:
    """Whether what stands in a fence is a difference, and not the text of a file with such in it."""
    if path.endswith((".diff", ".patch")):
        return False
    marked = any(_OLD.match(line) and _NEW.match(next_) for line, next_ in pairwise(lines)) and any(
        map(_HUNK.match, lines)
    )
    if not lines or not any(line[:1] in ("+", "-") for line in lines):
        return False
    return info.partition(" ")[0].lower() in _WORD or (
        marked and bool(_OLD.match(lines[0]) or lines[0].startswith(_ABOUT))
    )


def differences_in(lines: Sequence[str]) -> list[Difference]:
    """The differences, one for each file."""
    found: list[Difference] = []
    old, new, hunks, why = "", "", list[tuple[list[str], list[str]]](), ""

    def end() -> None:
        if old or new or hunks:
            found.append(_made(old, new, hunks, why))

    for line in lines:
        if (path := _OLD.match(line)) and (not hunks or _is_path(path[1])):
            end()
            old, new, hunks, why = path[1], "", [], ""
        elif old and not new and (path := _NEW.match(line)):
            new = path[1]
        elif line.startswith(_ABOUT):
            continue
        elif _HUNK.match(line):
            hunks.append(([], []))
        elif line[:1] in (" ", "+", "-", ""):
            if not hunks:
                hunks.append(([], []))
            if line[:1] != "+":
                hunks[-1][0].append(line[1:])
            if line[:1] != "-":
                hunks[-1][1].append(line[1:])
        else:
            why = _WRONG
    end()
    return found


def _is_path(name: str) -> bool:
    return name == _NOTHING or "/" in name or "." in name


def _made(old: str, new: str, hunks: list[tuple[list[str], list[str]]], why: str) -> Difference:
    path = plain_path(old if new in ("", _NOTHING) else new)
    if new == _NOTHING:
        return Difference(path=path, deleted=True)
    blocks = []
    for before, after in hunks:
        if before == after:
            continue
        if old != _NOTHING and not any(line.strip() for line in before):
            why = why or _NO_CONTEXT
        blocks.append(Replacement(((tuple(before), tuple(after)),)))
    if not blocks:
        why = why or _WRONG
    return Difference(path=path, blocks=tuple(blocks), why=why)

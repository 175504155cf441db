"""SEARCH and REPLACE blocks: where one ends, and which of its lines divides it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .asked import Replacement

__all__ = ["block_at", "ends_block", "opens_block"]

_SEARCH = re.compile(r"^(<{5,}) ?SEARCH\s*$")
_MIDDLE = re.compile(r"^={7,}\s*$")
_REPLACE = re.compile(r"^(>{5,}) ?REPLACE\s*$")
#: Signs in a mark; a text that has such a line itself is put between longer ones.
_USUAL = 7


def opens_block(line: str) -> bool:
    """Whether a block begins at this line."""
    return _SEARCH.match(line) is not None


def ends_block(line: str) -> bool:
    """Whether a block ends at this line."""
    return _REPLACE.match(line) is not None


def block_at(lines: Sequence[str], at: int) -> tuple[Replacement | None, int | None]:
    """The block that begins at a line, ``None`` where its marks are not as they have to be, and its last line, ``None`` where it has none."""
    opened = _SEARCH.match(lines[at])
    assert opened is not None
    width = len(opened[1])
    end = _end_of_block(lines, at, width)
    inside = lines[at + 1 : end]
    again = [found for line in inside if (found := _SEARCH.match(line))]
    dividers = [n for n, line in enumerate(inside) if _MIDDLE.match(line)]
    wide = [n for n in dividers if len(inside[n].strip()) == width]
    middles = wide or [n for n in dividers if len(inside[n].strip()) == _USUAL]
    if end is None or not middles or any(len(each[1]) == width or width <= _USUAL for each in again):
        return None, end
    return Replacement(tuple((tuple(inside[:middle]), tuple(inside[middle + 1 :])) for middle in middles)), end


def _end_of_block(lines: Sequence[str], at: int, width: int) -> int | None:
    """The next end; behind a longer mark, the next that is as long."""
    first = None
    for n in range(at + 1, len(lines)):
        if end := _REPLACE.match(lines[n]):
            first = n if first is None else first
            if width <= _USUAL or len(end[1]) == width:
                return n
    return first

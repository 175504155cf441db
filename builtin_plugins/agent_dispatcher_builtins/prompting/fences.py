"""Where a block of code in a reply ends, when what it holds may have fences itself.

A fence is closed by one of as many marks at least that is not indented further. What is left is read in every way in which all fences up to the next file
find their partners; where there is more than one way, code ends where it is complete, and what cannot be told is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from attrs import frozen

__all__ = ["Fence", "Kind", "closing", "fence_at", "outdented"]

Kind = Literal["page", "file", "nameless"]

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
#: Fences that are looked at to find the end of one block; a model that repeats itself writes thousands.
_MOST = 400
#: Ends up to which a text is tried for being complete.
_TRIED = 64
_LONGER = "put four backticks (````) on the lines before and after the file, since it holds fences itself"


@frozen
class Fence:
    """A line of marks, and what stands behind them; a fence that closes has nothing behind it."""

    indent: int
    marks: str
    info: str

    def may_close(self, opened: Fence) -> bool:
        """Whether it could belong to a block that ``opened`` began, as its end or as a fence in it that looks like one."""
        return self.marks.startswith(opened.marks) and self.indent <= opened.indent


def fence_at(line: str) -> Fence | None:
    """The fence that a line is, if it is one."""
    found = _FENCE.match(line)
    return Fence(len(found["indent"]), found["marks"], found["info"].strip()) if found else None


def outdented(text: str, indent: int) -> str:
    """What stands between fences that are indented so far (in a list), without as much; a text that is not indented with them stays as it is."""
    lines = text.split("\n")
    blank = " " * indent
    if indent == 0 or not all(line.startswith(blank) for line in lines if line.strip()):
        return text
    return "\n".join(line[indent:] if line.strip() else line.strip() for line in lines)


def closing(
    lines: Sequence[str],
    at: int,
    first: int,
    *,
    is_next_file: Callable[[int], bool],
    kind: Kind,
    around: bool,
    is_complete: Callable[[str], bool] | None = None,
) -> tuple[int | None, str]:
    """The line that ends the block which the fence at ``at`` begins; ``None`` and why, when that cannot be told.

    Args:
        first: the line at which what is in it begins.
        is_next_file: whether the edits of another file begin at a line.
        kind: a ``page`` of text usually has blocks of code in it, so the last end counts; of a ``nameless`` block, which is one of several most often, the first;
            of a ``file`` neither is taken for granted.
        around: there is a fence around everything, which has still to be closed.
        is_complete: whether a text can be all of a ``file``; the first end up to which it is so counts.
    """
    opened = fence_at(lines[at])
    assert opened is not None
    told = len(opened.marks) > 3  # whoever fences so means it: nothing in it begins another file
    fences: list[tuple[int, Fence]] = []
    place = first
    while place < len(lines) and (told or place == first or not is_next_file(place)):
        fence = fence_at(lines[place])
        if fence is not None and fence.may_close(opened):
            fences.append((place, fence))
        if len(fences) > _MOST:
            return None, f"more than {_MOST} fences follow, so it cannot be told where the block ends"
        place += 1
    # The last fence may belong to the next file, around its name.
    heard = [fences, fences[:-1]] if fences and fences[-1][0] == place - 1 else [fences]
    read = (_ends(those, around=outer) for outer in ((True, False) if around else (False,)) for those in heard)
    ends: list[int] = next(filter(None, read), [])
    if not ends:
        return None, f"the block is not closed; {_LONGER}" if len(fences) > 1 else "the block is not closed"
    if len(ends) == 1 or kind == "page":
        return ends[-1], ""
    if kind == "nameless":
        return ends[0], ""
    if is_complete is not None and any(line.strip() for line in lines[first : ends[0]]):
        complete = (end for end in ends[:_TRIED] if is_complete("".join(f"{line}\n" for line in lines[first:end])))
        if (end := next(complete, None)) is not None:
            return end, ""
    after = lines[ends[0] + 1] if ends[0] + 1 < len(lines) else ""
    return (None, f"it cannot be told where the block ends; {_LONGER}") if after.strip() else (ends[0], "")


def _ends(fences: Sequence[tuple[int, Fence]], *, around: bool) -> list[int]:
    """The lines at which a block may end: whole blocks inside of it before, whole blocks behind it after; first of these the end of the fence ``around`` all."""
    bare = [not fence.info for _, fence in fences]
    after = _paired_from(bare)
    ends = []
    inside = False
    for n, (place, _) in enumerate(fences):
        rest = n + 1
        if around:
            rest = n + 2 if rest < len(bare) and bare[rest] else len(bare) + 1
        if bare[n] and not inside and rest <= len(bare) and after[rest]:
            ends.append(place)
        inside = not inside or not bare[n]
    return ends


def _paired_from(bare: Sequence[bool]) -> list[bool]:
    """Of each fence, and of none at all, whether those from it on are blocks one behind the other, each with its end."""
    paired, closed = [True], False  # ``closed``: the same with a block open before
    for each in reversed(bare):
        before = closed
        closed = paired[-1] if each else closed
        paired.append(before)
    return paired[::-1]

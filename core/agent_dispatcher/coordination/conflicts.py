"""A conflict in words: what the next attempt has to know to bring both sides together.

The places where both sides changed the same lines come first, each with what either made of them and what both started from, and little around them; whoever has
little room for it may read from the top and stop anywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from attrs import frozen

from ..extension.components import ConflictSides

__all__ = ["conflict_text"]

#: Lines of one side of a place, or of a difference, that are shown; characters of a line; places of a file.
_MOST_LINES = 60
_LONGEST_LINE = 300
_MOST_PLACES = 20
#: Lines that are compared exactly; among more, frequent ones count for nothing, which is quicker.
_EXACTLY = 2000
#: Lines that are shown around a place.
_AROUND = 2
_LANDED = "landed meanwhile (your next attempt starts from it)"
_OWN = "your attempt (not kept; bring it in again)"


def conflict_text(*sides: ConflictSides) -> str:
    """What the sides of each file in conflict made of it: the places in conflict of all files first, then what else changed in each."""
    merges = [_Merge.of(each) for each in sides]
    places = [line for merge in merges for line in merge.in_conflict()]
    rest = [line for merge in merges for line in merge.beside()]
    return "\n".join((*places, *rest))


@frozen
class _Change:
    """``base[start:end]`` became ``lines``."""

    start: int
    end: int
    lines: tuple[str, ...]


@frozen
class _Place:
    """``base[start:end]``, which one side or both have changed."""

    start: int
    end: int
    ours: tuple[_Change, ...] = ()
    theirs: tuple[_Change, ...] = ()


@frozen
class _Merge:
    """Two changes of one file.

    Attributes:
        base: the lines of what both started from; none where there was no such file.
        ours, theirs: what landed, and what the attempt made of it; ``None`` when the file is gone, or is no text.
    """

    path: str
    base: tuple[str, ...]
    ours: tuple[str, ...] | None
    theirs: tuple[str, ...] | None
    new: bool

    @classmethod
    def of(cls, sides: ConflictSides) -> _Merge:
        def lines(text: str | None) -> tuple[str, ...] | None:
            return None if text is None else tuple(text.splitlines())

        return cls(sides.path, lines(sides.base) or (), lines(sides.ours), lines(sides.theirs), sides.base is None)

    def in_conflict(self) -> Iterator[str]:
        """The places that both sides changed, each in their words."""
        if self.ours is None or self.theirs is None:
            return
        places = [each for each in self._places() if each.ours and each.theirs]
        for place in places[:_MOST_PLACES]:
            low, high = max(0, place.start - _AROUND), min(len(self.base), place.end + _AROUND)
            where = f"lines {low + 1} to {high}" if low < high else "the whole file"
            yield f"--- {self.path}, {where}: {_LANDED}"
            yield from _shortened(self._made(place.ours, low, high))
            yield f"--- {self.path}, the same lines: {_OWN}"
            yield from _shortened(self._made(place.theirs, low, high))
            yield f"--- {self.path}, the same lines: what both started from"
            yield from ("(no such file, or no text)",) if self.new else _shortened(self.base[low:high])
        if len(places) > _MOST_PLACES:
            yield f"... and {len(places) - _MOST_PLACES} more places of {self.path}"

    def beside(self) -> Iterator[str]:
        """What each side changed where the other did not, its own side first."""
        places = self._places()
        for side, told in ((self.theirs, _OWN), (self.ours, _LANDED)):
            mine = [
                change
                for place in places
                if not (place.ours and place.theirs)
                for change in (place.theirs if side is self.theirs else place.ours)
            ]
            if side is None:
                yield f"--- {self.path}: {told}"
                yield "(the file was deleted, or is no text)"
            elif mine:
                yield f"--- {self.path}, what else changed: {told}"
                yield from _shortened([line for change in mine for line in self._shown(change)])

    def _places(self) -> list[_Place]:
        """The changes of both sides; those that touch each other are one place, unless they are the same."""
        ours, theirs = _changes(self.base, self.ours), _changes(self.base, self.theirs)
        same = {*ours} & {*theirs}
        left = [(change, True) for change in ours if change not in same]
        left += [(change, False) for change in theirs if change not in same]
        places: list[_Place] = []
        for change, is_ours in sorted(left, key=lambda each: (each[0].start, each[0].end, each[1])):
            last = places[-1] if places else None
            mine, its = ((change,), ()) if is_ours else ((), (change,))
            if last is not None and change.start <= last.end:
                places[-1] = _Place(last.start, max(last.end, change.end), last.ours + mine, last.theirs + its)
            else:
                places.append(_Place(change.start, change.end, mine, its))
        return places

    def _made(self, changes: Sequence[_Change], low: int, high: int) -> list[str]:
        """What changes made of ``base[low:high]``."""
        lines: list[str] = []
        at = low
        for change in changes:
            lines += [*self.base[at : change.start], *change.lines]
            at = change.end
        return [*lines, *self.base[at:high]]

    def _shown(self, change: _Change) -> list[str]:
        before = self.base[max(0, change.start - 1) : change.start]
        gone, after = self.base[change.start : change.end], self.base[change.end : change.end + 1]
        return [
            f"@@ line {change.start + 1} @@",
            *(f" {line}" for line in before),
            *(f"-{line}" for line in gone),
            *(f"+{line}" for line in change.lines),
            *(f" {line}" for line in after),
        ]


def _changes(base: Sequence[str], side: Sequence[str] | None) -> list[_Change]:
    if side is None:
        return []
    least = min(len(base), len(side))
    head = next((n for n in range(least) if base[n] != side[n]), least)
    tail = next((n for n in range(least - head) if base[-1 - n] != side[-1 - n]), least - head)
    old, new = base[head : len(base) - tail], side[head : len(side) - tail]
    codes = difflib.SequenceMatcher(a=old, b=new, autojunk=len(old) + len(new) > _EXACTLY).get_opcodes()
    return [_Change(i1 + head, i2 + head, tuple(new[j1:j2])) for what, i1, i2, j1, j2 in codes if what != "equal"]


def _shortened(lines: Sequence[str]) -> list[str]:
    """As many lines as may be shown, and how many are left out; ``(nothing)`` for none."""
    shown = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines[:_MOST_LINES]]
    left = len(lines) - _MOST_LINES
    return [*shown, f"... and {left} more lines"] if left > 0 else shown or ["(nothing)"]

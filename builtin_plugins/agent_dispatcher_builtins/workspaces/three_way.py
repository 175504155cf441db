"""Comparing three texts line by line: what both left alone, what one changed, and where both did. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from attrs import frozen

__all__ = ["Region", "regions"]


@frozen
class Region:
    """A stretch of the three texts, as half-open ranges of line numbers from 0.

    Attributes:
        kind: ``same`` (all three agree, or both sides made the same of it), ``ours`` or ``theirs`` (only that side changed it), ``both``.
    """

    kind: str
    base: tuple[int, int]
    ours: tuple[int, int]
    theirs: tuple[int, int]


def regions(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[Region]:
    """The whole of the three texts, in order."""
    at_base = at_ours = at_theirs = 0
    for start, length, in_ours, in_theirs in [
        *_kept_by_both(base, ours, theirs),
        (len(base), 0, len(ours), len(theirs)),
    ]:
        changed = Region("both", (at_base, start), (at_ours, in_ours), (at_theirs, in_theirs))
        if at_base < start or at_ours < in_ours or at_theirs < in_theirs:
            yield _named(changed, base, ours, theirs)
        at_base, at_ours, at_theirs = start + length, in_ours + length, in_theirs + length
        if length:
            yield Region("same", (start, at_base), (in_ours, at_ours), (in_theirs, at_theirs))


def _kept_by_both(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """(start in base, length, start in ours, start in theirs) of lines that both sides kept."""
    left = SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    right = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    one = other = 0
    while one < len(left) and other < len(right):
        a, b = left[one], right[other]
        start, end = max(a.a, b.a), min(a.a + a.size, b.a + b.size)
        if start < end:
            yield start, end - start, a.b + start - a.a, b.b + start - b.a
        if a.a + a.size < b.a + b.size:
            one += 1
        else:
            other += 1


def _named(region: Region, base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Region:
    before, mine, other = (
        text[slice(*place)] for text, place in ((base, region.base), (ours, region.ours), (theirs, region.theirs))
    )
    kind = "same" if mine == other else "theirs" if mine == before else "ours" if other == before else "both"
    return Region(kind, region.base, region.ours, region.theirs)

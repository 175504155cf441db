"""Finds the place of a quotation: models change white space, case, quotation marks and markup when they quote, and run over ends of lines."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ....checks.citing import visible
from ..reading import Document

__all__ = ["Place", "place_of"]

_MARKUP = frozenset("*_`")
_SAME = {"“": '"', "”": '"', "„": '"', "’": "'", "‘": "'", "–": "-", "—": "-"}
#: A quotation of fewer characters proves nothing.
_SHORTEST = 6


@frozen
class Place:
    """Where a quotation stands: the line that holds most of it, and what of it stands there, as it is written."""

    line: int
    quotation: str


def place_of(quotation: str, document: Document) -> Place | None:
    """The first place of ``quotation`` in ``document``; ``None`` where it does not stand there, or says too little to be found."""
    wanted = "".join(character for character, _ in _plain(visible(quotation).strip(" .…\"'“”")))
    if len(wanted) < _SHORTEST:
        return None
    text: list[str] = []
    places: list[tuple[int, int]] = []
    for number, line in enumerate(document.lines):
        for character, position in _plain(visible(line)):
            text.append(character)
            places.append((number, position))
    start = "".join(text).find(wanted)
    if start < 0:
        return None
    found = places[start : start + len(wanted)]
    counts: dict[int, list[int]] = {}
    for number, position in found:
        counts.setdefault(number, []).append(position)
    number = max(counts, key=lambda each: (len(counts[each]), -each))
    line = visible(document.lines[number])
    return Place(number + 1, line[counts[number][0] : counts[number][-1] + 1])


def _plain(text: str) -> Sequence[tuple[str, int]]:
    """Characters that count, one for one in lower case, with their positions: neither white space nor markup."""
    plain = []
    for position, character in enumerate(text):
        if character.isspace() or character in _MARKUP:
            continue
        character = _SAME.get(character, character)
        lower = character.lower()
        plain.append((lower if len(lower) == 1 else character, position))
    return plain

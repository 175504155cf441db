"""Finds the place of a quotation: models change white space, case, quotation marks and markup when they quote, and run over ends of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from ....checks.citing import visible
from ....checks.quotations import find_words, says_enough
from ..reading import Document

__all__ = ["Place", "place_of"]

_MARKUP = re.compile(r"[*_`]+")
_SAME = {"“": '"', "”": '"', "„": '"', "’": "'", "‘": "'", "–": "-", "—": "-"}
_ENDS = " .…\"'“”"


@frozen
class Place:
    """Where a quotation stands: the line that holds most of it, and what of it stands there, as it is written."""

    line: int
    quotation: str


def place_of(quotation: str, document: Document) -> Place | None:
    """The first place of ``quotation`` in ``document``; ``None`` where it does not stand there in whole words, or says too little to bear anything out.

    Of a quotation over several lines that leaves too little on each of them, the whole line is quoted.
    """
    wanted = " ".join("".join(character for character, _ in _plain(visible(quotation).strip(_ENDS))).split())
    text: list[str] = []
    places: list[tuple[int, int]] = []
    lines = [visible(line) for line in document.lines]
    for number, line in enumerate(lines):
        for character, position in _plain(f" {line}"):
            if character == " " and text[-1:] in ([], [" "]):
                continue
            text.append(character)
            places.append((number, position - 1))
    start = find_words(wanted, "".join(text))
    if start < 0:
        return None
    counts: dict[int, list[int]] = {}
    for (number, position), character in zip(places[start:], wanted, strict=False):
        if character != " ":
            counts.setdefault(number, []).append(position)
    number = max(counts, key=lambda each: (len(counts[each]), -each))
    line = lines[number]
    said = line[counts[number][0] : counts[number][-1] + 1]
    if says_enough(said, line):
        return Place(number + 1, said)
    whole = said == line.strip(_ENDS) or (len(counts) > 1 and says_enough(wanted, ""))
    return Place(number + 1, line) if whole and says_enough(line, line) else None


def _plain(text: str) -> Iterator[tuple[str, int]]:
    """Characters that count, one for one in lower case, with their positions: marks of markup do not, unless they stand within a word."""
    marks = {
        position
        for run in _MARKUP.finditer(text)
        if not (text[: run.start()][-1:].isalnum() and text[run.end() :][:1].isalnum())
        for position in range(*run.span())
    }
    for position, character in enumerate(text):
        if position not in marks:
            character = _SAME.get(character, character)
            lower = character.lower()
            yield (lower if len(lower) == 1 else character), position

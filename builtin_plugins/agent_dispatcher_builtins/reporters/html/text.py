"""Text that others wrote, made fit to be shown: no control characters, no hidden direction changes, no excess.

Escaping for HTML is the template's work alone.
"""

from __future__ import annotations

import math
import re
import unicodedata

from attrs import define

__all__ = ["Allowance", "clean", "cut", "line", "money", "number", "seconds", "wrapped"]

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[@-Z\\-_])")
#: Characters that reorder or hide what stands beside them.
_HIDDEN = frozenset("\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
_NARROW = frozenset("iljtfrI.,:;'|!()[]{} /\\`\u00b7")
_WIDE = frozenset("mwMW@%&\u2014\u2026")


def clean(text: object) -> str:
    """``text`` without terminal colours; every character that would not be seen, or would reorder others, is named instead."""
    found = _TERMINAL.sub("", str(text)).replace("\r\n", "\n")
    if found.isascii() and found.isprintable():
        return found
    return "".join(_shown(character) for character in found)


def _shown(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _HIDDEN or unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co"):
        return f"\u27e8U+{ord(character):04X}\u27e9"
    return character


def line(text: object, limit: int = 300) -> str:
    """``text`` cleaned, in one line of at most ``limit`` characters."""
    return cut(" ".join(clean(text).split()), limit)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, with an ellipsis where something was cut off."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def seconds(value: float) -> str:
    """A duration as people say it: ``0.4 s``, ``76 s``, ``12 min 5 s``, ``3 h 20 min``."""
    if not math.isfinite(value):
        return "unknown"
    if value < 9.95:
        return f"{max(value, 0.0):.1f} s"
    whole = round(value)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def number(value: float) -> str:
    """A whole number with narrow spaces between thousands."""
    return f"{round(value):,}".replace(",", "\u202f")


def money(value: float) -> str:
    """US dollars; small sums keep two digits that say something."""
    return f"${value:.2f}" if value >= 1 or value == 0 else f"${value:.4f}"


def width(text: str) -> float:
    """About how wide ``text`` is, in units of the font's size; rather more than less."""
    return sum(map(_character_width, text))


def _character_width(character: str) -> float:
    if character in _NARROW:
        return 0.36
    if character in _WIDE:
        return 0.95
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if unicodedata.combining(character):
        return 0.0
    return 0.72 if character.isupper() else 0.58


def wrapped(text: str, room: float, lines: int) -> tuple[str, ...]:
    """``text`` in at most ``lines`` lines of ``room`` times the font's size, broken at spaces where it can be.

    What does not fit ends in an ellipsis.
    """
    rows: list[str] = []
    rest = text
    while rest and len(rows) < lines:
        fit = _fitting(rest, room)
        if fit >= len(rest):
            rows.append(rest)
            break
        if len(rows) == lines - 1:
            rows.append(rest[: max(1, _fitting(rest, room - 1.0))].rstrip() + "…")
            break
        space = rest.rfind(" ", 1, fit + 1)
        at = space if space > fit // 3 else max(1, fit)
        rows.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return tuple(rows)


def _fitting(text: str, room: float) -> int:
    used = 0.0
    for position, character in enumerate(text):
        used += _character_width(character)
        if used > room:
            return position
    return len(text)


@define
class Allowance:
    """How much long text the page may still hold, so that a run that fails a thousand times still makes a page that opens.

    Attributes:
        left: characters.
        each: at most so many for one text.
    """

    left: int = 600_000
    each: int = 20_000

    def take(self, text: object, *, tail: bool = False) -> str:
        """``text`` cleaned, whole if the allowance permits; else its beginning (or its end), with a note of what is missing."""
        found = clean(text).strip("\n")
        room = max(400, min(self.each, self.left))
        if len(found) > room:
            missing = number(len(found) - room)
            if tail:
                found = f"[{missing} characters before this are left out]\n{found[-room:]}"
            else:
                found = f"{found[:room]}\n[{missing} more characters are left out]"
        self.left -= len(found)
        return found

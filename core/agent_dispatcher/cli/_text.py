"""Text for a terminal: what others wrote made safe to print, cut and wrapped to columns as they are seen, durations in words."""

from __future__ import annotations

import math
import re
import shutil
import unicodedata
from collections.abc import Iterator

__all__ = ["columns", "cut", "duration", "pad", "plain", "width", "wrapped"]

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[@-Z\\-_])")
_NARROWEST = 60


def plain(text: str) -> str:
    """``text`` in one line, without terminal codes and characters that hide or reorder others."""
    if text.isascii() and text.isprintable():
        return text
    shown = (character if _is_shown(character) else " " for character in _TERMINAL.sub("", text))
    return " ".join("".join(shown).split())


def _is_shown(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def columns() -> int:
    """How many columns there are to write to: those of the terminal (or ``COLUMNS``), 100 where there is none."""
    return max(shutil.get_terminal_size(fallback=(100, 24)).columns, _NARROWEST)


def width(text: str) -> int:
    """The columns that ``text`` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, room: int) -> str:
    """``text`` in at most ``room`` columns, an ellipsis where something was cut off."""
    if width(text) <= room:
        return text
    used, kept = 0, ""
    for character in text:
        used += _cells(character)
        if used > room - 1:
            break
        kept += character
    return f"{kept.rstrip()}…" if room > 0 else ""


def pad(text: str, room: int) -> str:
    """``text`` in exactly ``room`` columns."""
    text = cut(text, room)
    return text + " " * (room - width(text))


def wrapped(text: str, indent: str = "", *, first: str | None = None, room: int | None = None) -> str:
    """``text`` over as many lines as it takes, each behind ``indent``, the first behind ``first``."""
    return "\n".join(_lines(plain(text), indent, indent if first is None else first, room or columns()))


def _lines(text: str, indent: str, first: str, room: int) -> Iterator[str]:
    line = first
    empty = True
    for word in text.split():
        if not empty and width(line) + 1 + width(word) > room:
            yield line
            line, empty = indent, True
        line = line + word if empty else f"{line} {word}"
        empty = False
    yield line.rstrip()


def duration(seconds: float) -> str:
    """As people say it: ``0 s``, ``0.4 s``, ``45 s``, ``12 min``, ``3 h 20 min``."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 7200:
        return f"{round(whole / 60)} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"

"""Lines that say that a file is to go, or gets another path, and lines that nearly say so."""

from __future__ import annotations

import re

__all__ = ["deleted_in", "nearly_in", "renamed_in"]

_PATH = r"[`*\"']*([^\s`*\"'/][^\s`*\"']*)[`*\"']*"
_DELETE = re.compile(rf"^[#*\s]*DELETE\s*:\s*{_PATH}\s*$")
_RENAME = re.compile(rf"^[#*\s]*RENAME\s*:\s*{_PATH}\s*(?:->|=>|→)\s*{_PATH}\s*$")
_LISTED = r"^[-+#*>\s]*(?:\d+[.)]\s*)?"
_END = r"(?=[\s,;]|$)"
_NEAR_DELETE = re.compile(rf"{_LISTED}DELETE\s*:\s*{_PATH}{_END}")
_NEAR_RENAME = re.compile(rf"{_LISTED}RENAME\s*:\s*{_PATH}{_END}(?:\s*(?:->|=>|→|,|to\b|as\b|into\b)\s*{_PATH})?")
#: So much of a line is looked at.
_LONGEST = 400


def deleted_in(line: str) -> str | None:
    """The path of the file that is to go."""
    found = _DELETE.match(line, 0, _LONGEST)
    return found[1] if found else None


def renamed_in(line: str) -> tuple[str, str] | None:
    """The path of a file, and the one it gets."""
    found = _RENAME.match(line, 0, _LONGEST)
    return (found[1], found[2]) if found else None


def nearly_in(line: str) -> tuple[str, str] | None:
    """The path in a line that is close to one of the two, as in a list or with a reason behind it, and what is to be written instead."""
    if found := _NEAR_RENAME.match(line, 0, _LONGEST):
        return found[1], f"RENAME: {found[1]} -> {found[2] or '<new path>'}"
    found = _NEAR_DELETE.match(line, 0, _LONGEST)
    return (found[1], f"DELETE: {found[1]}") if found else None

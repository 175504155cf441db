"""A conflict in words: what the next attempt has to know to bring both sides together."""

from __future__ import annotations

import difflib

from ..extension.components import ConflictSides

__all__ = ["conflict_text"]

#: Lines of a text or a difference that are shown.
_MOST_LINES = 200


def conflict_text(sides: ConflictSides) -> str:
    """The file both started from, what landed meanwhile made of it, and what this work made of it. The next attempt starts from what landed."""
    base = sides.base or ""
    return "\n".join(
        (
            f"--- {sides.path}: what both started from",
            _shortened(base.splitlines()) if sides.base is not None else "(no such file, or no text)",
            f"--- {sides.path}: what landed meanwhile (your next attempt starts from it)",
            _changes(base, sides.ours),
            f"--- {sides.path}: what your attempt made of it (not kept; bring it in again)",
            _changes(base, sides.theirs),
        )
    )


def _changes(before: str, after: str | None) -> str:
    if after is None:
        return "(the file was deleted, or is no text)"
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    return _shortened(lines) or "(unchanged)"


def _shortened(lines: list[str]) -> str:
    left = len(lines) - _MOST_LINES
    return "\n".join(lines if left <= 0 else [*lines[:_MOST_LINES], f"... and {left} more lines"])

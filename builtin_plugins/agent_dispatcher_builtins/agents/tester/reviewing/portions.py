"""Changes in portions that a model can be shown, each line with its sign and number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from ....prompting.asking import tokens
from .diffs import Diff

__all__ = ["Part", "portions"]


@frozen
class Part:
    """Lines of one file's change, numbered.

    Attributes:
        is_new: the file was not there before.
    """

    path: str
    text: str
    is_new: bool = False


def portions(diffs: Mapping[str, Diff], room: int) -> Iterator[tuple[Part, ...]]:
    """Every line of every change exactly once, in order, at most about ``room`` tokens at a time; a line that is longer than that stands alone."""
    parts: list[Part] = []
    left = room
    for path, diff in diffs.items():
        lines: list[str] = []
        for line in diff.lines:
            numbered = str(line)
            size = tokens(numbered) + 1
            if size > left and (lines or parts):
                if lines:
                    parts.append(Part(path, "\n".join(lines), diff.is_new))
                yield tuple(parts)
                parts, lines, left = [], [], room
            lines.append(numbered)
            left -= size
        if lines:
            parts.append(Part(path, "\n".join(lines), diff.is_new))
    if parts:
        yield tuple(parts)

"""The work in portions that a model can be shown, each line with its number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from ....prompting.asking import tokens

__all__ = ["Part", "portions"]


@frozen
class Part:
    """Lines of one file, numbered."""

    path: str
    text: str


def portions(files: Mapping[str, str], room: int) -> Iterator[tuple[Part, ...]]:
    """Every line of every file exactly once, in order, at most about ``room`` tokens at a time; a line that is longer than that stands alone."""
    parts: list[Part] = []
    left = room
    for path, text in files.items():
        lines: list[str] = []
        for number, line in enumerate(text.split("\n"), 1):
            numbered = f"{number:>5}| {line}"
            size = tokens(numbered) + 1
            if size > left and (lines or parts):
                if lines:
                    parts.append(Part(path, "\n".join(lines)))
                yield tuple(parts)
                parts, lines, left = [], [], room
            lines.append(numbered)
            left -= size
        if lines:
            parts.append(Part(path, "\n".join(lines)))
    if parts:
        yield tuple(parts)

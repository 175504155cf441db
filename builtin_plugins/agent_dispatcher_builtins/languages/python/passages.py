"""A text in Markdown, taken apart: what stands in one sentence, in one item, in one table, in one piece of code, and what introduces it.

Who reads sentences has to know where one ends, and what was said above the list that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import field, frozen

__all__ = ["Passage", "passages"]

_FENCE = re.compile(r"\A\s*(?:[-*+]\s+)?(`{3,}|~{3,})")
_ITEM = re.compile(r"\A(\s*)(?:[-*+]|\d{1,3}[.)])\s+(?=\S)")
_HEADING = re.compile(r"\A\s{0,3}#{1,6}\s+")
_CALL = re.compile(r"\A`?[A-Za-z_]\w*\(")
_PROMPT = re.compile(r"\A[\s*>`-]*>>> ?")


@frozen(kw_only=True)
class Passage:
    """A part of a text.

    Attributes:
        kind: ``prose``, ``session`` (of an interpreter, with ``>>>``), ``code`` or ``table``.
        lines: as they stand there, of prose without the mark of a list.
        above: what introduces it: headings, items that it stands below, and the sentence with a colon before it.
    """

    kind: str
    lines: tuple[str, ...]
    above: str = ""

    @property
    def text(self) -> str:
        """In one line."""
        return " ".join(line.strip() for line in self.lines)


@frozen
class _Parts:
    """What has been read so far."""

    done: list[Passage] = field(factory=list)
    lines: list[str] = field(factory=list)
    heading: list[str] = field(factory=list)
    items: list[tuple[int, str]] = field(factory=list)
    intro: list[str] = field(factory=list)

    def above(self) -> str:
        return "\n".join((*self.heading, *self.intro, *(text for _, text in self.items)))

    def end(self) -> None:
        """The paragraph is over. One with a colon at its end introduces what follows."""
        if self.lines:
            passage = Passage(kind="prose", lines=tuple(self.lines), above=self.above())
            self.done.append(passage)
            self.lines.clear()
            if self.items:
                self.items[-1] = (self.items[-1][0], passage.text)
            elif passage.text.endswith(":"):
                self.intro[:] = [passage.text]
            elif not _CALL.match(passage.text):
                self.intro.clear()

    def begin_item(self, indent: int) -> None:
        self.end()
        while self.items and self.items[-1][0] >= indent:
            self.items.pop()
        self.items.append((indent, ""))

    def take(self, kind: str, lines: list[str]) -> None:
        self.done.append(Passage(kind=kind, lines=tuple(lines), above=self.above()))


def passages(text: str) -> tuple[Passage, ...]:
    """The parts of ``text``, in order."""
    parts = _Parts()
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        line = lines[place]
        fence = _FENCE.match(line)
        if fence:
            parts.end()
            inner = list(_until_closed(lines, place + 1, fence[1]))
            place += len(inner) + 2
            parts.take("session" if any(_PROMPT.match(each) for each in inner) else "code", inner)
            continue
        if _PROMPT.match(line) or line.lstrip().startswith("|"):
            parts.end()
            session = _PROMPT.match(line) is not None
            inner = list(_while_going_on(lines, place, table=not session))
            place += len(inner)
            parts.take("session" if session else "table", inner)
            continue
        _prose(parts, line)
        place += 1
    parts.end()
    return tuple(parts.done)


def _prose(parts: _Parts, line: str) -> None:
    item = _ITEM.match(line)
    if not line.strip():
        parts.end()
    elif _HEADING.match(line):
        parts.end()
        parts.items.clear()
        parts.intro.clear()
        parts.heading[:] = [_HEADING.sub("", line)]
    elif item:
        parts.begin_item(len(item[1]))
        parts.lines.append(line[item.end() :])
    else:
        if not parts.lines and parts.items and len(line) - len(line.lstrip()) <= parts.items[0][0]:
            parts.items.clear()
        if parts.lines and _CALL.match(line.strip()) and _is_whole(parts.lines):
            parts.end()
        parts.lines.append(line)


def _is_whole(lines: list[str]) -> bool:
    """Whether a line that begins with a call begins something of its own: a sentence is over, or the line before does so too."""
    last = lines[-1].strip()
    return last.endswith((".", ":", ";", "!", "?")) or _CALL.match(last) is not None


def _until_closed(lines: list[str], start: int, fence: str) -> Iterator[str]:
    for line in lines[start:]:
        if line.strip().startswith(fence):
            return
        yield line


def _while_going_on(lines: list[str], start: int, *, table: bool) -> Iterator[str]:
    for line in lines[start:]:
        if not line.strip() or _FENCE.match(line) or (table and not line.lstrip().startswith("|")):
            return
        yield line

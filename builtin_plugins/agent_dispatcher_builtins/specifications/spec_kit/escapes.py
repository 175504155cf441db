r"""Backslashes in ``tasks.md``: in front of what the format would take for a mark of its own, as Markdown has them.

``- [ ] T001 \[P] is a title`` begins with a bracket and is not marked parallel. Only the places are looked at where a mark can stand: the beginning of
a title or of a line, and the end of a title. Elsewhere a backslash is a backslash.
"""

from __future__ import annotations

import re

__all__ = ["escaped_line", "escaped_title", "plain_line", "plain_title"]

#: What ends a title as a mark would, with the backslashes in front of it.
_END = re.compile(r"(?P<escapes>\\*)(?P<mark>[\[(][Pp][\])][\s*_`]*)$")
#: What a title begins with that a mark, an id or a label could begin with too.
_BEGINNING = re.compile(r"[*_`:.)：|–—\-\[(~\\]|P\d\b|US-?\d{1,3}\b")
#: What a line begins with when it begins a list, a heading, a quotation, a fence, a table or a rule.
_MARKS = r"[-+*#>|~`<=:_\\]"
_LINE = re.compile(rf"(?P<number>\d{{1,9}})?(?P<mark>(?(number)[.)]|{_MARKS}))")
_LINE_ESCAPED = re.compile(rf"(?P<number>\d{{1,9}})?\\(?P<mark>(?(number)[.)]|{_MARKS}))")


def escaped_title(title: str) -> str:
    """A title as it is written, so that :func:`plain_title` gives it back."""
    found = _END.search(title)
    if found:
        title = f"{title[: found.start()]}{found['escapes'] * 2}\\{found['mark']}"
    whole = found is not None and found.start() == 0
    return f"\\{title}" if _BEGINNING.match(title) and not whole else title


def plain_title(text: str) -> str:
    """A title as it is meant."""
    found = _END.search(text)
    if found is None:
        return _unescaped(text)
    front, escapes = text[: found.start()], found["escapes"]
    return _unescaped(front) + escapes[: len(escapes) // 2] + found["mark"]


def _unescaped(text: str) -> str:
    """Without the backslash in front, where one is needed there."""
    return text[1:] if text.startswith("\\") and _BEGINNING.match(text, 1) else text


def escaped_line(line: str) -> str:
    """A line of prose that Markdown takes for nothing else."""
    return _LINE.sub(lambda found: (found["number"] or "") + "\\" + found["mark"], line, count=1) if _LINE.match(line) else line  # fmt: skip


def plain_line(line: str) -> str:
    """A line as it is meant."""
    found = _LINE_ESCAPED.match(line)
    return (found["number"] or "") + line[found.start("mark") :] if found else line

"""Which characters of an export have to change so that it says other statuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from agent_dispatcher.safe_load import Place, load_json

from ..in_place import Edit
from .lines import Issue
from .words import meaning, word_for

__all__ = ["status_edits"]

_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.A-Za-z0-9]+')


def status_edits(text: str, issues: Sequence[Issue], statuses: Mapping[str, str]) -> list[Edit]:
    """The edits that make the file say ``statuses``; none where it says so already.

    Args:
        text: the file, without its byte order mark.
        issues: what was read from exactly this text.
        statuses: id of an issue to its task's status.
    """
    wanted = {issue.line: (issue, statuses[issue.id]) for issue in issues if issue.id in statuses}
    edits: list[Edit] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if number in wanted:
            edits += _edits(line, start, *wanted[number])
        start += len(line) + 1
    return edits


def _edits(line: str, start: int, issue: Issue, status: str) -> Iterator[Edit]:
    current = issue.values.get("status")
    word = word_for(status, current.strip() if isinstance(current, str) else "open")
    if word is None:
        return
    root = load_json(line, issue.where, max_bytes=len(line) * 4 + 8)
    assert isinstance(root.value, dict)
    node = root.value.get("status")
    closing, dated = meaning(word) == "completed", root.value.get("closed_at")
    stamp = f'"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"'
    added = f',"closed_at":{stamp}' if closing and dated is None else ""
    if node is None:
        brace = line.index("{") + 1
        yield Edit(start + brace, start + brace, f'"status":"{word}"{added}{"," if root.value else ""}')
    elif not isinstance(node.value, dict | tuple):
        begin, end = _span(line, node.place)
        yield Edit(start + begin, start + end, f'"{word}"{added}')
    if dated is not None and not isinstance(dated.value, dict | tuple):
        begin, end = _span(line, dated.place)
        if not closing:
            begin, end = _member(line, root.keys["closed_at"].column - 1, end)
            yield Edit(start + begin, start + end, "")
        elif dated.value is None:
            yield Edit(start + begin, start + end, stamp)


def _span(line: str, place: Place) -> tuple[int, int]:
    found = _SCALAR.match(line, place.column - 1)
    assert found is not None
    return found.span()


def _member(line: str, begin: int, end: int) -> tuple[int, int]:
    """A key with its value and the comma that parts it from what is in front of it; of the first one that behind it."""
    before = line[:begin].rstrip()
    if before.endswith(","):
        return len(before) - 1, end
    rest = line[end:]
    behind = rest.lstrip()
    if not behind.startswith(","):
        return begin, end
    behind = behind[1:].lstrip()
    return begin, len(line) - len(behind)

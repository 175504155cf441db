"""Which characters of ``tasks.json`` have to change so that it says other statuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent_dispatcher.safe_load import Located, Place

from ..in_place import Edit
from .listing import Entry
from .statuses import DONE_WORDS, done_word, meaning, word_for

__all__ = ["status_edits"]

_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.A-Za-z0-9]+', re.DOTALL)
_SPACE = re.compile(r"\s*")


def status_edits(text: str, entries: Sequence[Entry], statuses: Mapping[str, str]) -> list[Edit]:
    """The edits that make the file say ``statuses``; none where it says so already.

    Args:
        text: the file, without its byte order mark.
        entries: what was read from exactly this text.
        statuses: a task's own id, or its id in the plan, to its status.
    """
    starts = _line_starts(text)
    done = done_word(_words(entries))
    edits: list[Edit] = []
    for entry in entries:
        wanted = statuses.get(entry.task.source_id or "") or statuses.get(entry.task.id)
        if wanted is None:
            continue
        word = word_for(wanted, _word(entry.node) or "pending", done)
        if word is not None:
            edits.extend(_edit(text, starts, entry.node, word))
        if wanted == "completed":
            for node in entry.subtasks:
                if meaning(_word(node) or "pending") in ("pending", None):
                    edits.extend(_edit(text, starts, node, done))
    return edits


def _words(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        word = _word(entry.node)
        if word.lower() in DONE_WORDS:
            yield word


def _word(node: Located) -> str:
    assert isinstance(node.value, dict)
    status = node.value.get("status")
    return status.value.strip() if status is not None and isinstance(status.value, str) else ""


def _edit(text: str, starts: Sequence[int], node: Located, word: str) -> Iterator[Edit]:
    """Replace the status of a mapping, or put one first where there is none; a status that is no single value is left alone."""
    assert isinstance(node.value, dict)
    status = node.value.get("status")
    if status is None:
        start = _offset(starts, node.place) + 1
        space = _SPACE.match(text, start)
        assert space is not None
        if text[space.end()] == "}":
            yield Edit(start, start, f'"status": "{word}"')
        else:
            yield Edit(start, start, f'{space.group()}"status": "{word}",{"" if space.group() else " "}')
    elif not isinstance(status.value, dict | tuple):
        start = _offset(starts, status.place)
        found = _SCALAR.match(text, start)
        assert found is not None
        yield Edit(start, found.end(), f'"{word}"')


def _line_starts(text: str) -> list[int]:
    """Offset of each line's first character."""
    starts = [0]
    starts.extend(match.end() for match in re.finditer("\n", text))
    return starts


def _offset(starts: Sequence[int], place: Place) -> int:
    return starts[place.line - 1] + place.column - 1

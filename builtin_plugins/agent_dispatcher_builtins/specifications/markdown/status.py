"""Writes what became of tasks into a document: the mark in a box changes, and no other byte."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from ..in_place import Edit, apply, rewrite
from .tasks import Reading

__all__ = ["write_status"]

log = logging.getLogger(__name__)

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_BOX = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)+\[(?P<mark>[ \t]?[^\[\]\s]?\ufe0f?[ \t]?)\]")


def write_status(file: Path, text: str, reading: Reading, statuses: Mapping[str, str]) -> None:
    """Tick the boxes of the tasks that are ``completed`` and clear those of the others that are ticked.

    Args:
        text: the file's, without a byte order mark.
        reading: what was read from exactly this text.
        statuses: by id of the task or by its own; tasks that are not named stay as they are.

    Raises:
        PathRefused: the file is a link.
    """
    starts = [match.start() for match in _LINE.finditer(text)]
    tick = "X" if text.count("[X]") > text.count("[x]") else "x"
    edits: list[Edit] = []
    for index, entry in reading.outline.entries.items():
        own = reading.names.get(index, "")
        wanted = statuses.get(reading.ids[index], statuses.get(own) if own else None)
        if wanted is None or entry.done == (wanted == "completed"):
            continue
        box = _BOX.match(text, starts[entry.line - 1]) if entry.mark is not None and entry.line <= len(starts) else None
        if box is None:
            log.warning("%s has no box that could show that it is %s", own or reading.ids[index], wanted)
            continue
        edits.append(Edit(box.start("mark"), box.end("mark"), tick if wanted == "completed" else " "))
    if edits:
        rewrite(file, apply(text, edits), file.parent)

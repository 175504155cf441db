"""Writes what became of tasks into the boxes of a list: the mark in a box changes, and no other byte."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_dispatcher.models import Task

from .checklist import DONE
from .in_place import Edit, apply, rewrite

__all__ = ["tick"]

log = logging.getLogger(__name__)

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_BOX = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)]|#{1,6})[ \t]*)*\[(?P<mark>[ \t]?[^\[\]\s]?\ufe0f?[ \t]?)\]")


def tick(file: Path, text: str, tasks: Sequence[Task], statuses: Mapping[str, str]) -> None:
    """Tick the boxes of the tasks that are ``completed`` and clear those of the others that are ticked.

    Args:
        file: where ``text`` was read from.
        text: without a byte order mark.
        tasks: all tasks of the file; each one's ``source`` names its line.
        statuses: by id of the task or by its id in the file; tasks that are not named stay as they are.

    Raises:
        PathRefused: the file is a link.
    """
    starts = [match.start() for match in _LINE.finditer(text)]
    capital = text.count("[X]") > text.count("[x]")
    edits: list[Edit] = []
    known: set[str] = set()
    for task in tasks:
        known |= {task.id, task.source_id or task.id}
        wanted = statuses.get(task.id, statuses.get(task.source_id or ""))
        line = int(task.source.rpartition(":")[2])
        box = _BOX.match(text, starts[line - 1]) if wanted is not None and line <= len(starts) else None
        if box is None:
            if wanted is not None:
                log.warning("%s has no box that could show that it is %s", task.source_id or task.id, wanted)
            continue
        done = box["mark"].strip() in DONE
        if (wanted == "completed") != done:
            mark = ("X" if capital else "x") if wanted == "completed" else " "
            edits.append(Edit(box.start("mark"), box.end("mark"), mark))
    unknown = sorted(set(statuses) - known)
    if unknown:
        log.warning("%s has no task %s, so nothing was marked for it", file.name, ", ".join(unknown[:5]))
    if edits:
        rewrite(file, apply(text, edits), file.parent)

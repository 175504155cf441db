"""Writes what became of tasks into ``tasks.md``: the mark in a box changes, and no other byte."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from agent_dispatcher.safe_load import read_text

from ..in_place import Edit, apply, rewrite
from ..page import parse_page
from .tasklines import DONE
from .tasks import read_tasks

__all__ = ["write_status"]

log = logging.getLogger(__name__)

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_BOX = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)]|#{1,6})[ \t]+)*\[(?P<mark>[ \t]?[^\[\]\s]?\ufe0f?[ \t]?)\]")


def write_status(file: Path, statuses: Mapping[str, str]) -> None:
    """Tick the boxes of the tasks that are ``completed`` and clear those of the others that are ticked.

    Args:
        file: ``tasks.md``.
        statuses: by id of the task or by its id in the file; tasks that are not named stay as they are.

    Raises:
        UsageError, SpecificationError: the file cannot be read.
        PathRefused: it is a link.
    """
    text = read_text(file, name=file.name)
    page = parse_page(text, file.name)
    starts = _line_starts(text)
    tick = "X" if _prefers_capital(text) else "x"
    edits: list[Edit] = []
    known: set[str] = set()
    for task in read_tasks(page).tasks:
        known |= {task.id, task.source_id or task.id}
        wanted = statuses.get(task.id, statuses.get(task.source_id or ""))
        line = int(task.source.rpartition(":")[2])
        box = _BOX.match(text, starts[line - 1]) if wanted is not None and line <= len(starts) else None
        if box is None:
            if wanted is not None:
                log.warning("%s has no box that could show that it is %s", task.source_id, wanted)
            continue
        done = box["mark"].strip() in DONE
        if (wanted == "completed") != done:
            edits.append(Edit(box.start("mark"), box.end("mark"), tick if wanted == "completed" else " "))
    unknown = sorted(set(statuses) - known)
    if unknown:
        log.warning("%s has no task %s, so nothing was marked for it", file.name, ", ".join(unknown[:5]))
    if edits:
        rewrite(file, apply(text, edits), file.parent)


def _line_starts(text: str) -> list[int]:
    """Where each line begins, counted as the Markdown parser counts."""
    return [match.start() for match in _LINE.finditer(text)]


def _prefers_capital(text: str) -> bool:
    return text.count("[X]") > text.count("[x]")

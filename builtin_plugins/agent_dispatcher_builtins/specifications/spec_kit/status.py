"""Writes what became of tasks into ``tasks.md``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent_dispatcher.safe_load import read_text

from ..page import parse_page
from ..ticking import tick
from .tasks import read_tasks

__all__ = ["write_status"]


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
    tick(file, text, read_tasks(parse_page(text, file.name)).tasks, statuses)

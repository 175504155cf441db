"""The format: reads a table of tasks, and writes into it which of them are finished."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agent_dispatcher import Specification
from agent_dispatcher.errors import DispatcherError, Problem, SpecificationError
from agent_dispatcher.safe_load import read_text

from .rows import COLUMNS, status_of, tasks_of
from .table import Table, delimiter_of, parse

__all__ = ["CsvTasksFormat"]

_NEEDED = ("id", "title")
_LOOK_AT_BYTES = 4096
_BOM = b"\xef\xbb\xbf"


class CsvTasksFormat:
    """A file ``*.csv`` whose first line names at least the columns ``id`` and ``title``. It holds tasks and no requirements."""

    def matches(self, source: Path) -> float:
        """1 for such a file; only its first line is looked at."""
        if source.suffix.lower() != ".csv" or not source.is_file():
            return 0
        with source.open("rb") as file:
            beginning = file.read(_LOOK_AT_BYTES).removeprefix(_BOM).decode("utf-8", "replace")
        return 1 if delimiter_of(_first_line(beginning), _NEEDED) else 0

    def load(self, source: Path) -> Specification:
        """The tasks in the order of the rows; everything that is wrong at once, each with its line."""
        text = read_text(source)
        table = _table(text, source)
        tasks = tasks_of(table, shown=source.name, where=str(source))
        unknown = [cell for cell, name in zip(table.header.cells, table.columns, strict=True) if name not in COLUMNS]
        return Specification(
            id=re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or "tasks",
            title=" ".join(re.split(r"[-_\s]+", source.stem)).strip().capitalize() or "Tasks",
            format="csv-tasks",
            path=str(source),
            digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
            tasks=tasks,
            warnings=tuple(
                f"{source.name}:{cell.line}: the column {cell.value!r} is not understood" for cell in unknown
            ),
        )

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Exchange the cells that say something else, in the words the file has for it already."""
        if source.is_symlink():
            raise DispatcherError(f"{source} is a link: statuses are written into files only, name the file itself")
        text = read_text(source)
        table = _table(text, source)
        changes = [
            (row, statuses[name])
            for row in table.rows
            if (name := table.value(row, "id")) in statuses and status_of(table.value(row, "status")) != statuses[name]
        ]
        pieces: list[str] = []
        done = 0
        for row, status in changes:
            cell = table.cell(row, "status")
            if cell is None:
                raise DispatcherError(
                    f"{source}:{row.line}: there is no cell for a status: add a column 'status', and a cell for it to every row"
                )
            pieces += [text[done : cell.start], _in_the_files_words(table, status)]
            done = cell.end
        if changes:
            _replace(source, "".join([*pieces, text[done:]]))


def _table(text: str, source: Path) -> Table:
    delimiter = delimiter_of(_first_line(text), _NEEDED)
    if not delimiter:
        what = "the first line must name the columns 'id' and 'title'"
        raise SpecificationError(Problem(what, f"{source}:1", f"known: {', '.join(COLUMNS)}"))
    return parse(text, delimiter, str(source))


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]


def _in_the_files_words(table: Table, status: str) -> str:
    """How the file writes that status elsewhere (``done``, ``todo``, nothing), else its name."""
    for row in table.rows:
        said = table.value(row, "status")
        if table.cell(row, "status") is not None and status_of(said) == status:
            return said
    return status


def _replace(source: Path, text: str) -> None:
    """Whole or not at all, with the file's own mode and byte order mark."""
    with source.open("rb") as old:
        mark = _BOM if old.read(len(_BOM)) == _BOM else b""
    handle, draft = tempfile.mkstemp(dir=source.parent, prefix=f".{source.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(mark + text.encode())
        shutil.copymode(source, draft)
        Path(draft).replace(source)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise

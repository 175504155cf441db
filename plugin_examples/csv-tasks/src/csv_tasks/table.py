"""A CSV text as cells that know where they stand, so that one of them can be exchanged and every other byte stays.

The standard library's reader gives values without places; this one is stricter than it: a quote inside a plain cell, or text behind a
closing quote, is a mistake that is told, not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent_dispatcher.errors import Problem, SpecificationError
from attrs import field, frozen

__all__ = ["DELIMITERS", "Cell", "Row", "Table", "delimiter_of", "parse"]

DELIMITERS = (",", ";", "\t")
_END = re.compile(r"\r\n|\n|\r|\Z")


@frozen
class Cell:
    """``text[start:end]`` is how it is written, quotes included; ``value`` is what it means."""

    value: str
    start: int
    end: int
    line: int


@frozen
class Row:
    """A row that holds something, and the line it begins in."""

    cells: tuple[Cell, ...]
    line: int


@frozen(kw_only=True)
class Table:
    """The rows under a header.

    Attributes:
        columns: name of a column, in lower case with ``_`` for spaces, to its place in a row.
        header: the header's own cells.
    """

    columns: dict[str, int]
    header: Row
    rows: tuple[Row, ...] = field(repr=False)

    def cell(self, row: Row, column: str) -> Cell | None:
        """The cell of a row; ``None`` without such a column, or where the row ends before it."""
        index = self.columns.get(column)
        return row.cells[index] if index is not None and index < len(row.cells) else None

    def value(self, row: Row, column: str) -> str:
        """What the cell says, without spaces around it; ``""`` where there is none."""
        cell = self.cell(row, column)
        return cell.value.strip() if cell is not None else ""


def delimiter_of(first_line: str, needed: tuple[str, ...]) -> str:
    """What separates the columns of a header that has all the ``needed`` ones; ``""`` when nothing does."""
    for delimiter in DELIMITERS:
        names = {_name(part.strip().strip('"')) for part in first_line.split(delimiter)}
        if names.issuperset(needed):
            return delimiter
    return ""


def parse(text: str, delimiter: str, where: str) -> Table:
    """Read a whole text.

    Args:
        where: the file's name, for errors.

    Raises:
        SpecificationError: the text is no CSV, a column is there twice, or a row has more cells than the header; with every place.
    """
    rows = list(_rows(text, delimiter, where))
    header = rows[0]
    problems: list[Problem] = []
    columns: dict[str, int] = {}
    for index, cell in enumerate(header.cells):
        name = _name(cell.value)
        if name in columns:
            problems.append(
                Problem(f"the column {name!r} is there twice", f"{where}:{cell.line}", "rename or remove one")
            )
        columns[name] = index
    problems += [
        Problem(
            f"the row has {len(row.cells)} cells and the header {len(header.cells)}",
            f"{where}:{row.line}",
            f"put text that holds {delimiter!r} in double quotes",
        )
        for row in rows[1:]
        if len(row.cells) > len(header.cells)
    ]
    if problems:
        raise SpecificationError(problems)
    return Table(columns=columns, header=header, rows=tuple(rows[1:]))


def _name(text: str) -> str:
    return "_".join(text.strip().lower().split())


def _rows(text: str, delimiter: str, where: str) -> Iterator[Row]:
    """Rows that are not blank, the header first."""
    plain = re.compile(rf"[^{re.escape(delimiter)}\"\r\n]*")
    quoted = re.compile(r'"((?:[^"]|"")*+)"')
    at, line, cells, begun = 0, 1, list[Cell](), 1
    while True:
        match = quoted.match(text, at) if text[at : at + 1] == '"' else plain.match(text, at)
        if match is None:
            raise _wrong("a cell begins with a double quote that is never closed", where, line)
        written = match[0]
        value = match[1].replace('""', '"') if match.re is quoted else written
        cells.append(Cell(value, at, match.end(), line))
        line += len(re.findall(r"\r\n|\n|\r", written)) if match.re is quoted else 0
        at = match.end()
        if text[at : at + 1] == delimiter:
            at += 1
            continue
        end = _END.match(text, at)
        if end is None:
            raise _wrong("a double quote stands inside a cell, or text behind a closing one", where, line)
        if len(cells) > 1 or cells[0].value.strip():
            yield Row(tuple(cells), begun)
        if end.end() == len(text):
            return
        at, line = end.end(), line + 1
        cells, begun = [], line


def _wrong(what: str, where: str, line: int) -> SpecificationError:
    remedy = 'put the whole cell in double quotes and write a quote in it twice: "a ""word"" in quotes"'
    return SpecificationError(Problem(what, f"{where}:{line}", remedy))

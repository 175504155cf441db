"""What a row means: one task."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from agent_dispatcher import Task
from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import TASK_STATUSES, ArtifactRef, DeclaredDependency

from .table import Row, Table

__all__ = ["COLUMNS", "status_of", "tasks_of"]

#: Columns that are understood.
COLUMNS = (
    "id",
    "title",
    "description",
    "type",
    "status",
    "depends_on",
    "produces",
    "consumes",
    "group",
    "priority",
    "complexity",
    "estimate_s",
)
_WORDS = {
    "": "pending",
    "todo": "pending",
    "open": "pending",
    "done": "completed",
    "x": "completed",
    "doing": "in_progress",
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TYPE = re.compile(r"[a-z][a-z0-9_]*")


def status_of(word: str) -> str | None:
    """The status a cell means; ``None`` for a word that is not understood."""
    plain = "_".join(word.lower().split())
    return plain if plain in TASK_STATUSES else _WORDS.get(plain)


def tasks_of(table: Table, *, shown: str, where: str) -> tuple[Task, ...]:
    """A task for each row.

    Args:
        shown: the file's name in the places that tasks carry.
        where: its name in errors.

    Raises:
        SpecificationError: every cell that makes no sense, with its line.
    """
    problems: list[Problem] = []
    first: dict[str, Row] = {}
    for row in table.rows:
        name = table.value(row, "id")
        if not _ID.fullmatch(name):
            problems.append(
                Problem(f"{name!r} is no id", f"{where}:{row.line}", "up to 64 letters, digits, '.', '_' and '-'")
            )
        elif name in first:
            problems.append(
                Problem(f"the id {name!r} is that of line {first[name].line} already", f"{where}:{row.line}")
            )
        else:
            first[name] = row
    tasks = [_Reader(table, row, f"{where}:{row.line}", first, problems).task(shown) for row in first.values()]
    if not table.rows:
        problems.append(Problem("there is no task below the header", f"{where}:{table.header.line}"))
    if problems:
        raise SpecificationError(sorted(problems, key=_line))
    return tuple(task for task in tasks if task is not None)


def _line(problem: Problem) -> int:
    return int(problem.where.rpartition(":")[2])


class _Reader:
    """One row; what is wrong with it goes into ``problems``."""

    def __init__(self, table: Table, row: Row, where: str, known: dict[str, Row], problems: list[Problem]) -> None:
        self._table, self._row, self._where, self._known, self._problems = table, row, where, known, problems

    def task(self, shown: str) -> Task | None:
        """The task; ``None`` when something is wrong."""
        before = len(self._problems)
        place = f"{shown}:{self._row.line}"
        name, title = self._text("id"), " ".join(self._text("title").split())
        if not title:
            self._wrong(f"task {name} has no title")
        kind = self._text("type") or "code_writing"
        if not _TYPE.fullmatch(kind):
            self._wrong(f"{kind!r} is no task type", "use small letters, digits and '_'")
        status = status_of(self._text("status"))
        if status is None:
            self._wrong(
                f"{self._text('status')!r} is no status", f"known: {', '.join((*TASK_STATUSES, 'todo', 'done'))}"
            )
        values: dict[str, Any] = {
            "depends_on": self._dependencies(name, place),
            "produces": self._artifacts("produces"),
            "consumes": self._artifacts("consumes"),
            "priority": self._number("priority", int, 0, lambda value: True, "an integer"),
            "complexity": self._number("complexity", float, 1.0, lambda value: value > 0, "a number above 0"),
            "estimate_s": self._number("estimate_s", float, 60.0, lambda value: value >= 0, "seconds, 0 or more"),
        }
        if len(self._problems) > before:
            return None
        return Task(
            id=name,
            source_id=name,
            title=title,
            description=self._text("description"),
            type=kind,
            status=status or "pending",
            group=self._text("group"),
            source=place,
            **values,
        )

    def _text(self, column: str) -> str:
        return self._table.value(self._row, column)

    def _wrong(self, what: str, remedy: str = "") -> None:
        self._problems.append(Problem(what, self._where, remedy))

    def _dependencies(self, name: str, place: str) -> tuple[DeclaredDependency, ...]:
        found = dict.fromkeys(part for part in re.split(r"[\s,;|]+", self._text("depends_on")) if part)
        for other in found:
            if other not in self._known or other == name:
                self._wrong(
                    f"task {name} depends on {'itself' if other == name else f'{other!r}, which is no task here'}"
                )
        return tuple(DeclaredDependency(task=other, source=place) for other in found)

    def _artifacts(self, column: str) -> tuple[ArtifactRef, ...]:
        """``src/x.py; table: loans``: a path, unless a type stands before it."""
        found: list[ArtifactRef] = []
        for part in filter(None, map(str.strip, re.split(r"[;|\n]", self._text(column)))):
            kind, colon, name = part.partition(":")
            found.append(ArtifactRef(type=kind.strip() if colon else "path", name=(name if colon else kind).strip()))
        return tuple(found)

    def _number(
        self, column: str, read: Callable[[str], float], default: float, fits: Callable[[float], bool], wanted: str
    ) -> float:
        text = self._text(column)
        if not text:
            return default
        try:
            value = read(text[:100])
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not fits(value):
            self._wrong(f"{column} {text[:40]!r} is not {wanted}")
            return default
        return value

"""What a task has to do with database tables, and by which of its words that was seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from agent_dispatcher import Task
from attrs import frozen

__all__ = ["Sighting", "is_migration", "made_tables", "numbered_file", "used_tables"]

_FOLDERS = frozenset({"migration", "migrations", "migrate"})
_TITLE = re.compile(r"\bmigrat(?:e|es|ing|ions?)\b|\b(?:create|add|alter|rename)\b.*\btable\b", re.IGNORECASE)
_WORDS = re.compile(r"\btables?\s+[`\"']?(\w+)|[`\"']?(\w+)[`\"']?\s+table\b", re.IGNORECASE)
_SQL = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+[`\"]?((?:\w+\.)?\w+)")
_FILE = re.compile(
    r"(?P<number>\d+)?[_-]*(?:(?:create|add|alter|rename)[_-])?(?:table[_-])?(?P<table>\w+?)(?:[_-]table)?"
)
_NO_TABLES = frozenset(
    {"the", "a", "an", "this", "that", "each", "every", "of", "for", "with", "in", "to", "and", "new"}
)
#: Sorts of work that only talk about tables.
_TALK = frozenset({"documentation", "research", "analysis", "review", "deployment"})
_HOMES = frozenset({"dao", "models", "queries", "repositories", "repository", "sql"})


@frozen(kw_only=True)
class Sighting:
    """A table, as a task names it.

    Attributes:
        table: its name in one spelling: lower case, singular, without a schema.
        quote: the words it was seen by.
        confidence: how sure that is.
    """

    table: str
    quote: str
    confidence: float


def is_migration(task: Task) -> bool:
    """Whether the task changes the database's structure: by the folder of a file it promises, or by its title."""
    if task.type in _TALK or task.type == "testing" or task.children:
        return False
    return any(_migration_file(path) for path in _paths(task)) or bool(_TITLE.search(task.title))


def made_tables(task: Task) -> Iterator[Sighting]:
    """Tables a migration makes or changes, surest first."""
    for ref in task.produces:
        if ref.type == "table":
            yield Sighting(table=_plain(ref.name), quote=f"makes the table {ref.name}", confidence=0.95)
    for path in _paths(task):
        named = _FILE.fullmatch(PurePosixPath(path).stem) if _migration_file(path) else None
        if named:
            yield Sighting(table=_plain(named["table"]), quote=f"writes {path}", confidence=0.9)
    yield from _in_words(task.title, 0.9)


def used_tables(task: Task) -> Iterator[Sighting]:
    """Tables that the task's code reads or writes, surest first."""
    if task.type in _TALK or task.children:
        return
    for ref in task.consumes:
        if ref.type == "table":
            yield Sighting(table=_plain(ref.name), quote=f"needs the table {ref.name}", confidence=0.95)
    for text in (task.title, task.description):
        for match in _SQL.finditer(text):
            yield Sighting(table=_plain(match[1]), quote=f"says {_shown(match[0])}", confidence=0.8)
        yield from _in_words(text, 0.7)
    for path in _paths(task):
        pure = PurePosixPath(path)
        if _HOMES.intersection(part.lower() for part in pure.parts[:-1]):
            yield Sighting(table=_plain(pure.stem), quote=f"writes {path}", confidence=0.6)


def numbered_file(task: Task) -> tuple[str, int, str] | None:
    """Folder, number and path of the one numbered migration file a task promises; ``None`` for none, and for several."""
    found: list[tuple[str, int, str]] = []
    for path in _paths(task):
        named = _FILE.fullmatch(PurePosixPath(path).stem) if _migration_file(path) else None
        if named and named["number"]:
            found.append((PurePosixPath(path).parent.as_posix(), int(named["number"]), path))
    return found[0] if len(found) == 1 else None


def _in_words(text: str, confidence: float) -> Iterator[Sighting]:
    for match in _WORDS.finditer(text):
        name = match[1] or match[2]
        if name.lower() not in _NO_TABLES:
            yield Sighting(table=_plain(name), quote=f"says {_shown(match[0])}", confidence=confidence)


def _paths(task: Task) -> Iterator[str]:
    return (ref.name for ref in task.produces if ref.type == "path")


def _migration_file(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(_FOLDERS.intersection(part.lower() for part in parts[:-1]))


def _plain(name: str) -> str:
    word = name.rpartition(".")[2].lower()
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _shown(quote: str) -> str:
    return f'"{" ".join(quote.split())}"'

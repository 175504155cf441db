"""The one value that every way of declaring packages is read into: texts of PEP 508 with their places, in sets by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from agent_dispatcher.errors import Unavailable

__all__ = ["Entry", "Manifest", "gathered", "line_of", "merged", "pairs", "sets", "table", "texts"]

#: Entries of all groups together, those of included ones counted each time.
_MOST = 100_000


@frozen
class Entry:
    """Something that is asked for.

    Attributes:
        text: as PEP 508 has it; ``-r FILE`` for what a requirement file asks for, ``-e .[extras]`` for the tree itself; ``""`` where it is not known.
        where: file, with the line where it is known.
        unsaid: the versions, as they stand there, where no specifier of PEP 440 says the same and the text has the newest of them.
            Without a text: why.
        notes: what of it is passed over.
    """

    text: str
    where: str
    unsaid: str = ""
    notes: tuple[str, ...] = ()


@frozen(kw_only=True)
class Manifest:
    """What a file, or all of them, declares.

    Attributes:
        name: of the project; ``""`` where it says none.
        version: of the project; ``""`` where it says none, or works it out.
        entry_points: by group, names -> objects; commands are the group ``console_scripts``.
        dependencies: what it cannot do without.
        extras: by normalized name, what is asked for with each.
        groups: the same for groups that are for development; ``{}`` where there are none.
        elsewhere: normalized names of packages that are fetched from elsewhere than the registry -> the table that says so.
        notes: what was passed over, and why.
    """

    name: str = ""
    version: str = ""
    entry_points: Mapping[str, Mapping[str, str]] = field(factory=dict)
    dependencies: tuple[Entry, ...] = ()
    extras: Mapping[str, tuple[Entry, ...]] = field(factory=dict)
    groups: Mapping[str, tuple[Entry, ...]] = field(factory=dict)
    elsewhere: Mapping[str, str] = field(factory=dict)
    notes: tuple[str, ...] = ()


def merged(found: Iterable[Manifest]) -> Manifest:
    """All of them as one; sets of the same name have what each says."""
    every = tuple(found)
    return Manifest(
        name=next((each.name for each in every if each.name), ""),
        version=next((each.version for each in every if each.version), ""),
        entry_points={
            group: {name: place for each in reversed(every) for name, place in each.entry_points.get(group, {}).items()}
            for group in sorted({group for each in every for group in each.entry_points})
        },
        dependencies=tuple(entry for each in every for entry in each.dependencies),
        extras=sets((name, entries) for each in every for name, entries in each.extras.items()),
        groups=sets((name, entries) for each in every for name, entries in each.groups.items()),
        elsewhere={name: where for each in reversed(every) for name, where in each.elsewhere.items()},
        notes=tuple(note for each in every for note in each.notes),
    )


def sets(named: Iterable[tuple[str, Iterable[Entry]]]) -> dict[str, tuple[Entry, ...]]:
    """Entries by the normalized name of their set."""
    from packaging.utils import canonicalize_name

    found: dict[str, tuple[Entry, ...]] = {}
    for name, entries in named:
        key = canonicalize_name(name)
        found[key] = (*found.get(key, ()), *entries)
    return found


def gathered(own: Mapping[str, Iterable[Entry]], included: Mapping[str, Iterable[str]]) -> dict[str, tuple[Entry, ...]]:
    """Each set with those it includes, each of them once: also where one includes itself.

    Raises:
        Unavailable: there is too much of it.
    """
    found: dict[str, tuple[Entry, ...]] = {}
    for name in (*own, *(each for each in included if each not in own)):
        entries: list[Entry] = []
        waiting, seen = [name], {name}
        for each in waiting:
            entries += own.get(each, ())
            more = [other for other in dict.fromkeys(included.get(each, ())) if other not in seen]
            seen.update(more)
            waiting += more
        found[name] = tuple(entries)
        if sum(map(len, found.values())) > _MOST:
            raise Unavailable(
                f"the groups ask for more than {_MOST:,} packages with those they include", "ask for fewer"
            )
    return found


def table(values: object, *keys: str) -> dict[str, Any]:
    """The table below ``keys``; an empty one where there is something else."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def texts(value: object) -> list[str]:
    """The texts of a list; none where it is something else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def pairs(value: object) -> dict[str, str]:
    """What a table gives texts to; what it gives something else is left out."""
    return {key: each for key, each in value.items() if isinstance(each, str)} if isinstance(value, dict) else {}


def line_of(file: str, text: str, key: str, headers: Iterable[str] = ()) -> str:
    """The file with the line that gives ``key`` a value.

    Args:
        headers: names of the tables it stands in (``tool.poetry.dependencies``); what is below others is not looked at. None: in all.
    """
    wanted = {header.replace(" ", "") for header in headers}
    bare = re.compile(rf"""\s*["']?{re.escape(key)}["']?(\.\w+)*\s*=""", re.IGNORECASE)
    inside = not wanted
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            name = header[1].replace(" ", "").replace('"', "").replace("'", "")
            if any(name.lower() == f"{each}.{key}".lower() for each in wanted):
                return f"{file}:{number}"
            inside = not wanted or name in wanted
        elif inside and bare.match(line):
            return f"{file}:{number}"
    return file

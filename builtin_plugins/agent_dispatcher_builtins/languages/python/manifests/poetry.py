"""``[tool.poetry]``: dependencies, groups and extras of projects that Poetry manages.

Read as its documentation has it: where ``[project]`` says what is needed, the tables of Poetry only say where it is to come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .manifest import Entry, Manifest, gathered, line_of, pairs, sets, table, texts
from .tables import entries_of

__all__ = ["poetry"]

_PLACES = ("git", "path", "url", "file")


def poetry(file: str, text: str, values: dict[str, Any]) -> Manifest:
    """What the tables of a ``pyproject.toml`` say; nothing where there are none."""
    from packaging.utils import canonicalize_name

    said = table(values, "tool", "poetry")

    def read(asked: dict[str, Any], *headers: str, optional: bool = False) -> Iterator[tuple[str, Entry]]:
        for name, value in asked.items():
            if canonicalize_name(name) == "python":
                continue
            for each in value if isinstance(value, list) else (value,):
                if _only_with_an_extra(each) == optional:
                    where = line_of(file, text, name, headers)
                    yield from ((name, entry) for entry in entries_of(name, each, where))

    main = table(said, "dependencies")
    project = table(values, "project")
    superseded = "dependencies" in project or "optional-dependencies" in project
    extras = _extras(said, [*read(main, "tool.poetry.dependencies", optional=True)], canonicalize_name)
    groups = [
        (name, entry)
        for name in table(said, "group")
        for _, entry in read(
            table(said, "group", name, "dependencies"),
            f"tool.poetry.group.{name}.dependencies",
        )
    ]
    groups += [("dev", each) for _, each in read(table(said, "dev-dependencies"), "tool.poetry.dev-dependencies")]
    own = said.get("name")
    found = Manifest(
        name=own if isinstance(own, str) else "",
        version=version if isinstance(version := said.get("version"), str) else "",
        entry_points={
            **{group: pairs(found) for group, found in table(said, "plugins").items()},
            "console_scripts": pairs(said.get("scripts")),
        },
        dependencies=() if superseded else tuple(entry for _, entry in read(main, "tool.poetry.dependencies")),
        extras={} if superseded else sets((name, entries) for name, entries in extras.items()),
        groups=sets((name, [entry]) for name, entry in groups),
        elsewhere={
            canonicalize_name(name): "[tool.poetry.dependencies]"
            for name, value in main.items()
            if superseded and isinstance(value, dict) and any(key in value for key in _PLACES)
        },
    )
    return _with_included(found, said)


def _only_with_an_extra(value: object) -> bool:
    return isinstance(value, dict) and value.get("optional") is True


def _extras(
    said: dict[str, Any], optional: list[tuple[str, Entry]], canonical: Callable[[str], str]
) -> dict[str, list[Entry]]:
    """Extras name dependencies that stand among the others as ``optional``."""
    return {
        name: [
            entry
            for wanted in texts(members)
            for spelled, entry in optional
            if canonical(spelled) == canonical(wanted.partition("[")[0])
        ]
        for name, members in table(said, "extras").items()
    }


def _with_included(found: Manifest, said: dict[str, Any]) -> Manifest:
    """Groups may name others (``include-groups``)."""
    from attrs import evolve
    from packaging.utils import canonicalize_name

    included = {
        str(canonicalize_name(name)): [str(canonicalize_name(each)) for each in texts(table(said, "group", name).get("include-groups"))]
        for name in table(said, "group")
    }  # fmt: skip

    return evolve(found, groups=gathered(found.groups, included))

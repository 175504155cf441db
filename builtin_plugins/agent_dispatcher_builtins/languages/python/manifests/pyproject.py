"""``pyproject.toml``: ``[project]``, dependency groups, and the tables of tools that say the same in their own way."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from agent_dispatcher.errors import Unavailable

from .manifest import Entry, Manifest, gathered, line_of, merged, pairs, sets, table, texts
from .poetry import poetry

__all__ = ["pyproject"]


def pyproject(file: str, text: str) -> tuple[Manifest, frozenset[str]]:
    """What it says, and of ``dependencies`` and ``extras`` those about which ``setup.cfg`` and ``setup.py`` have nothing to say any more.

    Raises:
        Unavailable: it cannot be read.
    """
    values = _parsed(file, text)
    own = merged([_Reading(file, text, values).manifest(), poetry(file, text, values)])
    project, dynamic = table(values, "project"), texts(table(values, "project").get("dynamic"))
    settled = {"dependencies": "dependencies", "extras": "optional-dependencies"} if project else {}
    decided = {ours for ours, theirs in settled.items() if theirs not in dynamic}
    return own, frozenset(
        decided | ({"dependencies", "extras"} if table(values, "tool", "poetry", "dependencies") else set())
    )


def _parsed(file: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unavailable(f"the dependencies cannot be read: {file}: {error}", f"mend {file}") from error


class _Reading:
    """One reading of all but Poetry's tables."""

    def __init__(self, file: str, text: str, values: dict[str, Any]) -> None:
        self._file, self._text, self._values = file, text, values

    def manifest(self) -> Manifest:
        """What is there."""
        from packaging.utils import canonicalize_name

        project = table(self._values, "project")
        name = project.get("name")
        extras = table(project, "optional-dependencies")
        groups = table(self._values, "dependency-groups")
        more = [
            *((each, self._entries(found)) for each, found in table(self._values, "tool", "pdm", "dev-dependencies").items()),
            ("dev", self._entries(table(self._values, "tool", "uv").get("dev-dependencies"))),
            *self._of_hatch(),
        ]  # fmt: skip
        return Manifest(
            name=name if isinstance(name, str) else "",
            version=version if isinstance(version := project.get("version"), str) else "",
            entry_points={
                **{group: pairs(found) for group, found in table(project, "entry-points").items()},
                "console_scripts": {**pairs(project.get("gui-scripts")), **pairs(project.get("scripts"))},
            },
            dependencies=(*self._entries(project.get("dependencies")), *self._dynamic()),
            extras=sets([*((each, self._entries(found)) for each, found in extras.items()), *self._dynamic_extras()]),
            groups=sets([*self._of_groups(groups).items(), *more]),
            elsewhere={
                canonicalize_name(each): "[tool.uv.sources]" for each in table(self._values, "tool", "uv", "sources")
            },
        )

    def _of_hatch(self) -> Iterator[tuple[str, tuple[Entry, ...]]]:
        """The environments that hatch runs tests in, and the one it is used in by default."""
        for name, env in table(self._values, "tool", "hatch", "envs").items():
            group = {"default": "dev", "hatch-test": "test"}.get(name, name)
            for key in ("dependencies", "extra-dependencies"):
                yield group, self._entries(table({"env": env}, "env").get(key))

    def _entries(self, value: object) -> tuple[Entry, ...]:
        return tuple(self._entry(each) for each in texts(value))

    def _entry(self, text: str) -> Entry:
        """An entry that pdm writes as pip does is the tree itself where it names its own folder."""
        if text.startswith("-e ") and text.partition("#")[0].removeprefix("-e ").strip() in _OWN_FOLDER:
            return Entry("-e .", self._where(text))
        return Entry(text, self._where(text))

    def _where(self, entry: str) -> str:
        quoted = (f'"{entry}"', f"'{entry}'")
        for number, line in enumerate(self._text.splitlines(), 1):
            if any(each in line for each in quoted):
                return f"{self._file}:{number}"
        return self._file

    def _of_groups(self, groups: dict[str, Any]) -> dict[str, tuple[Entry, ...]]:
        """Entries of dependency groups, with those of the groups they include."""
        from packaging.utils import canonicalize_name

        own: dict[str, list[Entry]] = {}
        included: dict[str, list[str]] = {}
        for spelled, entries in groups.items():
            name = canonicalize_name(spelled)
            for entry in entries if isinstance(entries, list) else ():
                other = entry.get("include-group") if isinstance(entry, dict) else None
                if isinstance(entry, str):
                    own.setdefault(name, []).append(self._entry(entry))
                elif isinstance(other, str):
                    included.setdefault(name, []).append(canonicalize_name(other))
        return gathered(own, included)

    def _dynamic(self) -> Iterator[Entry]:
        """Requirement files that setuptools or hatch takes the dependencies from."""
        if "dependencies" in texts(table(self._values, "project").get("dynamic")):
            header = "tool.setuptools.dynamic"
            yield from self._of_files(table(self._values, *header.split("."), "dependencies"), "dependencies", header)
            header = "tool.hatch.metadata.hooks.requirements_txt"
            hook = table(self._values, *header.split("."))
            yield from self._of_files({"file": hook.get("files")}, "files", header)

    def _dynamic_extras(self) -> Iterator[tuple[str, Iterable[Entry]]]:
        if "optional-dependencies" in texts(table(self._values, "project").get("dynamic")):
            header = "tool.setuptools.dynamic.optional-dependencies"
            for name, value in table(self._values, *header.split(".")).items():
                yield name, self._of_files(table({"value": value}, "value"), name, header)

    def _of_files(self, value: dict[str, Any], key: str, header: str) -> list[Entry]:
        files = value.get("file")
        where = line_of(self._file, self._text, key, [header])
        return [Entry(f"-r {each}", where) for each in ([files] if isinstance(files, str) else texts(files))]


_OWN_FOLDER = ("file:///${PROJECT_ROOT}/", "file:///${PROJECT_ROOT}", ".", "./")

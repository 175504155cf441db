"""Dependencies that a repository's manifests declare, each with its line. Broken manifests declare nothing."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from .naming import key
from .reading import Document

__all__ = ["Declared", "declared", "is_build_file", "is_manifest", "names_of"]

_REQUIREMENTS = re.compile(r"(?:^|/)(?:[\w.-]*requirements[\w.-]*|constraints)\.(?:txt|in)$")
_NAME = re.compile(
    r"^\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>(?:(?:[<>]|[=!~]=|[@;(]).*)?)$"
)
_GO_REQUIRE = re.compile(r"^\s*(?:require\s+)?(?P<name>[\w.-]+\.[\w.-]+/\S+|[\w.-]+/\S+)\s+(?P<version>v\S+)")
_GO = re.compile(r"^go\s+(?P<version>\d\S*)\s*$")
#: Files that say how something is built, whose lines are quoted where they mention a name.
_BUILD_FILES = re.compile(
    r"(?:^|/)(?:build\.gradle(?:\.kts)?|settings\.gradle(?:\.kts)?|libs\.versions\.toml|pom\.xml|[\w.-]+\.(?:cs|fs|vb)proj|Directory\.(?:Build|Packages)\.props|packages\.config"
    r"|Gemfile|[\w-]+\.gemspec|composer\.json|pubspec\.yaml|mix\.exs|Package\.swift|Podfile|CMakeLists\.txt|conanfile\.(?:txt|py)|vcpkg\.json|setup\.(?:cfg|py)|Pipfile|environment\.ya?ml"
    r"|Dockerfile|docker-compose\.ya?ml|compose\.ya?ml|deno\.jsonc?|stack\.yaml|[\w-]+\.cabal)$"
)
_MANIFESTS = re.compile(r"(?:^|/)(?:pyproject\.toml|package\.json|Cargo\.toml|go\.mod)$")


@frozen
class Declared:
    """A dependency as its manifest declares it.

    Attributes:
        name: as it is written there; for Go the module's path.
        quotation: the part of the line that declares it.
        line: from 1.
    """

    name: str
    quotation: str
    document: Document
    line: int


def is_manifest(path: str) -> bool:
    """Whether dependencies can be read from a file, by its name."""
    return bool(_MANIFESTS.search(path) or _REQUIREMENTS.search(path))


def is_build_file(path: str) -> bool:
    """Whether a file says how something is built, in a form that is not read here."""
    return bool(_BUILD_FILES.search(path))


def declared(document: Document) -> tuple[Declared, ...]:
    """What a manifest declares, in the order of its lines."""
    name = document.path.rpartition("/")[2]
    try:
        if name == "pyproject.toml":
            found = list(_pyproject(document))
        elif name == "package.json":
            found = list(_package_json(document))
        elif name == "Cargo.toml":
            found = list(_cargo(document))
        elif name == "go.mod":
            found = list(_go_mod(document))
        else:
            found = list(_requirements(document))
    except (ValueError, RecursionError):
        return ()
    return tuple(sorted(found, key=lambda each: (each.line, each.name)))


def _pyproject(document: Document) -> Iterator[Declared]:
    data = tomllib.loads(document.text)
    project, tool = _table(data, "project"), _table(data, "tool")
    texts = [*_strings(project.get("dependencies")), *_strings(_table(data, "build-system").get("requires"))]
    for group in (*_table(project, "optional-dependencies").values(), *_table(data, "dependency-groups").values()):
        texts += _strings(group)
    for text in dict.fromkeys(texts):
        match = _NAME.match(text)
        if match:
            yield from _at(document, match["name"], re.escape(text), text)
    if isinstance(project.get("requires-python"), str):
        text = f"{project['requires-python']}"
        yield from _at(document, "python", rf"requires-python\s*=.*{re.escape(text)}", None)
    poetry = _table(tool, "poetry")
    groups = [poetry, *(table for table in _table(poetry, "group").values() if isinstance(table, Mapping))]
    for table in groups:
        for field in ("dependencies", "dev-dependencies"):
            for name in _table(table, field):
                yield from _at(document, name, rf"^\s*[\"']?{re.escape(name)}[\"']?\s*=", None)


def _package_json(document: Document) -> Iterator[Declared]:
    data = json.loads(document.text)
    for field in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "engines"):
        for name, version in _table(data, field).items():
            if isinstance(version, str):
                pattern = rf"{re.escape(json.dumps(name, ensure_ascii=False))}\s*:\s*{re.escape(json.dumps(version, ensure_ascii=False))}"
                yield from _at(document, name, pattern, None)


def _cargo(document: Document) -> Iterator[Declared]:
    data = tomllib.loads(document.text)
    for table in (data, _table(data, "workspace")):
        for field in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name in _table(table, field):
                yield from _at(
                    document,
                    name,
                    rf"^\s*(?:\[[\w.-]*dependencies\.)?[\"']?{re.escape(name)}[\"']?(?:\.\w+)?\s*[\]=]",
                    None,
                )


def _go_mod(document: Document) -> Iterator[Declared]:
    for number, line in enumerate(document.lines, 1):
        match = _GO_REQUIRE.match(line)
        if match and not line.lstrip().startswith(("module", "replace", "exclude", "//")):
            yield Declared(match["name"], line.partition("//")[0].strip(), document, number)
        elif version := _GO.match(line):
            yield Declared("go", version[0].strip(), document, number)


def _requirements(document: Document) -> Iterator[Declared]:
    for number, line in enumerate(document.lines, 1):
        text = re.split(r"\s#|\s--", line, maxsplit=1)[0]
        match = _NAME.match(text) if not text.lstrip().startswith(("#", "-")) else None
        if match:
            yield Declared(match["name"], text.strip(), document, number)


def _at(document: Document, name: str, pattern: str, quotation: str | None) -> Iterator[Declared]:
    """The first line that has the pattern; what is parsed and not found in a line (written over several) is left out."""
    seen = re.compile(pattern)
    for number, line in enumerate(document.lines, 1):
        if seen.search(line):
            yield Declared(name, quotation or line.strip().rstrip(","), document, number)
            return


def _table(data: object, name: str) -> Mapping[str, Any]:
    value = data.get(name) if isinstance(data, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def names_of(declaration: Declared) -> frozenset[str]:
    """Keys of the names that mean this dependency: the whole name, and the last part of a path (``@scope/name``, ``host/owner/name/v2``)."""
    own = key(declaration.name)
    parts = [part for part in own.split("/") if not re.fullmatch(r"v\d+", part)]
    return frozenset({own, own.lstrip("@"), parts[-1] if parts else own})

"""What a registry says of a package, as lines that can be quoted. The registry, and the shape of what it answers, are the user's choice.

Two shapes are read: a JSON object with a table ``info`` (as registries of Python packages answer), and one with ``name`` and ``description`` beside
``version`` or ``dist-tags`` (as those of JavaScript packages do). What a registry says was written by whoever published the package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["address_of", "facts_of"]

_NAME = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_MAX_VALUES = 30
_MAX_VALUE = 300


def address_of(pattern: str, name: str) -> str:
    """Where a registry tells of a package.

    Args:
        pattern: the registry's address with ``{name}`` in it.

    Raises:
        ValueError: the name is none of a package's.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:100]!r} is no name of a package")
    return pattern.replace("{name}", quote(name, safe="@"))


def facts_of(answer: str) -> str:
    """A line for each thing a reader wants to know: version, summary, licence, what it needs, where its documentation is.

    Raises:
        ValueError: it has neither of the two shapes.
    """
    try:
        data = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the registry did not answer with JSON: {str(error)[:200]}") from error
    info = data.get("info") if isinstance(data, dict) else None
    if isinstance(info, dict):
        facts = _python(info, data)
    elif isinstance(data, dict) and isinstance(data.get("name"), str):
        facts = _javascript(data)
    else:
        raise ValueError("the registry's answer has neither a table 'info' nor a 'name'")
    return "\n".join(f"{name}: {text}" for name, value in facts if (text := " ".join(str(value).split())[:_MAX_VALUE]))


def _python(info: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Name", _text(info.get("name"))
    yield "Version", _text(info.get("version"))
    yield "Summary", _text(info.get("summary"))
    yield "License", _text(info.get("license_expression")) or _text(info.get("license"))
    yield "Requires-Python", _text(info.get("requires_python"))
    yield "Home-page", _text(info.get("home_page"))
    for label, url in _some(info.get("project_urls")):
        yield f"Project-URL, {label}", url
    requires = info.get("requires_dist")
    for each in (requires if isinstance(requires, list) else [])[:_MAX_VALUES]:
        yield "Requires-Dist", _text(each)
    yield "Yanked", _text(info.get("yanked_reason"))
    yield "Known releases", _listed(data.get("releases"))


def _javascript(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    versions = _table(data.get("versions"))
    version = _text(data.get("version")) or _text(_table(data.get("dist-tags")).get("latest"))
    own = {**data, **_table(versions.get(version))}
    yield "Name", _text(data.get("name"))
    yield "Version", version
    yield "Description", _text(own.get("description"))
    yield "License", _text(own.get("license"))
    for what, needed in _some(own.get("engines")):
        yield f"Engine, {what}", needed
    yield "Homepage", _text(own.get("homepage"))
    yield "Repository", _text(_table(own.get("repository")).get("url")) or _text(own.get("repository"))
    yield "Deprecated", _text(own.get("deprecated"))
    for what, needed in _some(own.get("dependencies")):
        yield f"Dependency, {what}", needed
    yield "Known releases", _listed(versions)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _some(value: object) -> list[tuple[str, str]]:
    """Texts of a table, not all when there are many."""
    found = [(" ".join(name.split())[:100], each) for name, each in _table(value).items() if isinstance(each, str)]
    return found[:_MAX_VALUES]


def _listed(value: object) -> str:
    """The last releases, in the registry's order."""
    return ", ".join(list(_table(value))[-_MAX_VALUES:])

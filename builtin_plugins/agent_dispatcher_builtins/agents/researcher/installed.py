"""What the metadata of packages that are installed beside the dispatcher says. Nothing of them is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata

from ...checks.citing import MetadataField, source_text
from .naming import key

__all__ = ["fields", "installed_name", "is_metadata", "metadata_name", "modules_of"]

#: Fields that are facts about a package, in the order they are told; all values of the last two, the first of the others.
_FIELDS = (
    "Version",
    "Summary",
    "License-Expression",
    "License",
    "Requires-Python",
    "Home-page",
    "Project-URL",
    "Requires-Dist",
)
_MANY = frozenset(("Project-URL", "Requires-Dist"))
_MAX_VALUES = 20
_MAX_LICENCE = 120


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """Normal spelling of each installed distribution -> its own."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"] if distribution.metadata is not None else None
        if isinstance(name, str) and name:
            found.setdefault(key(name), name)
    return found


@lru_cache(maxsize=1)
def _modules() -> Mapping[str, tuple[str, ...]]:
    return {name: tuple(dict.fromkeys(each)) for name, each in metadata.packages_distributions().items()}


def installed_name(name: str) -> str | None:
    """The distribution that a name means, as it spells itself; ``None`` when none is installed."""
    return _names().get(key(name))


def modules_of(module: str) -> tuple[str, ...]:
    """Distributions that provide a module that is imported under this name."""
    return _modules().get(module, ())


def fields(distribution: str) -> Iterator[tuple[str, str]]:
    """``(field, value)`` of the metadata, in a fixed order."""
    try:
        data = metadata.distribution(distribution).metadata
    except metadata.PackageNotFoundError:
        return
    for field in _FIELDS:
        values = [str(value) for value in data.get_all(field) or () if str(value).strip() not in ("", "UNKNOWN")]
        if field == "License":  # often the whole text of it
            values = [value for value in values if len(value) <= _MAX_LICENCE and "\n" not in value.strip()]
        for value in values[: _MAX_VALUES if field in _MANY else 1]:
            yield field, value


def metadata_name(distribution: str, field: str) -> str:
    """How the check ``citations`` names a field of the metadata."""
    return source_text(MetadataField(distribution, field))


def is_metadata(name: str) -> bool:
    """Whether a source is such a field, and so has no lines."""
    return name.startswith("distribution ")

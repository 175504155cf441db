"""From a source to a specification: the one format that knows the source best reads it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import Problem, SpecificationError, UsageError
from ..extension.components import MappingFormat, SpecificationFormat
from ..models import Specification

__all__ = ["load_mapping", "load_path"]

log = logging.getLogger(__name__)

Formats = Sequence[tuple[str, SpecificationFormat]]


def load_path(source: Path, formats: Formats) -> Specification:
    """Read a file or folder.

    Args:
        source: what to read.
        formats: the active formats by name.

    Raises:
        UsageError: nothing is there.
        SpecificationError: no format knows it, two know it equally well, or the one that does finds it faulty.
    """
    if not source.exists():
        raise UsageError(f"{source}: there is no such file or folder")
    scores = {name: _score(name, format.matches, source) for name, format in formats}
    best = max(scores.values(), default=0.0)
    winners = [name for name, score in scores.items() if score == best]
    if best <= 0:
        tried = ", ".join(sorted(scores)) or "none, since no plugin offers one"
        raise SpecificationError(
            Problem(
                "this is no specification in a format that is known here",
                str(source),
                f"formats tried: {tried}; see docs/native-format.md for one that always works",
            )
        )
    if len(winners) > 1:
        raise SpecificationError(
            Problem(
                f"formats {' and '.join(sorted(winners))} know it equally well",
                str(source),
                'choose one: [use] specification_formats = ["' + sorted(winners)[0] + '"]',
            )
        )
    return dict(formats)[winners[0]].load(source)


def load_mapping(document: Mapping[str, Any], formats: Formats) -> Specification:
    """Read a document that is already in memory, by the format that knows it best among those that take one.

    Raises:
        SpecificationError: no active format knows it, two know it equally well, or the one that does finds it faulty.
    """
    taking = {name: format for name, format in formats if isinstance(format, MappingFormat)}
    scores = {name: _score(name, format.matches_mapping, document) for name, format in taking.items()}
    best = max(scores.values(), default=0.0)
    winners = sorted(name for name, score in scores.items() if score == best)
    if best <= 0:
        tried = ", ".join(sorted(scores)) or "none, since no plugin offers one that takes a dict"
        raise SpecificationError(
            Problem("this dict is no specification in a format that is known here", "", f"formats tried: {tried}")
        )
    if len(winners) > 1:
        raise SpecificationError(
            Problem(
                f"formats {' and '.join(winners)} know this dict equally well",
                "",
                'choose one: [use] specification_formats = ["' + winners[0] + '"]',
            )
        )
    return taking[winners[0]].load_mapping(document)


def _score(name: str, matches: Callable[[Any], float], source: Any) -> float:
    """How sure a format is; one that raises when it is asked does not know the source, and keeps no other from reading it."""
    try:
        return float(matches(source))
    except Exception:
        log.warning("specification format %s failed when asked whether it knows the source", name, exc_info=True)
        return 0.0

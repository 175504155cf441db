"""How a claim names its source: one grammar for those who write research notes and for the check that reads them.

A claim is one line that ends with its sources::

    - Declared in a manifest: `attrs>=25.1,<27` (`pyproject.toml:21`)

The code spans before the sources quote them. A source is a line of a file in the repository (``pyproject.toml:21``), a line of a file
in the specification's folder (``specification:plan.md:14``), or a field of an installed package's metadata (``distribution attrs: Requires-Python``).
Quotations are put into code spans, so that nothing in them is Markdown, and lose what cannot be seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from attrs import frozen

__all__ = [
    "Claim",
    "FileLine",
    "MetadataField",
    "Source",
    "code_span",
    "parse_claim",
    "shown",
    "source_text",
    "visible",
]

#: Longest quotation, in characters.
MAX_QUOTATION = 240
_CUT = "…"
_INVISIBLE = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))
_RUN = re.compile(r"`+")
_PLACE = re.compile(r"(?P<specification>specification:)?(?P<path>[^:]+):(?P<line>[1-9][0-9]{0,8})")
_FIELD = re.compile(r"distribution (?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?): (?P<field>[A-Za-z][A-Za-z-]*)")


@frozen
class FileLine:
    """A line, from 1, of a file in the repository, or in the specification's folder."""

    path: str
    line: int
    in_specification: bool = False


@frozen
class MetadataField:
    """A field of an installed distribution's metadata."""

    distribution: str
    field: str


Source = FileLine | MetadataField


@frozen
class Claim:
    """A line that was understood.

    Attributes:
        quotations: what it says is written at each of its sources; a last ``…`` is left out.
        sources: at least one.
    """

    quotations: tuple[str, ...]
    sources: tuple[Source, ...]


def visible(text: str) -> str:
    """``text`` on one line, without what cannot be seen."""
    seen = "".join("\ufffd" if unicodedata.category(c) in _INVISIBLE and c not in "\t\n\r" else c for c in text)
    return " ".join(seen.split())


def shown(text: str) -> str:
    """As :func:`visible`, cut to a length that can be read."""
    line = visible(text)
    return line if len(line) <= MAX_QUOTATION else line[: MAX_QUOTATION - 1].rstrip() + _CUT


def code_span(text: str) -> str:
    """Markdown in which ``text`` is nothing but text."""
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def source_text(source: Source) -> str:
    """The source as it stands in a note."""
    if isinstance(source, MetadataField):
        return f"distribution {source.distribution}: {source.field}"
    return f"{'specification:' if source.in_specification else ''}{source.path}:{source.line}"


def parse_claim(line: str) -> Claim | str:
    """What a line claims, or what is wrong with it."""
    spans = list(_spans(line))
    position = len(line.rstrip())
    if not line.rstrip().endswith(")"):
        return "it names no source"
    sources: list[Source] = []
    end = position - 1
    while spans and spans[-1][1] == end:
        start, _, content = spans.pop()
        source = _source(content)
        if source is None:
            return f"{shown(content)!r} is no source: a source is path:line, specification:path:line or distribution NAME: FIELD"
        sources.append(source)
        before = line[:start]
        between = re.search(r",\s*$", before)
        if between is None:
            if not before.endswith("("):
                return "its sources do not stand in brackets at its end"
            break
        end = between.start()
    else:
        return "it names no source"
    return Claim(tuple(content.removesuffix(_CUT) for _, _, content in spans), tuple(reversed(sources)))


def _source(text: str) -> Source | None:
    field = _FIELD.fullmatch(text)
    if field:
        return MetadataField(field["name"], field["field"])
    place = _PLACE.fullmatch(text)
    if place:
        return FileLine(place["path"], int(place["line"]), in_specification=bool(place["specification"]))
    return None


def _spans(line: str) -> Iterator[tuple[int, int, str]]:
    """Code spans as Markdown reads them: start, end, content."""
    runs = [(match.start(), match.end()) for match in _RUN.finditer(line)]
    index = 0
    while index < len(runs):
        start, inside = runs[index]
        closing = next((i for i in range(index + 1, len(runs)) if runs[i][1] - runs[i][0] == inside - start), None)
        if closing is None:
            index += 1
            continue
        content = line[inside : runs[closing][0]]
        if len(content) > 2 and content[0] == content[-1] == " " and content.strip():
            content = content[1:-1]
        yield start, runs[closing][1], content
        index = closing + 1

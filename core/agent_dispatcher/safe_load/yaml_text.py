"""YAML, as a stream of parser events: nothing is constructed, and nothing expanded."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .building import Builder
from .located import Located, Place, Scalar
from .refusing import MAX_BYTES, MAX_NUMBER, error_at, place_text, refuse_size

if TYPE_CHECKING:
    from yaml import Event
    from yaml._yaml import Mark as CMark
    from yaml.error import Mark

__all__ = ["front_matter", "load_yaml"]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def load_yaml(text: str, source: str = "", *, first_line: int = 1, max_bytes: int = MAX_BYTES) -> Located:
    """Read one YAML document.

    Args:
        text: the document.
        source: the file's name for places.
        first_line: the line of ``source`` on which ``text`` begins.
        max_bytes: a longer text is refused.

    Raises:
        SpecificationError: it is malformed or uses what is refused here; the place is ``file:line:column``.
    """
    refuse_size(text, source, max_bytes)
    import yaml

    builder = Builder(source)
    offset = first_line - 1
    try:
        for event in _events(text.removeprefix("\ufeff")):
            _feed(builder, event, offset)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise error_at(f"malformed YAML: {what}", place_text(source, line + 1 + offset, column + 1)) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        line, column = before.count("\n") + 1 + offset, len(before) - before.rfind("\n")
        raise error_at("a control character, which YAML does not allow", place_text(source, line, column)) from None
    if builder.root is None:
        return Located(None, Place(first_line, 1), source)
    return builder.root


def front_matter(text: str, source: str = "") -> tuple[Located | None, str, int]:
    """Part a Markdown text into its YAML front matter and its body.

    Returns:
        The front matter (``None`` without one), the body, and the line on which the body begins (from 1).

    Raises:
        SpecificationError: the front matter does not end, or is not readable as YAML.
    """
    refuse_size(text, source, MAX_BYTES)
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != "---":
        return None, text, 1
    for index, line in enumerate(lines[1:], start=1):
        if line.rstrip() in ("---", "..."):
            head = load_yaml("".join(lines[1:index]), source, first_line=2)
            return head, "".join(lines[index + 1 :]), index + 2
    raise error_at(
        "the front matter that begins here does not end", place_text(source, 1, 1), remedy="close it with a line ---"
    )


def _events(text: str) -> Iterator[Event]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events: Iterator[Event] = yaml.parse(text, Loader=loader)
    return events


def _feed(builder: Builder, event: Event, offset: int) -> None:
    import yaml

    place = _place(event.start_mark, offset)
    match event:
        case yaml.AliasEvent():
            builder.refuse(f"aliases (*{event.anchor}) are not allowed: write the value out", place)
        case yaml.NodeEvent() if event.anchor is not None:
            builder.refuse(f"anchors (&{event.anchor}) are not allowed: write the value out", place)
        case yaml.ScalarEvent() | yaml.CollectionStartEvent() if event.tag is not None:
            builder.refuse(f"tags ({event.tag}) are not allowed", place)
        case yaml.ScalarEvent():
            plain = not event.style
            wants_key = builder.wants_key()
            value = event.value if wants_key or not plain else _plain_scalar(builder, event.value, place)
            builder.scalar(value, event.value, place)
        case yaml.CollectionStartEvent():
            builder.open(isinstance(event, yaml.MappingStartEvent), place)
        case yaml.CollectionEndEvent():
            builder.close()
        case yaml.DocumentStartEvent() if builder.root is not None:
            builder.refuse("a second document begins here: one file holds one", place)
        case _:
            pass


def _place(mark: Mark | CMark | None, offset: int) -> Place:
    if mark is None:
        return Place(1 + offset, 1)
    return Place(mark.line + 1 + offset, mark.column + 1)


def _plain_scalar(builder: Builder, text: str, place: Place) -> Scalar:
    if text in _NULLS:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _NOT_FINITE.fullmatch(text):
        builder.refuse(f"{text} is not a finite number (put it in quotes if it is a text)", place)
    if not _FRACTION.fullmatch(text):
        return text
    if len(text) > MAX_NUMBER:
        builder.refuse(f"a number of {len(text)} digits (put it in quotes if it is a text)", place)
    if _INTEGER.fullmatch(text):
        return int(text)
    if text.lstrip("+-").isdigit():
        return text
    value = float(text)
    if math.isinf(value):
        builder.refuse(f"{text} is too large for a number", place)
    return value

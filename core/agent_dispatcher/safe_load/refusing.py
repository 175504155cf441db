"""What is refused of any text, and how a place in it is named."""

from __future__ import annotations

import re

from ..errors import Problem, SpecificationError

__all__ = [
    "FORBIDDEN",
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NUMBER",
    "MAX_VALUES",
    "error_at",
    "offset_place",
    "place_text",
    "refuse_nul",
    "refuse_size",
]

#: Largest file that is read, unless the caller says otherwise.
MAX_BYTES = 5_000_000
#: Deepest nesting of lists and mappings.
MAX_DEPTH = 100
#: Most values (scalars, lists and mappings) of a document whose places are kept.
MAX_VALUES = 200_000
#: Longest number, in characters.
MAX_NUMBER = 400
#: What no UTF-8 file and no database can hold.
FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


def error_at(what: str, where: str, remedy: str = "") -> SpecificationError:
    """A refusal with its place."""
    return SpecificationError(Problem(what, where=where, remedy=remedy))


def place_text(source: str, line: int, column: int) -> str:
    """``file:line:column``, or the same in words where no file has a name."""
    return f"{source}:{line}:{column}" if source else f"line {line}, column {column}"


def offset_place(text: str, source: str, offset: int) -> str:
    """The place of a character, by its number in the text."""
    line = text.count("\n", 0, offset) + 1
    return place_text(source, line, offset - text.rfind("\n", 0, offset))


def refuse_size(text: str, source: str, max_bytes: int) -> None:
    """Refuse a text of more bytes, and what :func:`refuse_nul` refuses."""
    if len(text) > max_bytes or len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise error_at(f"the text is larger than {max_bytes:,} bytes", source, remedy="divide it")
    refuse_nul(text, source)


def refuse_nul(text: str, source: str) -> None:
    """Refuse NUL and lone surrogates."""
    found = FORBIDDEN.search(text)
    if found:
        what = "a NUL character" if found.group() == "\0" else "half of a surrogate pair"
        raise error_at(f"{what} in the text", offset_place(text, source, found.start()))

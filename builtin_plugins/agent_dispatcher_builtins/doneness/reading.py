"""The text of a file as its language reads it; a file that cannot be read this way cannot be judged, and so is not accepted."""

from __future__ import annotations

import ast
import codecs
import re

__all__ = ["same_code", "text_of"]

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
#: Encodings in which every byte that is ASCII stands for itself, so that no code hides in a comment.
_PLAIN = frozenset(("utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"))


def text_of(path: str, data: bytes | None) -> str | None:
    """The text; ``None`` when there is none, or when it is in no encoding that can be told.

    A file of Python may name its encoding, as Python has it (PEP 263); all others are UTF-8.
    """
    if data is None:
        return None
    named = "utf-8"
    if path.endswith(".py"):
        for line in data.removeprefix(codecs.BOM_UTF8).split(b"\n")[:2]:
            cookie = _COOKIE.match(line)
            if cookie is not None:
                named = cookie[1].decode("ascii")
                break
    try:
        encoding = codecs.lookup(named).name
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding) if encoding in _PLAIN else None
    except (LookupError, UnicodeDecodeError):
        return None


def same_code(path: str, before: str | None, after: str | None) -> bool:
    """Whether two texts say the same, apart from layout and comments where that can be told."""
    if before == after:
        return True
    if before is None or after is None or not path.endswith(".py"):
        return False
    try:
        return ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False

"""The JSON of a program that nobody trusts, as values that nothing further in stumbles over. What it would cost to read is known before it is read."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from .http import BadRequest

__all__ = ["read_object"]

#: Texts, numbers, lists and objects of one document. A long conversation has some thousands; a document made of nothing but brackets would
#: take fifty times its size in memory, and the interpreter's lock for seconds.
_MOST_VALUES: Final = 200_000
#: Lists and objects in each other. What writes JSON, and what walks through it, is recursive.
_DEEPEST: Final = 64
#: A text, or what opens, closes or parts values: whatever stands in a text is no structure.
_TOKEN: Final = re.compile(r'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"?|[\[{]|[\]}]|,', re.DOTALL)
#: Half of a character beyond the first 65,536, as programs write it that cut texts in the middle of one.
_HALF: Final = re.compile(r"\\u[dD][89abABcdefCDEF]")


def read_object(data: bytes) -> dict[str, Any]:
    """``data`` as an object whose texts can be encoded and whose numbers are finite; halves of characters become U+FFFD. To be called in a thread.

    Raises:
        BadRequest: it is no such object, or has too many values, or is too deep.
    """
    try:
        text = data.decode("utf-8")
        _weigh(text)
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
        if _HALF.search(text):
            whole = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
            value = json.loads(whole.decode("utf-16-le", "replace"))
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is no JSON object")
    return value


def _weigh(text: str) -> None:
    """Count values, token by token: other threads have their turn between two of them, which they have not while a document is read."""
    values = depth = 0
    for token in _TOKEN.finditer(text):
        sign = text[token.start()]
        if sign in "]}":
            depth -= 1
            if depth < 0:
                raise BadRequest("the body is no JSON")
            continue
        values += 1
        if sign in "[{":
            depth += 1
            if depth > _DEEPEST:
                raise BadRequest(f"the body has more than {_DEEPEST} lists and objects in each other")
        if values > _MOST_VALUES:
            raise BadRequest(f"the body has more than {_MOST_VALUES:,} values", 413)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number

"""How a key may be written: what stands in an address, in JSON, in a page or in a header is not the key to the letter, and gives it away all the same.

What somebody made of it on purpose (turned around, cut in pieces, encrypted) is not found: this is against carelessness, not against malice.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

__all__ = ["spellings"]

#: A piece of base64 that is shorter is not looked for: it would be found where nothing is hidden.
_SHORTEST_PIECE: Final = 8
_ESCAPED: Final = re.compile(r"%[0-9A-F]{2}")


def spellings(value: str) -> set[str]:
    """A key as it is, in an address (both cases, with and without ``/``, ``+`` for a space), in JSON and in JSON within JSON, in HTML, as Python shows it, in hex, and in base64 wherever in the encoded text it begins."""
    return {value, *_in_addresses(value), *_in_quotes(value), *_in_pages(value), *_encoded(value)} - {""}


def _in_addresses(value: str) -> Iterator[str]:
    for form in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield form
        yield _ESCAPED.sub(lambda escaped: escaped[0].lower(), form)


def _in_quotes(value: str) -> Iterator[str]:
    yield repr(value)[1:-1]
    for plain in (True, False):
        once = json.dumps(value, ensure_ascii=plain)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=plain)[1:-1]


def _in_pages(value: str) -> Iterator[str]:
    escaped = html.escape(value)
    yield escaped
    yield html.escape(value, quote=False)
    yield escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


def _encoded(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogateescape")
    yield data.hex()
    yield data.hex().upper()
    for before in range(3):  # bytes of something else in the first group of three
        text = base64.b64encode(bytes(before) + data).decode()
        piece = text[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        if len(piece) >= _SHORTEST_PIECE:
            yield piece
            yield piece.replace("+", "-").replace("/", "_")

"""What a model's word about an order is worth: twice as much when it can quote what it read, and by default not enough to bind unless it can."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["TRUST", "believed", "is_quoted", "names_something_of"]

#: Confidence in an order that a model is certain of, by default. With a quote it is twice as much.
TRUST = 0.3

_WORD = re.compile(r"[^\W_]{4,}")
_EVERYWHERE = """
    able also another application both called does done each either from given have into itself make makes made must need needs only other
    over require required requires same shall should some such system task tasks than that their them then there these they this those under
    update user users uses using want wants what when where which while will with without work write
"""
_EMPTY = frozenset(_EVERYWHERE.split())


def believed(confidence: float, quoted: bool, trust: float = TRUST) -> float:
    """What is left of a model's ``confidence`` (0 to 1): ``trust`` times as much, with a quote twice that, but never more than it said itself."""
    return round(confidence * min(1.0, trust * (2.0 if quoted else 1.0)), 4)


def is_quoted(quote: str, texts: Iterable[str]) -> bool:
    """Whether ``quote`` (two words or more) stands in one of ``texts``, apart from white space, case and the shape of quotation marks."""
    plain = _plain(quote).strip(" .…\"'")
    return len(plain.split()) > 1 and any(plain in _plain(text) for text in texts)


def names_something_of(quote: str, texts: Iterable[str]) -> bool:
    """Whether a word that means something stands in ``quote`` and in one of ``texts``."""
    return not _words(quote).isdisjoint(word for text in texts for word in _words(text))


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.replace("“", '"').replace("”", '"').replace("’", "'").replace("`", "").split())


def _words(text: str) -> set[str]:
    found = (word.casefold() for word in _WORD.findall(text))
    return {word[:-1] if word.endswith("s") and not word.endswith("ss") else word for word in found} - _EMPTY

"""When a quotation stands in a text, and when it says enough to bear anything out.

It stands there as whole words: ``supported by this driver`` is no part of ``unsupported by this driver``, ``can`` no part of ``can't``, ``3`` no part of ``3.11``.
``_`` belongs to a word between two letters or digits; at a word's edge it may be markup (``_emphasis_``).
Runs of white space count as one space, and a space counts: ``nowhere`` does not stand in ``now here``. It says enough when it has several words, or
is all that stands at its place.
"""

from __future__ import annotations

import re

__all__ = ["LEAST_WORDS", "find_words", "says_enough", "stands_in"]

#: Words a quotation has at least, unless it is all that its source says there.
LEAST_WORDS = 3
#: Characters that all of a line has at least to be a quotation.
_LEAST_WHOLE = 3
#: A quotation this long was cut to be shown, perhaps within a word.
_CUT_FROM = 200

# Scripts that write no spaces between words: two of their characters count as one.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_WORDS = re.compile(rf"[{_UNSPACED}]{{2}}|[^\W_{_UNSPACED}]+")
#: So many ``_`` side by side are in no word.
_LONGEST_RULE = 8
#: What joins two parts of one word.
_JOINING = frozenset("-'’\u2010\u2011")


def says_enough(quotation: str, whole: str) -> bool:
    """Whether a quotation of ``whole`` can bear a claim out.

    Args:
        whole: all that stands at the place, a line or a field, as :func:`.citing.visible` has it.
    """
    words = len(_WORDS.findall(quotation))
    return words >= LEAST_WORDS or (words > 0 and quotation == whole and len(whole) >= _LEAST_WHOLE)


def stands_in(quotation: str, text: str) -> bool:
    """Whether ``text`` says ``quotation``, in whole words."""
    return find_words(quotation, text) >= 0


def find_words(wanted: str, text: str) -> int:
    """Where ``wanted`` stands first in ``text`` as whole words, -1 where it does not."""
    if not wanted:
        return -1
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if not _within_word(text, start) and (len(wanted) >= _CUT_FROM or not _within_word(text, end)):
            return start
        start = text.find(wanted, start + 1)
    return -1


def _within_word(text: str, position: int) -> bool:
    """Whether the characters before and behind ``position`` belong to one word."""
    if not 0 < position < len(text):
        return False
    before, behind = text[position - 1], text[position]
    if "_" in (before, behind):
        beside = text[max(position - _LONGEST_RULE, 0) : position].rstrip("_")[-1:]
        return beside.isalnum() and text[position : position + _LONGEST_RULE].lstrip("_")[:1].isalnum()
    if before.isalnum() and behind.isalnum():
        return not (_IS_UNSPACED.match(before) or _IS_UNSPACED.match(behind))
    if before.isalnum() and position + 1 < len(text):
        return _joins(before, behind, text[position + 1])
    if behind.isalnum() and position > 1:
        return _joins(text[position - 2], before, behind)
    return False


def _joins(before: str, between: str, behind: str) -> bool:
    if between in ".,":
        return before.isdigit() and behind.isdigit()
    return between in _JOINING and before.isalnum() and behind.isalnum()

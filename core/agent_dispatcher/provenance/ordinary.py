"""Tells a key from an ordinary word or address, by its shape.

``POSTGRES_PASSWORD=postgres`` protects nothing, and to take ``postgres`` out of every text would ruin the work: ``postgresql://`` and
``import postgres`` are what the work is about. So what anyone could have written without knowing it is no key, and whoever means it as one says so.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from .dummies import is_dummy

__all__ = ["is_ordinary"]

#: More words than these are a phrase, and a longer word is one of several without a space.
_MOST_WORDS: Final = 3
_LONGEST_WORD: Final = 16
_LONGEST_NUMBER: Final = 5
#: Of a part of an address so much has to look random until the address is taken for a key.
_LEAST_RANDOM: Final = 16
#: Of the pairs of neighbouring letters so many have to be usual ones. In a text of random letters it is a fifth.
_USUAL_SHARE: Final = 0.6
_WORDS: Final = re.compile(r"[A-Za-z]+(?:[-_. ][A-Za-z]+)*")
_WORD: Final = re.compile(r"[a-z]+|[A-Z]+|[A-Z][a-z]+")
_BETWEEN: Final = re.compile(r"[-_. ]")
_IN_ADDRESS: Final = re.compile(r"[-_.:/\\~]+")
_LETTERS_AND_DIGITS: Final = re.compile(r"[^\W_]+")
_NAME: Final = re.compile(r"([A-Za-z]*)\d{0,3}|\d{,5}")
_IN_URL: Final = re.compile(r"[/.:]")
#: Whose service it is, where more is said behind it. At the end of an address it may be what opens it.
_TENANT: Final = re.compile(r"^/[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/(?=[a-z])")
_PATH: Final = re.compile(r"(?:~|\.{1,2})?/[^\s:]*|[A-Za-z]:[\\/]\S*")
#: The most frequent pairs in English words and in names of programs.
_PAIRS: Final = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro "
    "ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so "
    "rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl "
    "ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do uc bu ei ov by rm ep tt "
    "oc fa"
)
_USUAL: Final = frozenset(_PAIRS.split())
#: Programs that are their own password until somebody sets one, and read like no word.
_PROGRAMS: Final = frozenset({"dynamodb", "influxdb", "jenkins", "keycloak", "nextcloud", "rabbitmq"})


def is_ordinary(value: str) -> bool:
    """Whether a value is a placeholder (see :mod:`.dummies`), up to three words as people use them, a path made of such, or an address with nobody's name or
    password, no query, and nothing random in it.
    """
    if is_dummy(value):
        return True
    if "://" in value:
        return _is_open_address(value)
    if _PATH.fullmatch(value):
        return _all_plain(value)
    words = _BETWEEN.split(value)
    return bool(_WORDS.fullmatch(value)) and len(words) <= _MOST_WORDS and all(map(_is_word, words)) and _reads(words)


def _is_open_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        open_ = not (parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:
        return False
    said = parts.netloc + _TENANT.sub("/", parts.path)
    return open_ and bool(parts.netloc) and not any(map(_is_random, _IN_URL.split(said)))


def _is_random(part: str) -> bool:
    """Whether what is left of a part of an address, without its words, versions and small numbers, is long."""
    left = "".join(each for each in _LETTERS_AND_DIGITS.findall(part) if not _is_name(each))
    return len(left) >= _LEAST_RANDOM


def _is_name(part: str) -> bool:
    """Whether it is a word (one that is long has to read like one), perhaps with a number behind it, or a small number."""
    found = _NAME.fullmatch(part)
    return (bool(_WORD.fullmatch(part)) and (len(part) < _LEAST_RANDOM or _reads([part]))) or (
        found is not None and (len(found[1] or "") <= 4 or _reads([found[1]]))
    )


def _all_plain(value: str) -> bool:
    """Whether each part of a path is a word, a short name like ``v2`` or a small number."""
    return all(
        len(part) <= _LONGEST_NUMBER if not part.isalpha() else _is_word(part) and (len(part) <= 4 or _reads([part]))
        for part in _IN_ADDRESS.split(value)
        if part
    )


def _is_word(word: str) -> bool:
    return len(word) <= _LONGEST_WORD and bool(_WORD.fullmatch(word))


def _reads(words: list[str]) -> bool:
    words = [word.lower() for word in words if word.lower() not in _PROGRAMS]
    pairs = [word[at : at + 2] for word in words for at in range(len(word) - 1)]
    return sum(pair in _USUAL for pair in pairs) >= _USUAL_SHARE * len(pairs)

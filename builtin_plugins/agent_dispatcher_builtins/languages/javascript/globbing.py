"""Whether a pattern of files covers a path, in time that grows with the length of both: the pattern may be written by anybody, and is never looked back in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

__all__ = ["covers"]

#: What is not a letter that stands for itself: stars, groups of the extended form, classes, alternatives. One that is not closed goes to the end.
_PART = re.compile(r"\*\*/|\*\*(?:\([^)]*\)?)?|[?*+@!]\([^)]*\)?|[*?{},]|\[[^\]]*\]?|.", re.S)


def covers(pattern: str, path: str) -> bool:
    """Whether the end of ``path``, from the beginning of any of its names, is what ``pattern`` says; groups of the extended form match anything, and what is no
    pattern (brackets that are not closed) is taken to cover all.

    Where in the path one may be after a part of the pattern is a number with a bit for each place, so that all ways are followed at once.
    """
    whole = (1 << len(path) + 1) - 1
    letters = _letters(path)
    slashes = letters.get("/", 0)
    inside = whole >> 1 & ~slashes
    at = 1 | slashes << 1
    outside: list[tuple[int, int]] = []  # of each group where it began, and where its alternatives so far ended
    began, ended = at, 0
    for match in _PART.finditer(pattern):
        part = match[0]
        if part == "**/":
            at |= (_onwards(at, whole >> 1) & slashes) << 1
        elif part.startswith("**"):
            at = _onwards(at, whole >> 1)
        elif part == "*" or (part[1:2] == "(" and part[-1] == ")"):
            at = _onwards(at, inside)
        elif part == "?":
            at = (at & inside) << 1
        elif part == "{":
            outside.append((began, ended))
            began, ended = at, 0
        elif part == ",":
            at, ended = began, ended | at
        elif part == "}":
            if not outside:
                return True
            at |= ended
            began, ended = outside.pop()
        elif part[0] == "[" or len(part) > 1:
            allowed = _class(part, letters)
            if allowed is None:
                return True
            at = (at & allowed) << 1
        else:
            at = (at & letters.get(part, 0)) << 1
    return bool(outside) or bool((at | ended) >> len(path))


@lru_cache(maxsize=256)
def _letters(path: str) -> Mapping[str, int]:
    """Each letter of a path with its places."""
    found: dict[str, int] = {}
    for place, each in enumerate(path):
        found[each] = found.get(each, 0) | 1 << place
    return found


def _onwards(at: int, over: int) -> int:
    """Where one may be from ``at`` after any number of letters at the places ``over``: adding carries a bit through all that follow each other."""
    return ((at & over) + over) ^ over | at


def _class(part: str, letters: Mapping[str, int]) -> int | None:
    """The places of letters of a class, ``None`` when it is none."""
    if part[0] != "[" or part[-1] != "]":
        return None
    others = "^" if part[1] in "!^" else ""
    said = re.sub(r"[^\w-]", lambda found: re.escape(found[0]), part[1 + len(others) : -1])
    if "--" in said:
        return None
    try:
        one = re.compile(f"[{others}{said}]")
    except re.error:
        return None
    return sum(places for letter, places in letters.items() if one.match(letter))

"""JavaScript and TypeScript as text: comments and the insides of literals are blanked, so that the rest can be looked through without being run.

No parser: what is asked of files here (what they export, which tests they hold) stands at the beginning of statements, and needs only that brackets and
words are not mistaken for text.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["closing", "masked", "same_quotes", "stem"]

_WORD_BEFORE_PATTERN = re.compile(
    r"(?:^|[=(,;:?!&|{}\[+\-*%~^<>]|\b(?:return|typeof|case|in|of|delete|void|throw|new|await|yield|else|do))\s*$"
)
_OPEN = "([{"
_BRACKET = re.compile(r"[(\[{}\])]")


def stem(name: str) -> str:
    """What a module is called: its path without ``src/``, ``/index`` and the ending."""
    return re.sub(r"/index$", "", re.sub(r"\.[mc]?[jt]sx?$", "", name).removeprefix("./").removeprefix("src/"))


def masked(text: str, *, keep_strings: bool = False) -> str:
    """``text`` with comments blanked and, unless they are to be kept, what stands in strings, templates and patterns; every other character keeps its place."""
    out = list(text)
    at, end = 0, len(text)
    templates: list[int] = []

    def blank(start: int, stop: int) -> None:
        for index in range(start, min(stop, end)):
            if out[index] != "\n":
                out[index] = " "

    def template(start: int) -> int:
        """Past the part of a template that begins at ``start``: its end, or an expression in it."""
        index = start
        while index < end and text[index] != "`" and text[index : index + 2] != "${":
            index += 2 if text[index] == "\\" else 1
        if not keep_strings:
            blank(start, index)
        if text[index : index + 2] == "${":
            templates.append(0)
            return index + 2
        return index + 1

    while at < end:
        char, two = text[at], text[at : at + 2]
        if two == "//" or (at == 0 and two == "#!"):
            stop = _or_end(text.find("\n", at), end)
            blank(at, stop)
        elif two == "/*":
            stop = _or_end(text.find("*/", at + 2), end - 2) + 2
            blank(at, stop)
        elif char in "'\"":
            stop = _literal_end(text, at + 1, char)
            if not keep_strings:
                blank(at + 1, stop - 1)
        elif char == "`":
            stop = template(at + 1)
        elif char == "/" and _WORD_BEFORE_PATTERN.search("".join(out[max(0, at - 40) : at])):
            stop = _pattern_end(text, at + 1)
            blank(at + 1, stop - 1)
        else:
            stop = at + 1
            if templates and char == "{":
                templates[-1] += 1
            elif templates and char == "}":
                if templates[-1]:
                    templates[-1] -= 1
                else:
                    templates.pop()
                    stop = template(at + 1)
        at = stop
    return "".join(out)


def same_quotes(token: str) -> str:
    """A literal between quotation marks of either kind as one between double ones; anything else as it is."""
    if len(token) < 2 or token[0] not in "'\"" or token[-1] != token[0]:
        return token
    inner = re.sub(r"\\(['\"])", r"\1", token[1:-1])
    return '"' + inner.replace('"', '\\"') + '"'


def _or_end(found: int, end: int) -> int:
    return end if found < 0 else found


def _literal_end(text: str, at: int, quote: str) -> int:
    while at < len(text) and text[at] not in (quote, "\n"):
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _pattern_end(text: str, at: int) -> int:
    inside = False
    while at < len(text) and text[at] != "\n" and (inside or text[at] != "/"):
        inside = (inside or text[at] == "[") and text[at] != "]"
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def closing(code: str, at: int) -> int:
    """Where the bracket that opens at ``at`` of masked code is closed; the end when it is not."""
    return _closings(code).get(at, len(code))


@lru_cache(maxsize=8)
def _closings(code: str) -> dict[int, int]:
    """Each bracket that opens to the one that closes it: found once for a text, however many are asked for."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACKET.finditer(code):
        if match[0] in _OPEN:
            opened.append(match.start())
        elif opened:
            found[opened.pop()] = match.start()
    return found

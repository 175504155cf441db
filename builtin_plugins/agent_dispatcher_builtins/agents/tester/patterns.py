"""Texts that match a pattern, for the regular expressions a specification may use.

Only what specifications allow is understood (literals, classes, groups, alternatives, quantifiers, anchors); of anything else there
are simply no samples. Every sample has been checked with :func:`re.fullmatch`.
"""

from __future__ import annotations

import random
import re
import string

__all__ = ["matching", "of_length"]

_LETTERS = string.ascii_letters
_CLASSES = {"d": string.digits, "w": _LETTERS + string.digits + "_", "s": " "}
_ANY = _LETTERS + string.digits + " -_.,"
#: How often an unbounded quantifier repeats at most, beyond its minimum.
_MORE = 3


def matching(pattern: str, count: int, *, seed: str = "", attempts: int = 40) -> list[str]:
    """Up to ``count`` different texts that match ``pattern``; the same ones each time."""
    found: dict[str, None] = {}
    for attempt in range(attempts):
        if len(found) >= count:
            break
        try:
            text = _Sampler(pattern, random.Random(f"{pattern}{seed}{attempt}")).sample()
        except _Unknown:
            return list(found)
        if re.fullmatch(pattern, text):
            found[text] = None
    return list(found)


def of_length(pattern: str, length: int) -> str | None:
    """A text of exactly ``length`` characters that matches, ``None`` when none was found: a sample grown or shrunk one character at a time."""
    for sample in matching(pattern, 8, seed="length"):
        text: str | None = sample
        while text is not None and len(text) != length:
            text = _one_more(pattern, text) if len(text) < length else _one_less(pattern, text)
        if text is not None:
            return text
    return None


def _one_more(pattern: str, text: str) -> str | None:
    """The text with one of its characters doubled, if it still matches."""
    longer = (text[:index] + text[index - 1] + text[index:] for index in range(1, len(text) + 1))
    return next((found for found in longer if re.fullmatch(pattern, found)), None)


def _one_less(pattern: str, text: str) -> str | None:
    """The text without one of its characters, if it still matches."""
    shorter = (text[:index] + text[index + 1 :] for index in range(len(text)))
    return next((found for found in shorter if re.fullmatch(pattern, found)), None)


class _Unknown(Exception):
    """The pattern uses something that is not understood."""


class _Sampler:
    """One walk through a pattern, choosing at random."""

    def __init__(self, pattern: str, rng: random.Random) -> None:
        self.pattern = pattern
        self.rng = rng
        self.at = 0

    def sample(self) -> str:
        text = self._alternatives()
        if self.at != len(self.pattern):
            raise _Unknown
        return text

    def _peek(self) -> str:
        return self.pattern[self.at] if self.at < len(self.pattern) else ""

    def _next(self) -> str:
        if self.at >= len(self.pattern):
            raise _Unknown
        self.at += 1
        return self.pattern[self.at - 1]

    def _alternatives(self) -> str:
        options = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            options.append(self._sequence())
        return self.rng.choice(options)

    def _sequence(self) -> str:
        text = ""
        while self._peek() not in ("", "|", ")"):
            text += self._repeated()
        return text

    def _repeated(self) -> str:
        start = self.at
        text = self._atom()
        end = self.at
        low, high = self._quantifier()
        after = self.at
        if (low, high) == (1, 1):
            return text
        result = ""
        for _ in range(self.rng.randint(low, high)):
            self.at = start
            result += self._atom()
            assert self.at == end
        self.at = after
        return result

    def _quantifier(self) -> tuple[int, int]:
        sign = self._peek()
        if sign not in ("?", "*", "+", "{"):
            return 1, 1
        self.at += 1
        low, high = {"?": (0, 1), "*": (0, _MORE), "+": (1, 1 + _MORE), "{": (0, 0)}[sign]
        if sign == "{":
            found = re.compile(r"(\d*)(,?)(\d*)\}").match(self.pattern, self.at)
            if not found:
                raise _Unknown
            self.at = found.end()
            low = int(found[1] or 0)
            high = (int(found[3]) if found[3] else low + _MORE) if found[2] else low
        if self._peek() == "?":
            self.at += 1
        return low, high

    def _atom(self) -> str:
        char = self._next()
        if char == "(":
            if self.pattern.startswith("?:", self.at):
                self.at += 2
            elif self._peek() == "?":
                raise _Unknown
            text = self._alternatives()
            if self._next() != ")":
                raise _Unknown
            return text
        if char == "[":
            return self.rng.choice(self._class())
        if char in "^$":
            return ""
        if char == ".":
            return self.rng.choice(_ANY)
        if char == "\\":
            return self.rng.choice(self._escape())
        return char

    def _escape(self) -> str:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char]
        if char.lower() in _CLASSES:
            return "".join(other for other in _ANY if other not in _CLASSES[char.lower()])
        if char.isalnum():
            raise _Unknown
        return char

    def _class(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        members = ""
        while self._peek() != "]" or not members:
            char = self._next()
            group = self._escape() if char == "\\" else char
            if len(group) == 1 and self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self._next()
                last = self._escape() if last == "\\" else last
                group = "".join(chr(code) for code in range(ord(group), ord(last) + 1))
            members += group
        self.at += 1
        if negated:
            members = "".join(other for other in _ANY if other not in members)
        if not members:
            raise _Unknown
        return members

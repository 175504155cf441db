r"""The regular expressions a specification may use: a portable subset without surprises.

A pattern always describes the whole text. Allowed are characters; ``.`` (anything but a line break); ``\`` before a character that is no letter and no digit;
``\d \w \s`` (and ``\n \t``); classes ``[a-z_]``, ``[^...]``; groups ``(...)``, ``(?:...)``; ``|``; and ``* + ? {n} {n,} {n,m}``. A ``^`` at the very beginning and a
``$`` at the very end are accepted and dropped.

Refused are look-around, back references, named groups, flags, lazy and possessive quantifiers, other escapes, and repetition within
unbounded repetition unless every round begins or ends with a character that nothing else in it can match (``(-[a-z]+)*``), because a text from
outside could otherwise keep an implementation busy for ever.

:func:`portable` rewrites what differs between engines: ``\d`` becomes ``[0-9]``, groups do not capture. So implementations may hand a pattern
to their own engine as it is.
"""

from __future__ import annotations

import re
from typing import NoReturn

from attrs import frozen

__all__ = ["MAX_LENGTH", "PatternProblem", "portable"]

#: Longest pattern, in characters, and largest number in a quantifier.
MAX_LENGTH = 500
MAX_REPEAT = 1_000
_MAX_DEPTH = 20

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\r\f\v"}
_CHARACTERS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_SPELLED = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "\f": r"\f", "\v": r"\v"}
_SPECIAL = frozenset(r"\.[]{}()*+?^$|")
_IN_CLASS = frozenset(r"\[]^-&~|")
#: Characters by which two sets are compared; any other is one of the last kind.
_ALPHABET = frozenset(map(chr, range(256))) | {"\uffff"}


class PatternProblem(ValueError):
    """A pattern that is not allowed.

    Attributes:
        position: 0-based offset in the pattern.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message}, at character {position + 1} of the pattern")
        self.position = position


@frozen
class _Part:
    """A piece of a pattern: how it is written, the characters it can match, whether its length can vary, and whether one round of it
    can be told from the next (:func:`_is_marked`)."""

    text: str
    characters: frozenset[str]
    varies: bool = False
    marked: bool = False


def portable(pattern: str) -> str:
    """The pattern as every engine understands it.

    Raises:
        PatternProblem: it uses something that is not allowed, or could take for ever.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternProblem(f"a pattern has at most {MAX_LENGTH} characters", MAX_LENGTH)
    begin = 1 if pattern.startswith("^") else 0
    end = len(pattern)
    if end > begin and pattern.endswith("$") and not _is_escaped(pattern, end - 1):
        end -= 1
    reader = _Reader(pattern, begin, end)
    text = reader.alternatives(0).text
    if reader.at != end:
        reader.refuse("this ) closes nothing")
    re.compile(text)
    return text


def _is_escaped(pattern: str, position: int) -> bool:
    before = pattern[:position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


class _Reader:
    def __init__(self, pattern: str, begin: int, end: int) -> None:
        self.pattern = pattern
        self.at = begin
        self.end = end

    def refuse(self, message: str, at: int | None = None) -> NoReturn:
        raise PatternProblem(message, self.at if at is None else at)

    def _peek(self, ahead: int = 0) -> str:
        return self.pattern[self.at + ahead] if self.at + ahead < self.end else ""

    def alternatives(self, depth: int) -> _Part:
        if depth > _MAX_DEPTH:
            self.refuse(f"groups are nested more than {_MAX_DEPTH} deep")
        branches = [self._sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence(depth))
        parts = [part for branch in branches for part in branch]
        characters = frozenset[str]().union(*(part.characters for part in parts))
        return _Part(
            "|".join("".join(part.text for part in branch) for branch in branches),
            characters,
            varies=len(branches) > 1 or any(part.varies for part in parts),
            marked=len(branches) == 1 and _is_marked(branches[0]),
        )

    def _sequence(self, depth: int) -> list[_Part]:
        parts: list[_Part] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(depth))
        return parts

    def _repeated(self, depth: int) -> _Part:
        begin = self.at
        part = self._atom(depth)
        low, high, text = self._quantifier()
        if not text:
            return part
        if self._peek() and self._peek() in "*+?{":
            what = "lazy quantifiers have no meaning here" if self._peek() == "?" else "a quantifier after a quantifier"
            self.refuse(what)
        unbounded = high is None or high > 20
        if unbounded and part.varies and not part.marked:
            self.refuse(
                "a repetition within a repetition could take for ever: let every round begin or end with a "
                "character that nothing else in it can match",
                begin,
            )
        varies = part.varies or high != low
        return _Part(part.text + text, part.characters, varies=varies)

    def _quantifier(self) -> tuple[int, int | None, str]:
        match self._peek():
            case "*":
                self.at += 1
                return 0, None, "*"
            case "+":
                self.at += 1
                return 1, None, "+"
            case "?":
                self.at += 1
                return 0, 1, "?"
            case "{":
                return self._counted()
        return 1, 1, ""

    def _counted(self) -> tuple[int, int | None, str]:
        found = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}").match(self.pattern, self.at, self.end)
        if found is None:
            self.refuse(r"a quantifier is written {2}, {2,} or {2,5} (for the character write \{)")
        low = int(found[1])
        high = low if found[2] is None else int(found[3]) if found[3] else None
        if (high is not None and high < low) or max(low, high or 0) > MAX_REPEAT:
            self.refuse(f"a quantifier goes from a smaller to a larger number, at most {MAX_REPEAT}")
        self.at = found.end()
        return low, high, found.group()

    def _atom(self, depth: int) -> _Part:
        character = self._peek()
        match character:
            case "(":
                return self._group(depth)
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case ".":
                self.at += 1
                return _Part(".", _ALPHABET - {"\n"})
            case "^" | "$":
                self.refuse(
                    f"the whole text is matched anyway: leave out {character} (for the character write \\{character})"
                )
            case "*" | "+" | "?" | "{":
                self.refuse(
                    f"nothing stands here that {character} could repeat (for the character write \\{character})"
                )
            case "]" | "}":
                self.refuse(f"for the character write \\{character}")
        self.at += 1
        return _Part(_spelled(character, _SPECIAL), _known(character))

    def _group(self, depth: int) -> _Part:
        begin = self.at
        self.at += 1
        if self._peek() == "?":
            if self._peek(1) != ":":
                self.refuse("look-around, named groups and flags are not allowed: only (...) and (?:...)")
            self.at += 2
        inner = self.alternatives(depth + 1)
        if self._peek() != ")":
            self.refuse("this group does not end", begin)
        self.at += 1
        return _Part(f"(?:{inner.text})", inner.characters, varies=inner.varies, marked=inner.marked)

    def _escape(self) -> _Part:
        letter = self._peek(1)
        if letter in _CLASSES and letter:
            self.at += 2
            return _Part(f"[{_CLASSES[letter]}]", _class_characters(letter))
        character = self._escaped()
        return _Part(_spelled(character, _SPECIAL), _known(character))

    def _escaped(self) -> str:
        """The character an escape stands for; the reader is behind it."""
        letter = self._peek(1)
        if not letter:
            self.refuse("nothing follows the backslash")
        if letter in _CHARACTERS:
            self.at += 2
            return _CHARACTERS[letter]
        if letter.isalnum() or letter == "_":
            self.refuse(f"\\{letter} is not allowed: known are \\d \\w \\s \\n \\t and \\ before a sign")
        self.at += 2
        return letter

    def _class(self) -> _Part:
        begin = self.at
        self.at += 1
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        text, characters = "", frozenset[str]()
        while self._peek() != "]":
            if not self._peek():
                self.refuse("this class does not end", begin)
            if self._peek() == "[":
                self.refuse("write \\[ for the character")
            piece, members = self._class_member()
            text += piece
            characters |= members
        self.at += 1
        if not text:
            self.refuse("an empty class matches nothing", begin)
        return _Part(f"[{'^' if negated else ''}{text}]", _ALPHABET - characters if negated else characters)

    def _class_member(self) -> tuple[str, frozenset[str]]:
        begin = self.at
        if self._peek() == "\\" and self._peek(1) in _CLASSES and self._peek(1):
            letter = self._peek(1)
            self.at += 2
            return _CLASSES[letter], _class_characters(letter)
        low = self._class_character()
        if self._peek() != "-" or self._peek(1) in ("]", ""):
            return _spelled(low, _IN_CLASS), _known(low)
        self.at += 1
        if self._peek() == "\\" and self._peek(1) in _CLASSES:
            self.refuse("a range ends with a character")
        high = self._class_character()
        if high < low:
            self.refuse(f"the range {low}-{high} is upside down", begin)
        members = frozenset(character for character in _ALPHABET if low <= character <= high)
        if ord(high) > 255:
            members |= {"\uffff"}
        return f"{_spelled(low, _IN_CLASS)}-{_spelled(high, _IN_CLASS)}", members

    def _class_character(self) -> str:
        if self._peek() == "\\":
            return self._escaped()
        character = self._peek()
        self.at += 1
        return character


def _is_marked(branch: list[_Part]) -> bool:
    """Whether the first or last part is one character that no other part can match: then rounds cannot be divided in two ways."""
    if len(branch) < 2:
        return False
    for mark, others in ((branch[0], branch[1:]), (branch[-1], branch[:-1])):
        if not mark.varies and all(not mark.characters & other.characters for other in others):
            return sum(other.varies for other in others) <= 1
    return False


def _known(character: str) -> frozenset[str]:
    return frozenset({character if ord(character) < 256 else "\uffff"})


def _class_characters(letter: str) -> frozenset[str]:
    return frozenset(character for character in _ALPHABET if re.match(rf"\{letter}", character, re.ASCII))


def _spelled(character: str, special: frozenset[str]) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    return f"\\{character}" if character in special else character

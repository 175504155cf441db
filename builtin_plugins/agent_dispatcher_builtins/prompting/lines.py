"""Texts as lines, so that what changes in a file is its lines and nothing else: line ends, a byte order mark and a missing last line end stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from attrs import frozen

__all__ = ["Lines"]

_MARK = "\ufeff"
Ends = tuple[str, ...]


@frozen
class Lines:
    """A text in lines.

    Attributes:
        texts: what stands in them.
        ends: what ends each: ``"\\n"``, ``"\\r\\n"``, or ``""`` for a last line that nothing ends.
        mark: the byte order mark, if there is one.
    """

    texts: tuple[str, ...]
    ends: Ends
    mark: str = ""

    @classmethod
    def of(cls, text: str) -> Lines:
        """The lines of a text."""
        mark = _MARK if text.startswith(_MARK) else ""
        *whole, last = text.removeprefix(mark).split("\n")
        texts = [line.removesuffix("\r") for line in whole]
        ends = ["\r\n" if line.endswith("\r") else "\n" for line in whole]
        if last:
            texts.append(last)
            ends.append("")
        return cls(tuple(texts), tuple(ends), mark)

    @property
    def text(self) -> str:
        """The text again, to the character."""
        return self.mark + "".join(text + end for text, end in zip(self.texts, self.ends, strict=True))

    def places(self, wanted: Sequence[str]) -> list[int]:
        """Where these lines stand, whole and in a row."""
        if not wanted:
            return list(range(len(self.texts) + 1))
        size, lines = len(wanted), tuple(wanted)
        begins = (at for at, text in enumerate(self.texts) if text == lines[0])
        return [at for at in begins if self.texts[at : at + size] == lines]

    def replaced(self, at: int, size: int, new: Sequence[str]) -> Lines:
        """With ``new`` instead of the ``size`` lines from ``at`` on; what is the same in both stays to the character."""
        inside = self._ends_of(new, self.texts[at : at + size], self.ends[at : at + size])
        texts = (*self.texts[:at], *new, *self.texts[at + size :])
        ends = (*self.ends[:at], *inside, *self.ends[at + size :])
        return Lines(texts, self._ended(ends), self.mark)

    def rewritten(self, text: str) -> Lines:
        """A text that is to stand instead of all, ended as this is."""
        return self.replaced(0, len(self.texts), Lines.of(text).texts) if self.texts else Lines.of(text)

    @property
    def _usual(self) -> str:
        return "\r\n" if 2 * self.ends.count("\r\n") > len(self.ends) - self.ends.count("") else "\n"

    def _ends_of(self, new: Sequence[str], old: Sequence[str], ends: Ends) -> Ends:
        if len(set(self.ends) - {""}) <= 1:
            return (self._usual,) * len(new)
        found: list[str] = []
        for what, i1, i2, j1, j2 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
            found += ends[i1:i2] if what == "equal" else [ends[i1] if i1 < i2 else self._usual] * (j2 - j1)
        return tuple(found)

    def _ended(self, ends: Ends) -> Ends:
        """Every line has an end, the last as the last had."""
        if not ends:
            return ends
        last = "" if self.ends and not self.ends[-1] else ends[-1] or self._usual
        return (*(end or self._usual for end in ends[:-1]), last)

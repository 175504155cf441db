"""Texts to answer from, cut into passages that are found by the words of a question.

A passage is ranked by the words it shares with the question, rare words counting more (the weight of a word is the logarithm of how few passages have
it, as in Robertson and Sparck Jones, *Relevance weighting of search terms*, 1976), each word once.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from ....checks.kept_sources import is_note
from ....prompting.asking import tokens
from ..reading import Document

__all__ = ["Library", "Passage", "source_name", "unread"]

#: Lines of a passage.
_LINES = 24
#: Characters shown of one line: nobody quotes more, and one line may be a whole file.
_LINE = 400
_WORD = re.compile(r"[^\W_]{2,}")


def source_name(document: Document) -> str:
    """What a document is called in a question and in an answer."""
    return f"specification:{document.path}" if document.in_specification else document.path


@frozen(eq=False)
class Passage:
    """Some lines of a document; ``first`` is the number of the first, from 1."""

    document: Document
    first: int
    last: int

    def to_text(self) -> str:
        """Name, then each line behind its number."""
        lines = self.document.lines[self.first - 1 : self.last]
        numbered = (f"{number}: {line[:_LINE]}" for number, line in enumerate(lines, self.first))
        return "\n".join([f"[{source_name(self.document)}]", *numbered])


def _stem(word: str) -> str:
    word = word.casefold()
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _words(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text)}


@define(eq=False)
class Library:
    """What there is to read; grows when something is fetched.

    Attributes:
        documents: by :func:`source_name`, in the order they came.
    """

    documents: dict[str, Document] = field(factory=dict)
    _passages: list[tuple[Passage, set[str]]] = field(factory=list)
    _frequency: Counter[str] = field(factory=Counter)

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Library:
        """A library of these; of two with one name the first."""
        library = cls()
        for document in documents:
            library.add(document)
        return library

    def add(self, document: Document) -> None:
        """Take in another document; a note of research is none."""
        name = source_name(document)
        if name in self.documents or is_note(document.text[:500]):
            return
        self.documents[name] = document
        for passage in _cut(document):
            text = "\n".join(document.lines[passage.first - 1 : passage.last])
            words = _words(f"{document.path} {text}")
            self._passages.append((passage, words))
            self._frequency.update(words)

    def find(
        self, question: str, most_tokens: int, without: Iterable[Passage] = ()
    ) -> tuple[tuple[Passage, ...], tuple[str, ...]]:
        """The passages that share most with the question, best first, as many as fit; and the names of documents that had something and were left out.

        Args:
            without: what the reader has already: no line of it is given again.
        """
        asked = _words(question)
        count = len(self._passages)
        ranked = []
        for number, (passage, words) in enumerate(self._passages):
            score = sum(math.log(1 + count / self._frequency[word]) for word in asked & words)
            if score > 0:
                ranked.append((-score, number, passage))
        chosen: list[Passage] = []
        left = most_tokens
        out: dict[str, None] = {}
        had = list(without)
        for _, _, passage in sorted(ranked, key=lambda each: each[:2]):
            for part in unread(passage, had):
                size = tokens(part.to_text())
                if size <= left:
                    left -= size
                    chosen.append(part)
                else:
                    out[source_name(part.document)] = None
        taken = {source_name(passage.document) for passage in (*chosen, *had)}
        return tuple(chosen), tuple(name for name in out if name not in taken)


def unread(passage: Passage, had: Iterable[Passage]) -> Iterator[Passage]:
    """The parts of a passage of which no line is in ``had``."""
    lines = set(range(passage.first, passage.last + 1))
    for each in had:
        if source_name(each.document) == source_name(passage.document):
            lines.difference_update(range(each.first, each.last + 1))
    for first in sorted(line for line in lines if line - 1 not in lines):
        last = first
        while last + 1 in lines:
            last += 1
        if any(line.strip() for line in passage.document.lines[first - 1 : last]):
            yield Passage(passage.document, first, last)


def _cut(document: Document) -> Iterator[Passage]:
    """Passages of at most so many lines; one ends before a heading where there is one in its second half."""
    first, total = 1, len(document.lines)
    while first <= total:
        last = min(first + _LINES - 1, total)
        if last < total:
            breaks = (n for n in range(last, first + _LINES // 2, -1) if document.lines[n].startswith("#"))
            last = next(breaks, last)
        if any(line.strip() for line in document.lines[first - 1 : last]):
            yield Passage(document, first, last)
        first = last + 1

"""The words of tasks, made comparable: lower case, without endings, without words that carry no meaning.

No grammar and no dictionary. Two forms of one word should usually become one (*configuring*, *configuration*); that two different words sometimes do is
harmless, as words only weigh when few tasks of a list share them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from attrs import field, frozen

from agent_dispatcher.models import Task

__all__ = ["Wording", "as_written", "stem", "words"]

#: Characters of a description that are read for what the task speaks of; what comes later is detail (and may be a whole document).
READ_CHARS = 6000
#: Characters of a description that say what sort of work it is.
OPENING_CHARS = 600

_EMPTY_TEXT = """
    a an and the of for to in on with by from as at into via using use used is are be or it its this that these those all any each other new both across per
    between within when where which while who whose then than such also can will should must may might not no only so if up out over under more most their there
    they them our your we i you he she has have had do does did been being was were etc eg ie like including include includes based ensure ensures provide provides
    support supports supporting allow allows enable enables necessary proper properly appropriate various different specific
    """
_EMPTY = frozenset(_EMPTY_TEXT.split())
#: Longest first where one ends in another. Not a linguist's list: the endings that software prose puts on verbs and nouns.
_ENDINGS = (
    ("izations", "ize"), ("ization", "ize"), ("ations", "ate"), ("ation", "ate"), ("ements", "e"), ("ment", ""), ("ies", "y"),
    ("ings", ""), ("ing", ""), ("ers", "er"), ("sses", "ss"), ("es", "e"), ("s", ""), ("ed", ""),
)  # fmt: skip
_RUN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
#: Scripts that are written without spaces, or whose words change at the end: compared by pairs of characters.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@frozen
class Wording:
    """What a task is called and what it speaks of.

    Attributes:
        title: the words of its title, in order.
        opening: the words at the beginning of its description.
        body: all words of its description that are read, with how often each occurs.
    """

    title: tuple[str, ...]
    opening: frozenset[str]
    body: dict[str, int] = field(eq=False)

    @classmethod
    def of(cls, task: Task) -> Wording:
        """The wording of a task."""
        body: dict[str, int] = {}
        for word in words(task.description[:READ_CHARS]):
            body[word] = body.get(word, 0) + 1
        return cls(tuple(words(task.title)), frozenset(words(task.description[:OPENING_CHARS])), body)

    def __contains__(self, word: str) -> bool:
        return word in self.body or word in self.title


def words(text: str) -> Iterator[str]:
    """The stems of the meaningful words of a text, names taken apart (``UserModel``, ``user_model``), in order, repetitions included."""
    return (each for each, _ in _spelled(text))


def as_written(text: str, wanted: Iterable[str]) -> list[str]:
    """The first spelling of each of some stems in a text, in the order of the text."""
    missing = set(wanted)
    found = []
    for each, spelling in _spelled(text):
        if each in missing:
            missing.remove(each)
            found.append(spelling)
    return found


def _spelled(text: str) -> Iterator[tuple[str, str]]:
    for found in _RUN.finditer(text):
        run = found.group()
        if not run.isascii() and _UNSPACED.search(run):
            yield from ((run[at : at + 2], run[at : at + 2]) for at in range(max(1, len(run) - 1)))
            continue
        for part in (run,) if run.islower() else _HUMP.split(run):
            if len(part) > 1 and part.lower() not in _EMPTY:
                yield stem(part.lower()), part


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A lower-case word without its ending."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: len(word) - len(ending)] + instead
            break
    if len(word) > 4 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word

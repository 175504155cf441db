"""Which words of a text name a technology: by how they are written and by what they match, not by a list of technologies.

A word is *set off* when it is written as people write names (in backquotes, with a capital, digit, dot or hyphen inside). A line is *about means* when its label or
heading says so ("Primary Dependencies", "Tech Stack", "Storage"). The words for that are those of specification templates.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from .reading import Document

__all__ = ["asks_in_general", "key", "mentions", "named_means", "set_off", "words"]

_WORD = re.compile(r"@?[A-Za-z][A-Za-z0-9]*(?:[-._/+#][A-Za-z0-9]+)*[+#]*|\.[A-Z]{2,}[A-Za-z]*")
_QUOTED = re.compile(r"`([^`\n]{1,80})`")
_NAME_IN_QUOTES = re.compile(r"@?[A-Za-z][\w.+#/-]*(?:\[[\w,]+\])?")
_MEANS = (
    r"(?:language|framework|librar(?:y|ies)|dependenc(?:y|ies)|storage|database|testing|runtime|platform|packages?|tools?|tooling"
    r"|stack|technolog(?:y|ies)|backend|frontend|infrastructure)"
)
_LABEL = re.compile(
    rf"^\s*(?:[-*+]\s+)?\**_*(?P<label>(?:[A-Za-z]+[ /&-]+){{0,3}}{_MEANS}(?:/Versions?)?)\**_*\s*[:：]\**\s*(?P<value>\S.*)$",
    re.I,
)
_HEADING = re.compile(r"^#{1,6}\s+(?P<title>.*?)\s*#*\s*$")
_MEANS_HEADING = re.compile(
    r"\b(?:dependenc(?:y|ies)|tech(?:nical|nology)?\s+(?:stack|context|choices)|technolog(?:y|ies)|librar(?:y|ies)|stack)\b",
    re.I,
)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?P<text>.*)$")
_GENERAL = re.compile(
    r"\b(?:technolog(?:y|ies)|dependenc(?:y|ies)|librar(?:y|ies)|frameworks?|packages?|tech(?:nical|nology)?\s+(?:stack|context)|versions?|licen[cs]es?)\b",
    re.I,
)
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_SPLIT = re.compile(r"\s*(?:[,;、，；]|\s\+\s|\s&\s|\band\b|\bor\b|\bwith\b|\s/\s)\s*", re.I)
#: Words that begin a value and name nothing.
_UNSAID = """
    a an the n n/a na none no not existing standard using via new any all single custom built in-memory in-process file files local tbd todo needs
    clarification to be unknown cross-platform web mobile desktop server client library cli api e.g i.e etc
"""
#: Capitalised words that begin sentences of tasks and requirements.
_OPENING = """
    research investigate evaluate explore compare spike analyse analyze review study find gather document decide determine select choose identify
    understand check list how what which when where why if for from with the this that these it its as in on of to and or use using given then must
    should may can each all any read look describe write create add update scenario requirement constraint edge case note see critical high medium low
    i we you they
"""
_NOTHING = frozenset(_UNSAID.split())
_OPENERS = frozenset(_OPENING.split())


def key(name: str) -> str:
    """Equal for two spellings of one name."""
    return re.sub(r"[-_.\s]+", "-", name.strip().strip("`*_").lower()).strip("-")


def words(text: str) -> Iterator[str]:
    """Every word that could be a name, as it is written."""
    for match in _WORD.finditer(text):
        yield match[0].rstrip("./-")


def set_off(text: str) -> list[str]:
    """Words that are written as names, in order, once; a capital at the begin of a sentence alone does not make a name."""
    found: dict[str, str] = {}
    for quoted in _QUOTED.findall(text):
        if _NAME_IN_QUOTES.fullmatch(quoted):
            found.setdefault(key(quoted.partition("[")[0]), quoted.partition("[")[0])
    plain = _QUOTED.sub(" ", text)
    for match in _WORD.finditer(plain):
        word = match[0].rstrip("./-")
        inner = any(c.isupper() or c.isdigit() for c in word[1:]) or bool(re.search(r"[.+#]", word))
        before = plain[max(0, match.start() - 20) : match.start()].rstrip()
        begins = not before or before[-1] in ".!?:;-*>#("
        capital = word[0].isupper() and not begins
        if (
            (inner or capital)
            and word.lower() not in _OPENERS | _NOTHING
            and not re.fullmatch(r"[A-Z]{1,4}-?\d+[a-z]?", word)
        ):
            found.setdefault(key(word), word)
    return [name for name in found.values() if key(name)]


def asks_in_general(text: str) -> bool:
    """Whether a text is about technologies as such ("which versions do our dependencies need")."""
    return bool(_GENERAL.search(text))


def named_means(document: Document) -> Iterator[tuple[str, int]]:
    """Names in the lines of a document that are about means, with the line: values of labels, and items below headings."""
    about = fenced = False
    for number, line in enumerate(document.lines, 1):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        if fenced or len(line) > 2000:
            continue
        heading = _HEADING.match(line)
        if heading:
            about = bool(_MEANS_HEADING.search(heading["title"]))
            continue
        label = _LABEL.match(line)
        item = _ITEM.match(line)
        if label:
            yield from ((name, number) for name in _leading_names(label["value"]))
        elif about and item:
            text = re.split(r"\s[-–—:]\s|:\s", item["text"], maxsplit=1)[0]
            yield from ((name, number) for name in _leading_names(text))


def _leading_names(value: str) -> Iterator[str]:
    """The first name of each part of a list."""
    for part in _SPLIT.split(re.sub(r"\([^)]*\)", " ", value)):
        text = part.strip().strip("*_").strip()
        quoted = _QUOTED.match(text)
        if quoted and _NAME_IN_QUOTES.fullmatch(quoted[1]):
            yield quoted[1].partition("[")[0]
            continue
        match = _WORD.match(text)
        if match is None:
            continue
        word = match[0].rstrip("./-")
        is_name = any(c.isupper() or c.isdigit() for c in word)
        if is_name and word.lower() not in _NOTHING | _OPENERS:
            yield word


def mentions(document: Document, name: str, spellings: Collection[str] = ()) -> Iterator[int]:
    """Lines of a document in which a name stands as a word, from 1."""
    names = "|".join(re.escape(each) for each in sorted({name, *spellings}, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])", re.I if len(name) > 2 else 0)
    for number, line in enumerate(document.lines, 1):
        if len(line) <= 20_000 and pattern.search(line):
            yield number

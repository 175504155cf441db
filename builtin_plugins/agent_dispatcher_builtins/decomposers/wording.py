"""What a text is about, in any script: its words, the names it writes as code, and what it asks to be done, as one phrase."""

from __future__ import annotations

import re

from .prose import headline, terms

__all__ = ["imperative", "names", "plain_text", "questions", "shortened", "stem", "subjects", "words"]

#: Words of scripts that part them; ASCII words are taken by :func:`.prose.terms`, which knows English.
_OTHER_WORD = re.compile(r"[^\W\d_]{3,}")
#: Runs of scripts that do not part words: ideographs and katakana, where the nouns are.
_RUN = re.compile(r"[\u30a1-\u30fa\u30fc]{3,}|[\u3400-\u9fff]{2,6}|[\uac00-\ud7af]{2,}")
_NAME = re.compile(
    r"`([^`\n]{2,80})`"
    r"|\b([A-Z][a-z0-9]+[A-Z][A-Za-z0-9]*)\b"  # CamelCase
    r"|\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\b"  # snake_case
    r"|\b([a-z][a-z0-9]*[A-Z][A-Za-z0-9]*)\b"  # camelCase
)
#: So much of a text is looked at; what it is about, its author says before.
_MOST = 4000
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ASKING = frozenset(("happen", "mandatory", "attempt", "approaching", "operation", "mechanism", "component", "feature"))
_WISH = re.compile(
    r"\bI (?:want|need|would like|wish|can)(?P<to> to)?\s+(?P<wish>.+?)(?:,? (?:so that|so I can|in order to)\b|[.;]|$)",
    re.IGNORECASE,
)
_CASE = re.compile(r"^What (?:happens )?(?:when|if) (.+?)\?", re.IGNORECASE)
_HANDLED = re.compile(
    r"^How (?:does|do|should|will) (?:the )?[\w ]{2,30}? handle (.+?)\?|^How (?:are|is) (.+?) handled(.*?)\?",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:must|shall|should|has to|have to|needs? to|will)\b\s+(?P<not>not\s+)?(?P<rest>\S.*)", re.IGNORECASE
)
_NO_ORDER = ("be ", "have ", "been ", "only ", "then ", "also ")
_FRAGMENT = re.compile(r"\[NEEDS CLARIFICATION\b[:\s]*([^\]]*)\]", re.IGNORECASE)
_UNDECIDED = re.compile(
    r"\b(?:TBD|TBC|to be (?:decided|determined|defined|confirmed)|not yet decided|still open"
    r"|choose between|decide (?:whether|between|on|which)|evaluate (?:whether|which|if|options|alternatives)"
    r"|noch zu klären|à définir|por definir)\b",
    re.IGNORECASE,
)


def plain_text(text: str) -> str:
    """On one line, without the signs of Markdown."""
    text = text[:_MOST]
    text = re.sub(r"\[([^\]\n]+)\]\([^)\n]*\)", r"\1", text)
    text = re.sub(r"\\([.*_()#-])", r"\1", text)
    return " ".join(re.sub(r"\*\*|__(?=\S)|`|(?<=\S)__|^#+\s*", "", text).split())


def names(text: str) -> list[str]:
    """Names written as code or as only code writes them (``GameSession``, ``line_items``), in order of first use."""
    found = (next(filter(None, match.groups())).strip() for match in _NAME.finditer(text[:_MOST]))
    return list(dict.fromkeys(re.sub(r"[<(].*$", "", each).strip() for each in found if each.strip()))


def subjects(text: str) -> list[str]:
    """What a text is about: the stems of its telling words, the parts of names among them; lower case, in order of first use."""
    return list(dict.fromkeys(map(stem, words(text))))


def words(text: str) -> list[str]:
    """Its telling words, lower case and singular, in order of first use."""
    text = text[:_MOST]
    found = dict.fromkeys(terms(text))
    for name in names(text):
        found.update(dict.fromkeys(terms(" ".join(_PART.findall(name)))))
    if not text.isascii():
        others = (each.lower() for each in _OTHER_WORD.findall(text) if not each.isascii() and len(each) < 25)
        found.update(dict.fromkeys(each for each in others if not _RUN.search(each)))
        found.update(dict.fromkeys(_RUN.findall(text)))
    return [each for each in found if each not in _ASKING]


def stem(word: str) -> str:
    """``progress`` of ``progression``, ``cluster`` of ``clustering``; words of other scripts as they are."""
    if not word.isascii():
        return word
    for ending in ("ation", "ing", "ion", "ment", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 5:
            return word[: -len(ending)]
    return word[:-1] if word.endswith("e") and len(word) > 5 else word


def imperative(text: str) -> str:
    """What a requirement asks for as one phrase: *THE system SHALL send a mail* becomes *Send a mail*; else its headline."""
    line = plain_text(_FRAGMENT.sub("", text[:_MOST]))
    first = headline(line)
    title, colon, rest = line.partition(": ")
    wish = (
        _WISH.search(line)
        if line.lower().startswith("as a")
        or re.match(r"(?:as an?|primary user story|user story)\b", rest or title, re.IGNORECASE)
        else None
    )
    if (
        colon
        and 2 <= len(title) <= 60
        and not _ORDER.search(title)
        and not re.search(r"\buser story$", title, re.IGNORECASE)
    ):
        return title
    if wish:
        wanted = wish["wish"] if wish["to"] else f"provide {wish['wish'].partition(' that ')[0]}"
        return headline(wanted[:1].upper() + wanted[1:])
    order = _ORDER.search(line)
    if order is None or order.start() > 160:
        return _answered(line) or first
    rest = order["rest"]
    while rest.lower().startswith(("also ", "then ")):
        rest = rest.partition(" ")[2]
    rest = rest.removeprefix("be able to ")
    if not rest[:1].isalpha() or rest.lower().startswith(_NO_ORDER):
        return first
    said = headline(("not " if order["not"] else "") + rest)
    return f"Do {said}" if order["not"] else said[:1].upper() + said[1:]


def _answered(line: str) -> str:
    """The order in a question about a case; ``""`` when it is none."""
    case, handled = _CASE.match(line), _HANDLED.match(line)
    if handled:
        return headline(f"Handle {handled[1] or handled[2] + handled[3]}")
    return headline(f"Handle the case that {case[1]}") if case else ""


def shortened(text: str, most: int = 80) -> str:
    """At most so many characters, cut between words."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:(") + "…"


def questions(text: str) -> list[str]:
    """What the text itself leaves open: what is marked so, and sentences that say that something is undecided."""
    text = text[:_MOST]
    marked = [plain_text(each) or headline(plain_text(_FRAGMENT.sub("", text))) for each in _FRAGMENT.findall(text)]
    sentences = re.split(r"(?<=[.!?;])\s+|\n", _FRAGMENT.sub("", text))
    return list(dict.fromkeys([*marked, *(plain_text(each) for each in sentences if _UNDECIDED.search(each))]))

"""The functions, classes and constants that a requirement introduces; those it mentions, uses, calls as an example or takes away are none of them."""

from __future__ import annotations

import builtins
import posixpath
import re
from collections.abc import Collection, Iterator, Sequence

from attrs import frozen

from .files import File, is_code
from .leaving import NOT_NEW, takes
from .words import IDENTIFIER, KIND, MAKES, NAMED, USES

__all__ = ["Name", "is_taken", "names_in", "promised_in", "subject_of"]

_SPAN = re.compile(rf"`(?P<name>{IDENTIFIER}(?:\.{IDENTIFIER})*)(?P<args>\([^`\n]*\))?(?:\s*->\s*[^`\n]+)?`")
_ADJECTIVE = (
    r"(?:(?:new|pure|public|small|simple|single|second|helper|frozen|async|abstract|neue[nrs]?|weitere[nrs]?)\s+)*"
)
#: What stands before the name of something that is introduced by its kind.
_INTRODUCED = re.compile(
    rf"(?:(?:^|[.;:(,|—–]\s*|\b{MAKES}\s+)(?:(?:an?|the|one|eine?n?|die|der|das)\s+)?"
    rf"|\b(?:with|and|plus|und|mit)\s+(?:an?|one|eine?n?)\s+)"
    rf"{_ADJECTIVE}{KIND}{NAMED}\s*:?\s*$",
    re.IGNORECASE,
)
#: ... or as what a sentence orders.
_ORDERED = re.compile(rf"\b{MAKES}\s+(?:(?:an?|the|eine?n?|die)\s+)?$", re.IGNORECASE)
#: ... or as its subject.
_BEGINS = re.compile(r"(?:^|[.;]\s+)(?:(?:The|Die|Das|Der)\s+)?$")
_NEXT = re.compile(rf"^\s*(?:,|,?\s*(?:and|und|&))\s*(?:(?:an?|the|eine?)\s+)?(?:{KIND}{NAMED}\s+)?$", re.IGNORECASE)
#: Between a class and what it has.
_HAVING = re.compile(
    r"^\s*(?:(?:that|which|die)\s+)?(?:(?:must|shall|should|muss)\s+)?(?:with|has|have|having|offers?|offering|provides?|hat|mit|bietet)\s+"
    r"(?:(?:an?|the|two|three|eine?|die)\s+)?(?:(?:methods?|Methoden?)\s+)?$",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"^\s*\(?(?:in|inside|of)\s+(?:the\s+)?(?:module\s+|file\s+|Datei\s+)?`?[\w./-]+`?\)?", re.IGNORECASE
)
_ENDED = re.compile(r"[.;]\s")
#: Between a name and its file, or a file and its name.
_IN = re.compile(
    r"^\s*\(?(?:lives\s+|live\s+|goes\s+)?(?:in|inside|into|to)\s+(?:the\s+)?(?:module\s+|file\s+|Datei\s+)?$", re.I
)
_HOLDS = re.compile(r"^\)?\s*(?:as|:|,)\s*$", re.IGNORECASE)
_TYPED = re.compile(rf"\b{KIND}{NAMED}\s*$", re.IGNORECASE)
#: Behind a name in a list that is spoken of, rather than one of those introduced.
_SPOKEN_OF = re.compile(
    r"^\s*(?:is|are|may|must|can|shall|should|for|when|of|ist|sind|kann|darf|muss|für|wenn)\b", re.IGNORECASE
)
_BUILTIN = frozenset(dir(builtins))
_EXAMPLE = re.compile(r"[\"'\[{]|(?<![\w.])\d|\b(?:True|False|true|false)\b")


@frozen
class Name:
    """A name of code in a text: a class, what belongs to one (dotted), or a function; ``args``: of a call, with its brackets; ``example``: called with values."""

    name: str
    start: int
    end: int
    args: str
    example: bool

    @property
    def call(self) -> bool:
        """Whether it is written as one."""
        return bool(self.args)


def names_in(text: str) -> Iterator[Name]:
    """All names of code that stand between backquotes, in their order."""
    for match in _SPAN.finditer(text):
        name = match["name"]
        if is_code(name) and not match["args"]:
            continue  # a file
        args = match["args"] or ""
        yield Name(name, match.start(), match.end(), args, bool(_EXAMPLE.search(args)))


def is_taken(name: Name, text: str) -> bool:
    """Whether a name goes, must not be there, or is only used."""
    return bool(NOT_NEW.match(text[name.end : name.end + 200])) or takes(text, name.start)


def promised_in(text: str, files: Sequence[File]) -> Iterator[tuple[str, str]]:
    """File and name of everything that a text introduces."""
    owner = ""  # the class that was introduced last, and may have what follows
    start = 0  # where it was
    previous: Name | None = None
    introduced = ""  # how the one before was: "" not at all
    given = {part for each in names_in(text) for part in re.findall(IDENTIFIER, each.args)}
    for each in names_in(text):
        gap = text[previous.end : each.start] if previous else ""
        before = text[max(0, each.start - 80) : each.start]
        kind = _INTRODUCED.search(before) or _typed(each, text, before, files)
        following = _NEXT.match(gap) if previous and introduced else None
        how = ""
        listed = ""  # how the next one of its list would be
        if each.name in _BUILTIN and (each.name[:1].isupper() or not kind):
            listed = introduced if following else ""
        elif is_taken(each, text):
            pass
        elif kind:
            how = _sort(kind["kind"])
        elif owner and previous and previous.name == owner and _HAVING.match(_WHERE.sub("", gap)):
            how, listed = ("method" if each.call else ""), "method"
        elif following and following["kind"]:
            how = "" if _SPOKEN_OF.match(text[each.end :]) and not each.call else _sort(following["kind"])
        elif following and not each.example and (introduced != "class" or each.name[:1].isupper()):
            how, listed = (introduced if _is_another(each, introduced, text, given) else ""), introduced
        elif not each.example and _is_held(each, text, files):
            how = "function"  # or a class: what follows in the list is no method of it
        elif owner and each.call and not each.example and each.name.partition(".")[0] == owner != each.name:
            how = "method"
        elif each.call and not each.example and _is_placed(each, text, before, files):
            how = "function" if not owner or _ENDED.search(text[start : each.start]) else ""  # may be the class's
        previous, introduced = each, how or listed
        name = _qualified(each.name, how, owner, files)
        if how == "class" and name:
            owner, start = name, each.end
        path = _file_of(each, text, files)
        if how and name and path:
            yield path, name


def _typed(name: Name, text: str, before: str, files: Sequence[File]) -> re.Match[str] | None:
    """What sort of thing a name is said to be, where its file stands right behind it: *kept by the class `Store` in `store.py`*."""
    found = _TYPED.search(before)
    return found if found and _is_in(name, text, files) and not USES.search(before[: found.start()]) else None


def _is_another(name: Name, introduced: str, text: str, given: Collection[str]) -> bool:
    """Whether a name behind an introduced one is introduced with it: a call, or a further class or constant; no parameter, and nothing that the text goes on
    to speak of."""
    if name.call:
        return True
    return introduced in ("class", "constant") and name.name not in given and not _SPOKEN_OF.match(text[name.end :])


def _sort(kind: str) -> str:
    kind = kind.lower()
    if kind.startswith(("class", "dataclass", "data class", "enum", "klasse", "exception", "ausnahme")):
        return "class"
    if kind.startswith(("constant", "konstante")):
        return "constant"
    return "method" if kind.startswith("method") else "function"


def _is_placed(name: Name, text: str, before: str, files: Sequence[File]) -> bool:
    """Whether a call is what the sentence orders, its subject, or stands beside the file it is in."""
    if _BEGINS.search(before) or _ORDERED.search(before):
        return True
    return _is_in(name, text, files)


def _is_in(name: Name, text: str, files: Sequence[File]) -> bool:
    """Whether a file stands right behind the name: *`parse(text)` in `parse.py`*."""
    return any(file.start >= name.end and _IN.match(text[name.end : file.start].rstrip("`")) for file in files)


def _is_held(name: Name, text: str, files: Sequence[File]) -> bool:
    """Whether a call or the name of a class stands right behind the file it is in: *`store.py`: `Store`*."""
    typed = name.call or (name.name[:1].isupper() and not name.name.isupper())
    behind = (text[file.end : name.start].lstrip("`") for file in files if file.start < name.start)
    return typed and any(_HOLDS.match(gap) for gap in behind)


def _qualified(name: str, how: str, owner: str, files: Sequence[File]) -> str:
    """The name within its module; ``""`` where it is unclear."""
    parts = name.split(".")
    stems = {posixpath.basename(each.path).split(".")[0] for each in files}
    if len(parts) > 1 and parts[-2] in stems and parts[-2] != owner:
        parts = parts[-1:]  # text.slugify
    if len(parts) == 2:
        return ".".join(parts) if parts[0][:1].isupper() else ""
    if len(parts) > 2:
        return ""
    if how == "method":
        return f"{owner}.{parts[0]}" if owner else ""
    return parts[0]


def _file_of(name: Name, text: str, files: Sequence[File]) -> str:
    """The only file, else the one right behind the name, else the last before it in its sentence."""
    if len(files) == 1:
        return files[0].path
    for file in files:
        if file.start >= name.end and _IN.match(text[name.end : file.start].rstrip("`")):
            return file.path
    before = [
        file for file in files if file.start < name.start and not re.search(r"[.;]\s", text[file.start : name.start])
    ]
    return before[-1].path if before else ""


def subject_of(text: str) -> Name | None:
    """The name that a requirement is about: the one it begins with, but for an article and what sort of thing it is."""
    first = next(names_in(text), None)
    if first is None:
        return None
    begins = re.fullmatch(rf"\s*(?:(?:the|a|an|die|der|das)\s+)?(?:{KIND}\s+)?", text[: first.start], re.IGNORECASE)
    return first if begins else None

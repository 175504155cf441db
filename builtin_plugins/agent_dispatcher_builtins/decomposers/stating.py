"""What requirements themselves say about where the code goes: files, and the functions and classes in them.

Only what a sentence introduces is a promise: *`src/text.py` gets a function `slugify(text)`*, *must provide `c_to_f(celsius)`*, *`Store.add(title)` in
`store.py`*. What it merely mentions is none: *uses `parse(text)`*, *as in `old.py`*, and calls with values in them, which are examples. A promise is
checked, so that a wrong one would keep honest work from being done: where the words leave it open, nothing is promised. What is to go (*remove the
function `old`*, *`old.py` is replaced by `new.py`*) is none either.
"""

from __future__ import annotations

import builtins
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from agent_dispatcher.models import Requirement

from ..specifications.paths import NamedPath, named_paths
from .file_tree import is_test

__all__ = ["ModuleOf", "Stated", "common_rules", "local_names", "mentioned", "read_statements"]

#: Gives the name by which code refers to a file; ``""`` where it cannot tell.
ModuleOf = Callable[[str], str]

_CODE = """
    c cc cjs clj cpp cs css cts dart erl ex exs fs go groovy h hpp hrl hs html java jl js jsx kt lua m mjs ml mts nim php pl ps1 py pyi r rb rs
    scala scss sh sql svelte swift ts tsx vue zig
"""
_ENDINGS = frozenset(_CODE.split())
_LONGEST = 4000
_LOOK_BACK = 400
_IDENTIFIER = r"[A-Za-z_$][\w$]*"
_SPAN = re.compile(rf"`(?P<name>{_IDENTIFIER}(?:\.{_IDENTIFIER})*)(?P<args>\([^`\n]*\))?(?:\s*->\s*[^`\n]+)?`")
_KIND = (
    r"(?P<kind>functions?|coroutines?|generators?|decorators?|class(?:es)?|data\s?class(?:es)?|enums?|exceptions?|constants?|methods?"
    r"|Funktion(?:en)?|Klassen?|Methoden?|Konstanten?|Ausnahmen?)"
)
_ADJECTIVE = (
    r"(?:(?:new|pure|public|small|simple|single|second|helper|frozen|async|abstract|neue[nrs]?|weitere[nrs]?)\s+)*"
)
_NAMED = r"(?:\s+(?:named|called|namens))?"
_MAKES = (
    r"(?:gets?|has|have|be|provides?|offers?|defines?|adds?|contains?|exports?|exposes?|implements?|includes?|creates?|writes?|needs?|gives?|makes?"
    r"|bekommt|erhält|hat|haben|enthält|bietet|definiert|there\s+is|there\s+are|es\s+gibt)"
)
#: What stands before the name of something that is introduced by its kind.
_INTRODUCED = re.compile(
    rf"(?:(?:^|[.;:(,|—–]\s*|\b{_MAKES}\s+)(?:(?:an?|the|one|eine?n?|die|der|das)\s+)?"
    rf"|\b(?:with|and|plus|und|mit)\s+(?:an?|one|eine?n?)\s+)"
    rf"{_ADJECTIVE}{_KIND}{_NAMED}\s*:?\s*$",
    re.IGNORECASE,
)
#: ... or as what a sentence orders.
_ORDERED = re.compile(rf"\b{_MAKES}\s+(?:(?:an?|the|eine?n?|die)\s+)?$", re.IGNORECASE)
#: ... or as its subject.
_BEGINS = re.compile(r"(?:^|[.;]\s+)(?:(?:The|Die|Das|Der)\s+)?$")
_NEXT = re.compile(rf"^\s*(?:,|,?\s*(?:and|und|&))\s*(?:(?:an?|the|eine?)\s+)?(?:{_KIND}{_NAMED}\s+)?$", re.IGNORECASE)
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
#: What names a file without making it.
_MENTIONS = re.compile(
    r"\b(?:not|never|without|instead\s+of|unlike|like|than|as\s+in|existing|calls?|calling|uses?|(?:used|called|run|imported)\s+by|via|with|between|outside|runs?|running"
    r"|invokes?|tests?|delet\w+|remov\w+|renam\w+\b(?!\s+to\b)|nicht|ohne|wie|nutzt|verwendet)\s+(?:[\w-]+\s+){0,2}`?$",
    re.IGNORECASE,
)
_DEFINED = re.compile(r"\b(?:is|are|be)\s+(?:defined|declared|implemented|documented)\s+in\s*[`(]*$", re.IGNORECASE)
#: ``the class `Store` in``, and what shows that it is only used.
_NAME_IN = re.compile(r"`[^`\n]+`\s+(?:in|from|(?P<of>of))\s+(?:the\s+(?:module|file)\s+)?`?$", re.IGNORECASE)
_USES = re.compile(
    r"\b(?:calls?|calling|uses?|using|via|like|unlike|from|through|runs?|of|than|nutzt|verwendet)\s+(?:[\w-]+\s+){0,2}$",
    re.IGNORECASE,
)
_TYPED = re.compile(rf"\b{_KIND}{_NAMED}\s*$", re.IGNORECASE)
#: Behind one of several, what they all do: *`a.py` and `b.py` must ...*; behind one, *`old` in `a.py` is ...*.
_LISTED = (
    r"^[`)]*(?:(?:(?:,|,?\s(?:and|or|und|oder)\b)\s?(?:the\s|die\s)?`[^`\n]+`){1,4}(?=[^`.;]{0,30}(?:`[^`\n]+`\)?)?\s*(?:must|shall|should|are|were|müssen|werden)\b))?"
    r"(?:\s*\(?(?:in|inside|of|from)\s+(?:the\s+)?(?:module\s+|file\s+|Datei\s+)?`?[\w./-]+`?\)?)?"
)
_VERB = r"\s*(?:(?:must|shall|should|may|can|is|are|was|were|stays?|remains?|muss|müssen|bleibt|wird|werden)\s+)+(?:be\s+|have\s+been\s+)?"
_GONE = (
    r"(?:removed|deleted|renamed|moved|replaced|dropped|split|merged|converted|gone|no\s+longer\s+(?:exist|there|needed|used)"
    r"|entfernt|gelöscht|umbenannt|verschoben|ersetzt)\b"
)
_AWAY = r"|\s*(?:goes|go)\s+away\b|\s*no\s+longer\s+exists?\b"
_STAYS = re.compile(
    rf"{_LISTED}{_VERB}(?:not\b|never\b|as\b|stay|remain|unchanged|untouched|nicht\b|unver)", re.IGNORECASE
)
_LEAVES = re.compile(rf"{_LISTED}(?:{_VERB}{_GONE}{_AWAY})", re.IGNORECASE)
#: What stands behind a name that goes, or is there already.
_NOT_NEW = re.compile(
    rf"{_LISTED}(?:{_VERB}(?:(?:not|never|nicht|nie)\s+(?:be\s+)?)?(?:{_GONE}|(?:used|called|raised|returned|passed|imported|verwendet|genutzt)\b){_AWAY})",
    re.IGNORECASE,
)
_GETS = (
    r"(?:gets|has|provides|offers|defines|contains|exports|exposes|implements|includes|bekommt|erhält|hat|enthält|bietet|definiert"
    r"|(?:must|shall|should|muss)\s+(?:have|provide|offer|define|contain|export|expose|implement|include|get))"
)
_GETTING = re.compile(rf"^[`)]*\s*{_GETS}\b", re.IGNORECASE)
#: What takes away what follows it in its clause; not what a function does (*that removes blanks*) or a user may do (*wants to delete one*).
_TAKES = re.compile(
    r"(?<!\bthat\s)(?<!\bwhich\s)(?<!\bwants\sto\s)(?<!\bwant\sto\s)(?<!\bable\sto\s)(?<!\bcan\s)(?<!\bmay\s)"
    r"(?:\b(?P<verb>remov(?:es?|ed|ing)|delet(?:es?|ed|ing)|drop(?:s|ped|ping)?|renam(?:es?|ed|ing)|replac(?:es?|ed|ing)|mov(?:es?|ed|ing)"
    r"|split(?:s|ting)?|merg(?:es?|ed|ing)|convert(?:s|ed|ing)?|entfern\w*|lösch\w*|ersetz\w*|verschieb\w*)\b(?!-)"
    r"|\b(?:no\s+longer|(?:must|shall|should|may)\s+not|never|nicht\s+mehr|darf\s+nicht|nie(?:mals)?)\b(?:\s+\w+)?)",
    re.IGNORECASE,
)
#: ... up to here.
_TAKEN = re.compile(rf"[.;](?:\s|$)|\b(?:{_GETS}|adds?|creates?|writes?|introduces?)\b", re.IGNORECASE)
_INSTEAD = re.compile(r"->|→|\b(?:to|by|with|into|durch|mit|nach)\b", re.IGNORECASE)
_CODE_SPAN = re.compile(r"`[^`\n]*`")
_WITHIN = re.compile(
    rf"(?:`[^`\n]*`|\b{_KIND})\s*\(?(?:in|inside|of|from)\s+(?:the\s+)?(?:module\s+|file\s+|Datei\s+)?`?$",
    re.IGNORECASE,
)
#: Behind a name in a list that is spoken of, rather than one of those introduced.
_SPOKEN_OF = re.compile(
    r"^\s*(?:is|are|may|must|can|shall|should|for|when|of|ist|sind|kann|darf|muss|für|wenn)\b", re.IGNORECASE
)
_BUILTIN = frozenset(dir(builtins))
_MODULE = re.compile(
    rf"(?:^|[.;:(]\s*|\b(?:in|into|to|im|in\s+dem|das)\s+)(?:(?:the|das|dem)\s+)?(?:new\s+)?(?:python\s+)?modul[es]*\s+`?(?P<name>{_IDENTIFIER}(?:[./]{_IDENTIFIER})+)`?(?![\w/(])",
    re.IGNORECASE,
)
#: What a rule for all code speaks of; a rule of the product (*Every member may ...*) is none. More than so many are components.
_THINGS = (
    r"(?:public\s+|new\s+|error\s+)?(?:answers?|responses?|amounts?|prices?|values?|functions?|class(?:es)?|methods?|modules?|errors?|exceptions?|messages?|inputs?|outputs?"
    r"|numbers?|times?|dates?|timestamps?|strings?|code|apis?|commands?|endpoints?|routes?|files?|Antworten|Beträge|Funktionen|Klassen|Fehler)"
)
#: ... right behind it; *every file that is uploaded*, *every message sent to a buyer* are things of the product.
_IS = (
    r"(?:is|are|has|have|must|shall|should|may|can|cannot|needs?|uses?|returns?|raises?|gives?|takes?|carr(?:y|ies)|starts?|ends?"
    r"|ist|sind|hat|haben|muss|müssen|soll|sollen|darf|dürfen|wird|werden)"
)
_COMMON = re.compile(
    rf"^(?:every|each|all|jede[rs]?|alle)\s+{_THINGS}\s+{_IS}\b"
    r"|^(?:only\s+the|no|nothing\s+but(?:\s+the)?|keine?|nur\s+die)\s+(?:\w+\s+)?(?:standard|third|global|external|extern\w*|network|dependenc\w*|packages?|librar\w+)\b"
    r"|\b(?:must|shall|should|may)\s+(?:not|never)\s+(?:use|depend\s+on|need|require|import|print|log|access|rely\s+on)\b"
    r"|\b(?:standard\s+library|third[- ]party|Standardbibliothek|python\s+3)\b",
    re.IGNORECASE,
)
_MOST_COMMON = 3
_EXAMPLE = re.compile(r"[\"'\[{]|(?<![\w.])\d|\b(?:True|False|true|false)\b")


@frozen
class Stated:
    """What one requirement promises.

    Attributes:
        paths: files with code, as it names them first to last.
        symbols: ``module:Name`` or ``module:Class.method``, of the files whose language can tell.
        names: the same without module, of all files.
    """

    paths: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@frozen
class _File:
    """A file that a text names: its path, and where the text names it."""

    path: str
    start: int
    end: int


@frozen
class _Name:
    """A name of code in a text: a class, what belongs to one (dotted), or a function; ``args``: of a call, with its brackets; ``example``: called with values."""

    name: str
    start: int
    end: int
    args: str
    example: bool

    @property
    def call(self) -> bool:
        return bool(self.args)


def read_statements(
    requirements: Sequence[Requirement], known: Iterable[str], module_of: ModuleOf
) -> dict[str, Stated]:
    """What each requirement promises, by its id; those that name no file are not in it.

    A requirement whose subject is a name that exactly one file was promised to hold (*`parse` must raise ...*) goes with that file, and so does what is
    said in one paragraph with others that are about one file.

    Args:
        known: files that design documents state; what a requirement names shorter (``words.py``) is completed from them.
    """
    texts = {each.id: _text(each) for each in requirements}
    files = _files(texts, known, module_of)
    symbols = {name: tuple(_promised(text, files[name])) for name, text in texts.items()}
    homes: dict[str, set[str]] = {}
    for some in symbols.values():
        for path, name in some:
            for part in (name, name.partition(".")[0]):
                homes.setdefault(part, set()).add(path)
    found = {}
    for name, text in texts.items():
        paths, own = tuple(dict.fromkeys(file.path for file in files[name])), symbols[name]
        subject = None if paths else _subject(text)
        if subject is not None:
            where = homes.get(subject.name) or homes.get(subject.name.partition(".")[0]) or set()
            paths = tuple(where) if len(where) == 1 else ()
            exact = subject.name in homes or (subject.call and "." in subject.name and subject.name[:1].isupper())
            own = tuple((path, subject.name) for path in paths if exact and not _is_taken(subject, text))
        if paths:
            pairs = [(module_of(path), local) for path, local in dict.fromkeys(own)]
            symbols_of = tuple(f"{module}:{local}" for module, local in pairs if module)
            found[name] = Stated(paths, symbols_of, tuple(local for _, local in pairs))
    around: dict[str, set[str]] = {}
    for each in requirements:
        if each.id in found and each.source:
            around.setdefault(each.source, set()).add(found[each.id].paths[0])
    for each in requirements:
        beside = around.get(each.source, set())
        if each.id not in found and len(beside) == 1:
            found[each.id] = Stated(tuple(beside))
    return found


def common_rules(requirements: Sequence[Requirement], statements: Mapping[str, Stated]) -> tuple[Requirement, ...]:
    """What holds for all code (*Every answer is JSON*, *must not use global state*) rather than being a piece of it; nothing unless others say which files there are.

    As tasks of their own such requirements would have nothing to write.
    """
    found = [
        each
        for each in requirements
        if statements
        and each.id not in statements
        and not (each.scenarios or each.edge_cases)
        and _COMMON.search(each.text)
    ]
    return tuple(found) if len(found) <= _MOST_COMMON else ()


def _text(requirement: Requirement) -> str:
    return "\n".join((requirement.text, *requirement.constraints))[:_LONGEST]


def _files(texts: Mapping[str, str], known: Iterable[str], module_of: ModuleOf) -> dict[str, list[_File]]:
    """The files with code that each text says are to be written."""
    named = {
        name: [
            _File(each.name, each.start, each.start + len(each.name))
            for each in named_paths(text)
            if _is_made(each, text)
        ]
        for name, text in texts.items()
    }
    full = {each.path for some in named.values() for each in some if "/" in each.path} | set(known)
    by_base: dict[str, list[str]] = {}
    for path in sorted(full):
        by_base.setdefault(posixpath.basename(path), []).append(path)
    roots = {root for path in full if (root := _root(path, module_of))}
    for name, text in texts.items():
        for number, each in enumerate(named[name]):
            longer = [path for path in by_base.get(posixpath.basename(each.path), ()) if path.endswith(f"/{each.path}")]
            if each.path not in full.difference(longer) and len(longer) == 1:
                named[name][number] = evolve(each, path=longer[0])
        for match in _MODULE.finditer(text):
            if _is_code(match["name"]):
                continue
            path = _path_of(match["name"], full, roots, module_of)
            if path:
                named[name].append(_File(path, match.start("name"), match.end("name")))
        named[name].sort(key=lambda each: each.start)
    return named


def _root(path: str, module_of: ModuleOf) -> tuple[str, str, str] | None:
    """What stands before a package of a file, the package, and the ending: ``src/``, ``inv`` and ``.py`` of ``src/inv/text.py``."""
    stem, ending = posixpath.splitext(path)
    module = module_of(path).replace(".", "/")
    if "/" not in module or not stem.endswith(module):
        return None
    return stem.removesuffix(module), module.partition("/")[0], ending


def _path_of(module: str, full: Iterable[str], roots: Iterable[tuple[str, str, str]], module_of: ModuleOf) -> str:
    """The file of a module: one that is named elsewhere, else the one beside those of its package; ``""`` where nothing tells."""
    wanted = module.replace("/", ".")
    same = [path for path in sorted(full) if module_of(path).replace("/", ".") == wanted]
    if len(same) == 1:
        return same[0]
    beside = [
        f"{before}{wanted.replace('.', '/')}{end}" for before, package, end in roots if wanted.startswith(f"{package}.")
    ]
    return beside[0] if len(beside) == 1 and not same else ""


def _is_made(path: NamedPath, text: str) -> bool:
    before = text[max(0, path.start - 80) : path.start]
    if is_test(path.name) or not _is_code(path.name) or (path.reads and not _DEFINED.search(before)):
        return False
    named = _NAME_IN.search(before)
    if named and (named["of"] or _USES.search(before[: named.start()])):
        return False
    after = text[path.start + len(path.name) : path.start + len(path.name) + 200]
    if _MENTIONS.search(before) or _STAYS.match(after):
        return False
    if _WITHIN.search(before):
        return True  # what goes is in it
    return not _LEAVES.match(after) and (not _takes(text, path.start) or bool(_GETTING.match(after)))


def _takes(text: str, end: int) -> bool:
    """Whether what stands before a file or a name takes it away, or forbids it; what replaces another (*to*, *by*, *with*, *into*) comes."""
    before = text[max(0, end - _LOOK_BACK) : end].rstrip("`")
    if before.count("`") % 2:
        before = before.partition("`")[2]  # cut within some code
    plain = _CODE_SPAN.sub(lambda span: " " * len(span[0]), before)
    found = list(_TAKES.finditer(plain))[-1:]
    if not found or _TAKEN.search(plain[found[0].end() :]):
        return False
    start, between = plain[: found[0].start()].rstrip(), plain[found[0].end() :]
    if not found[0]["verb"]:
        return True
    if start and start[-1] not in ".;:," and "(" in between:
        return False  # what the product takes away: *must remove old entries (`purge(now)` in `cache.py`)*
    return not _INSTEAD.search(between)


def _is_code(name: str) -> bool:
    return posixpath.splitext(name)[1][1:].lower() in _ENDINGS


def _names(text: str) -> Iterator[_Name]:
    for match in _SPAN.finditer(text):
        name = match["name"]
        if _is_code(name) and not match["args"]:
            continue  # a file
        args = match["args"] or ""
        yield _Name(name, match.start(), match.end(), args, bool(_EXAMPLE.search(args)))


def _is_taken(name: _Name, text: str) -> bool:
    """Whether a name goes, must not be there, or is only used."""
    return bool(_NOT_NEW.match(text[name.end : name.end + 200])) or _takes(text, name.start)


def _promised(text: str, files: Sequence[_File]) -> Iterator[tuple[str, str]]:
    """File and name of everything that a text introduces."""
    owner = ""  # the class that was introduced last, and may have what follows
    start = 0  # where it was
    previous: _Name | None = None
    introduced = ""  # how the one before was: "" not at all
    given = {part for each in _names(text) for part in re.findall(_IDENTIFIER, each.args)}
    for each in _names(text):
        gap = text[previous.end : each.start] if previous else ""
        before = text[max(0, each.start - 80) : each.start]
        kind = _INTRODUCED.search(before) or _typed(each, text, before, files)
        following = _NEXT.match(gap) if previous and introduced else None
        how = ""
        listed = ""  # how the next one of its list would be
        if each.name in _BUILTIN and (each.name[:1].isupper() or not kind):
            listed = introduced if following else ""
        elif _is_taken(each, text):
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


def _typed(name: _Name, text: str, before: str, files: Sequence[_File]) -> re.Match[str] | None:
    """What sort of thing a name is said to be, where its file stands right behind it: *kept by the class `Store` in `store.py`*."""
    found = _TYPED.search(before)
    return found if found and _is_in(name, text, files) and not _USES.search(before[: found.start()]) else None


def _is_another(name: _Name, introduced: str, text: str, given: Collection[str]) -> bool:
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


def _is_placed(name: _Name, text: str, before: str, files: Sequence[_File]) -> bool:
    """Whether a call is what the sentence orders, its subject, or stands beside the file it is in."""
    if _BEGINS.search(before) or _ORDERED.search(before):
        return True
    return _is_in(name, text, files)


def _is_in(name: _Name, text: str, files: Sequence[_File]) -> bool:
    """Whether a file stands right behind the name: *`parse(text)` in `parse.py`*."""
    return any(file.start >= name.end and _IN.match(text[name.end : file.start].rstrip("`")) for file in files)


def _is_held(name: _Name, text: str, files: Sequence[_File]) -> bool:
    """Whether a call or the name of a class stands right behind the file it is in: *`store.py`: `Store`*."""
    typed = name.call or (name.name[:1].isupper() and not name.name.isupper())
    behind = (text[file.end : name.start].lstrip("`") for file in files if file.start < name.start)
    return typed and any(_HOLDS.match(gap) for gap in behind)


def _qualified(name: str, how: str, owner: str, files: Sequence[_File]) -> str:
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


def _file_of(name: _Name, text: str, files: Sequence[_File]) -> str:
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


def _subject(text: str) -> _Name | None:
    """The name that a requirement is about: the one it begins with, but for an article and what sort of thing it is."""
    first = next(_names(text), None)
    if first is None:
        return None
    begins = re.fullmatch(rf"\s*(?:(?:the|a|an|die|der|das)\s+)?(?:{_KIND}\s+)?", text[: first.start], re.IGNORECASE)
    return first if begins else None


def local_names(names: Iterable[str]) -> list[str]:
    """What stands at the top of a module: ``Stock`` once for it and its methods."""
    return list(dict.fromkeys(each.rpartition(":")[2].partition(".")[0] for each in names))


def mentioned(requirement: Requirement) -> set[str]:
    """The names that a requirement writes as code, with and without what stands behind a dot."""
    found = {each.name for each in _names(_text(requirement))}
    return found | {each.partition(".")[0] for each in found}

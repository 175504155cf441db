"""What each requirement promises: its own files and names, and those of what it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.models import Requirement

from .files import ModuleOf, files_in
from .names import is_taken, names_in, promised_in, subject_of

__all__ = ["Stated", "common_rules", "local_names", "mentioned", "read_statements"]

_LONGEST = 4000
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
    files = files_in(texts, known, module_of)
    symbols = {name: tuple(promised_in(text, files[name])) for name, text in texts.items()}
    homes: dict[str, set[str]] = {}
    for some in symbols.values():
        for path, name in some:
            for part in (name, name.partition(".")[0]):
                homes.setdefault(part, set()).add(path)
    found = {}
    for name, text in texts.items():
        paths, own = tuple(dict.fromkeys(file.path for file in files[name])), symbols[name]
        subject = None if paths else subject_of(text)
        if subject is not None:
            where = homes.get(subject.name) or homes.get(subject.name.partition(".")[0]) or set()
            paths = tuple(where) if len(where) == 1 else ()
            exact = subject.name in homes or (subject.call and "." in subject.name and subject.name[:1].isupper())
            own = tuple((path, subject.name) for path in paths if exact and not is_taken(subject, text))
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


def local_names(names: Iterable[str]) -> list[str]:
    """What stands at the top of a module: ``Stock`` once for it and its methods."""
    return list(dict.fromkeys(each.rpartition(":")[2].partition(".")[0] for each in names))


def mentioned(requirement: Requirement) -> set[str]:
    """The names that a requirement writes as code, with and without what stands behind a dot."""
    found = {each.name for each in names_in(_text(requirement))}
    return found | {each.partition(".")[0] for each in found}

"""The facts about one name, each with its source: what is written where, and no word more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from ...checks.citing import MetadataField, Source
from ...checks.quotations import says_enough
from .installed import fields, installed_name
from .naming import key, mentions, named_means
from .reading import Document
from .repository import Repository
from .subjects import is_listing

__all__ = ["Fact", "Finding", "gather"]

_MAX_MENTIONS = 6
_MAX_PLACES = 5


@frozen
class Fact:
    """``what`` says what sort of place it is, ``quotation`` what is written there."""

    what: str
    quotation: str
    source: Source


@frozen
class Finding:
    """What was found about a name, and in which sorts of places there was nothing."""

    name: str
    facts: tuple[Fact, ...]
    missing: tuple[str, ...]


def gather(
    name: str, documents: Sequence[Document], repository: Repository, own: frozenset[tuple[str, int]] = frozenset()
) -> Finding:
    """Look a name up everywhere.

    Args:
        name: as it was written.
        documents: those of the specification.
        repository: what was read of it.
        own: lines that ask about the name (file name, line), which are no answer.
    """
    sorts: dict[str, list[Fact]] = {
        "no document of the specification": list(_in_documents(name, documents, own)),
        "no manifest or build file": [*_in_manifests(name, repository), *_in_build_files(name, repository)],
        "no import of a Python file": list(_in_imports(name, repository)),
        "no readme of the repository": list(_mentions("Mentioned in the readme", name, repository.readmes)),
        "no installed package": list(_in_metadata(name)),
    }
    facts = tuple(fact for found in sorts.values() for fact in found)
    return Finding(name, facts, tuple(sort for sort, found in sorts.items() if not found))


def _in_documents(name: str, documents: Sequence[Document], own: frozenset[tuple[str, int]]) -> Iterator[Fact]:
    """Where the specification gives it as a means, then headings, then what else mentions it."""
    wanted = key(name)
    best: list[Fact] = []
    headings: list[Fact] = []
    others: list[Fact] = []
    for document in documents:
        if is_listing(document):
            continue
        base = document.path.rpartition("/")[2]
        means = {line for found, line in named_means(document) if key(found) == wanted}
        for line in sorted({*means, *mentions(document, name)}):
            text = document.lines[line - 1]
            if (base, line) in own or not text.strip():
                continue
            if line in means:
                best.append(Fact("Named by the specification as a means", text, document.source(line)))
            elif text.lstrip().startswith("#"):
                headings.append(Fact("A heading of the specification", text, document.source(line)))
            else:
                others.append(Fact("Mentioned in the specification", text, document.source(line)))
    yield from [*best, *headings, *others][:_MAX_MENTIONS]


def _in_manifests(name: str, repository: Repository) -> Iterator[Fact]:
    for each in repository.declaring(name)[:_MAX_PLACES]:
        line = each.document.lines[each.line - 1]
        quotation = each.quotation if says_enough(each.quotation, line) else line
        yield Fact("Declared in a manifest", quotation, each.document.source(each.line))


def _in_build_files(name: str, repository: Repository) -> Iterator[Fact]:
    yield from _mentions("Mentioned in a build file", name, repository.build_files)


def _in_imports(name: str, repository: Repository) -> Iterator[Fact]:
    for each in repository.importing(name)[:_MAX_PLACES]:
        yield Fact("Imported", each.document.lines[each.line - 1], each.document.source(each.line))


def _mentions(what: str, name: str, documents: Iterable[Document]) -> Iterator[Fact]:
    places = ((document, line) for document in documents for line in mentions(document, name))
    for (document, line), _ in zip(places, range(_MAX_PLACES), strict=False):
        yield Fact(what, document.lines[line - 1], document.source(line))


def _in_metadata(name: str) -> Iterator[Fact]:
    distribution = installed_name(name)
    if distribution is not None:
        for each, value in fields(distribution):
            yield Fact(f"Installed, {each}", value, MetadataField(distribution, each))

"""What a task asks about: the technologies its text names, among those that can be looked up, and the names that nothing is known of."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.models import Specification, Task

from .naming import asks_in_general, key, mentions, named_means, set_off, words
from .reading import Document

__all__ = ["Subjects", "in_general", "is_listing", "means_of", "own_lines", "subjects_of", "task_text"]

_MAX_SUBJECTS = 40
#: Characters of a task that are looked through, and names in it that are looked for.
_MAX_TEXT = 20_000
_MAX_NAMES = 100
_LEADING_VERB = re.compile(r"^\W*(?:\[[^\]]*\]\s*)*[A-Za-z]+\b")


@frozen
class Subjects:
    """What a task is about.

    Attributes:
        known: names that can be looked up somewhere, in the order of the task (or of the specification, when the task asks in general).
        unknown: names in the task that stand nowhere else.
    """

    known: tuple[str, ...]
    unknown: tuple[str, ...]


def task_text(task: Task, specification: Specification) -> str:
    """Everything a task says, its requirements included."""
    served = [each.text for each in specification.requirements if each.id in task.requirements]
    return "\n".join([task.title, task.description, *served])[:_MAX_TEXT]


def own_lines(task: Task, specification: Specification) -> frozenset[tuple[str, int]]:
    """Lines that hold the task itself or what it serves (name of the file, line): a name there is asked about, not answered."""
    places = [task.source, *(each.source for each in specification.requirements if each.id in task.requirements)]
    found = set()
    for place in places:
        path, _, line = place.rpartition(":")
        if line.isdigit():
            found.add((path.rpartition("/")[2], int(line)))
    return frozenset(found)


def means_of(documents: Sequence[Document], specification: Specification) -> dict[str, str]:
    """Names that the specification gives its means, by their key: first those in its documents, then what its format read."""
    found: dict[str, str] = {}
    for document in documents:
        if not is_listing(document):  # there "dependencies" are those between tasks
            for name, _ in named_means(document):
                found.setdefault(key(name), name)
    facts = Document("", tuple(f"Dependencies: {value}" for value in specification.facts.values()))
    for name, _ in named_means(facts):
        found.setdefault(key(name), name)
    return found


def subjects_of(
    task: Task,
    specification: Specification,
    documents: Sequence[Document],
    *,
    means: Collection[str],
    in_repository: Callable[[str], bool] = lambda name: False,
    installed: Callable[[str], bool],
) -> Subjects:
    """Names that the task's text holds.

    A plain word of the text counts when the specification gives it as a means or the repository uses it, a plain word of the title also when a
    package of that name is installed; a word that is written as a name counts whatever it matches.

    Args:
        means: keys of :func:`means_of`.
        in_repository: whether a manifest or an import answers to a name.
        installed: whether a package of that name is installed.
    """
    text = task_text(task, specification)
    title = _LEADING_VERB.sub(" ", task.title[:_MAX_TEXT], count=1)
    own = own_lines(task, specification)
    known: dict[str, str] = {}
    unknown: dict[str, str] = {}
    written_as_names = {key(name): name for name in set_off(text)[:_MAX_NAMES]}
    plain = {key(word): word for word in words(text)}
    in_title = {key(word) for word in words(title)}
    for spelling, name in {**plain, **written_as_names}.items():
        asked = spelling in in_title or spelling in written_as_names
        if spelling in means or in_repository(name) or (asked and installed(name)):
            known[spelling] = name
        elif spelling in written_as_names:
            if any(_mentioned(document, name, own) for document in documents):
                known[spelling] = name
            else:
                unknown[spelling] = name
    return Subjects(_in_order(known, text), _in_order(unknown, text))


def _in_order(names: Mapping[str, str], text: str) -> tuple[str, ...]:
    return tuple(sorted(names.values(), key=lambda name: (_position(text, name), name)))[:_MAX_SUBJECTS]


def in_general(task: Task, means: Mapping[str, str]) -> Subjects:
    """All means of a specification, for a task that asks about them without naming one; empty for one that does not."""
    return Subjects(tuple(means.values())[:_MAX_SUBJECTS] if asks_in_general(task.title) else (), ())


def is_listing(document: Document) -> bool:
    """Whether a document lists tasks: what it mentions is asked, not answered."""
    return document.in_specification and document.path.rpartition("/")[2].lower().startswith("tasks.")


def _mentioned(document: Document, name: str, own: frozenset[tuple[str, int]]) -> bool:
    if is_listing(document):
        return False
    base = document.path.rpartition("/")[2]
    return any((base, line) not in own for line in mentions(document, name))


def _position(text: str, name: str) -> int:
    place = text.lower().find(name.lower())
    return place if place >= 0 else len(text)

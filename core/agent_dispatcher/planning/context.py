"""What of a specification one task needs: its requirements in full, the words they use, the facts and documents that concern it, and no more.

An agent that is given the whole specification pays for it with every call, and reads things that are other tasks' business. Everything here is text
that the specification holds; nothing is summed up, so that nothing is lost in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import field, frozen

from ..models import Requirement, Specification, Task

__all__ = [
    "BYTES_PER_TOKEN",
    "TaskContext",
    "estimated_tokens",
    "specification_context",
    "task_context",
    "task_contexts",
]

#: English prose has about four bytes of UTF-8 a token, names and tables about three: with three the estimate is rather too large.
BYTES_PER_TOKEN = 3

#: Facts with such a word in their name are about all work of these types.
_FOR_BUILDING = frozenset(
    ("language", "version", "platform", "framework", "frameworks", "dependencies", "stack", "runtime", "constraints")
)
_FOR_TESTING = frozenset(("testing", "tests", "test"))
_BUILDING = frozenset(("code_writing", "refactoring", "debugging", "testing"))

_WORD = re.compile(r"[^\W_]+(?:[-.#+/][^\W_]+)*[#+]*")
_NO_NAMES = frozenset(
    (
        *(
            "a",
            "an",
            "and",
            "any",
            "are",
            "as",
            "at",
            "be",
            "by",
            "for",
            "from",
            "has",
            "have",
            "in",
            "is",
            "it",
            "its",
        ),
        *("no", "not", "of", "on", "or", "that", "the", "this", "to", "via", "with"),
    )
)
#: Longer terms are looked for letter by letter.
_MOST_WORDS = 8


@frozen(kw_only=True)
class TaskContext:
    """What whoever carries out a task has to know of the specification.

    Attributes:
        task: the task's id.
        title: the task's title.
        requirements: those it serves, in the specification's order, with all their scenarios, edge cases and constraints.
        glossary: terms that the requirements or the task name, in the specification's order.
        facts: what the specification says about the means, as far as it concerns the task.
        documents: further documents of the specification that the task or its requirements name.
        places: where in the specification the requirements stand (``file:line``), without repetitions.
        tokens: size of :meth:`to_text` in tokens, estimated: UTF-8 bytes by :data:`BYTES_PER_TOKEN`, rounded up.
    """

    task: str
    title: str = ""
    requirements: tuple[Requirement, ...] = ()
    glossary: dict[str, str] = field(factory=dict)
    facts: dict[str, str] = field(factory=dict)
    documents: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """About so many tokens a model reads when it is given this."""
        return estimated_tokens(self.to_text())

    def to_text(self) -> str:
        """Markdown for a prompt; equal contexts give equal text. What several requirements share (a story, a property) stands once."""
        parts = []
        if self.requirements:
            said: set[str] = set()
            parts.append("\n\n".join(["## Requirements", *(_requirement(each, said) for each in self.requirements)]))
        if self.glossary:
            parts.append("\n".join(["## Words", *(f"- {term}: {meaning}" for term, meaning in self.glossary.items())]))
        if self.facts:
            parts.append("\n".join(["## Facts", *(f"- {name}: {value}" for name, value in self.facts.items())]))
        if self.documents:
            parts.append("\n".join(["## Documents", *(f"- {name}" for name in self.documents)]))
        return "\n\n".join(parts)


def task_context(task: Task, specification: Specification) -> TaskContext:
    """What ``task`` needs of ``specification``. Pure; the same for equal values. Requirement ids that the specification does not have are passed over."""
    return _Index(specification).context(task)


def task_contexts(tasks: Iterable[Task], specification: Specification) -> Iterator[TaskContext]:
    """The contexts of many tasks, in their order; the specification is looked through once."""
    index = _Index(specification)
    return map(index.context, tasks)


def specification_context(specification: Specification) -> TaskContext:
    """Everything a context can hold of a specification: what every agent would read if each were given the whole."""
    return TaskContext(
        task="",
        title=specification.title,
        requirements=specification.requirements,
        glossary=specification.glossary,
        facts=specification.facts,
        documents=specification.documents,
        places=_places(specification.requirements),
    )


def estimated_tokens(text: str) -> int:
    """An estimate, no bound: one token for :data:`BYTES_PER_TOKEN` bytes of UTF-8, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


class _Index:
    """A specification, arranged for finding what concerns a task."""

    def __init__(self, specification: Specification) -> None:
        self._requirements = {each.id: (place, each) for place, each in enumerate(specification.requirements)}
        self._glossary = specification.glossary
        self._facts = specification.facts
        self._documents = specification.documents
        self._terms: dict[str, str] = {}
        self._spelled: dict[str, str] = {}
        for term in specification.glossary:
            plain = _plain(term)
            by_words = plain.isascii() and len(plain.split()) <= _MOST_WORDS
            (self._terms if by_words else self._spelled)[plain] = term
        self._most_words = max((len(term.split()) for term in self._terms), default=0)
        self._fact_names = {name: _names(value) for name, value in specification.facts.items()}

    def context(self, task: Task) -> TaskContext:
        found = sorted(
            (self._requirements[name] for name in dict.fromkeys(task.requirements) if name in self._requirements),
            key=lambda each: each[0],
        )
        requirements = tuple(each for _, each in found)
        text = "\n".join([task.title, task.description, *(_requirement(each, set()) for each in requirements)])
        return TaskContext(
            task=task.id,
            title=task.title,
            requirements=requirements,
            glossary=self._named_terms(text),
            facts=self._concerning(task, text),
            documents=tuple(name for name in self._documents if name in text),
            places=_places(requirements),
        )

    def _named_terms(self, text: str) -> dict[str, str]:
        """Terms that occur as whole words, whatever their case; ``Database_Schema`` and ``database schemas`` are one term."""
        plain = _plain(text)
        words = plain.split()
        named = {term for spelled, term in self._spelled.items() if spelled and spelled in plain}
        for start in range(len(words)):
            for length in range(1, self._most_words + 1):
                for form in _singulars(" ".join(words[start : start + length])):
                    if form in self._terms:
                        named.add(self._terms[form])
        return {term: meaning for term, meaning in self._glossary.items() if term in named}

    def _concerning(self, task: Task, text: str) -> dict[str, str]:
        """Facts about all work of this type, and those of which a name, or a word of their own name, occurs in the text."""
        words = {each.lower() for each in _WORD.findall(text)}
        return {name: value for name, value in self._facts.items() if self._concerns(name, task, words)}

    def _concerns(self, name: str, task: Task, words: set[str]) -> bool:
        own = {each for each in _plain(name).split() if each not in _NO_NAMES}
        if task.type in _BUILDING and own & _FOR_BUILDING:
            return True
        if task.type == "testing" and own & _FOR_TESTING:
            return True
        return bool((own - _FOR_BUILDING - _FOR_TESTING) & words or self._fact_names[name] & words)


def _requirement(requirement: Requirement, said: set[str]) -> str:
    """A requirement with everything that hangs on it; lines in ``said`` are left out, and what is written is added."""
    lines = [f"### {requirement.id} ({requirement.priority})", requirement.text]
    details = []
    for scenario in requirement.scenarios:
        steps = [
            f"  {word if number == 0 else 'And'} {step}"
            for word, group in (("Given", scenario.given), ("When", scenario.when), ("Then", scenario.then))
            for number, step in enumerate(group)
        ]
        details.append("\n".join([f"Scenario: {scenario.title}".rstrip(), *steps]))
    details += [f"Edge case: {each}" for each in requirement.edge_cases]
    details += [f"Constraint: {each}" for each in requirement.constraints]
    for detail in details:
        if detail not in said:
            said.add(detail)
            lines.append(detail)
    return "\n".join(lines)


def _places(requirements: Iterable[Requirement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.source for each in requirements if each.source))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _singulars(term: str) -> tuple[str, ...]:
    return (term, term[:-1], term[:-2]) if term.endswith("es") else (term, term[:-1]) if term.endswith("s") else (term,)


def _names(value: str) -> frozenset[str]:
    """What a fact names: words with a capital inside, or one that begins no sentence; all of a value of up to three words. In lower case."""
    words = _WORD.findall(value)
    short = len(words) < 4
    return frozenset(
        word.lower()
        for place, word in enumerate(words)
        if len(word) > 2
        and word.lower() not in _NO_NAMES
        and (short or any(each.isupper() for each in word[1:]) or (place and word[0].isupper()))
    )

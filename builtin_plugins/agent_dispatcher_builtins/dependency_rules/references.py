"""The rule that believes what tasks say about each other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Specification, Task

from .unordered import unordered
from .wording import READ_CHARS, words

__all__ = ["ReferencesRule"]

#: How sure it is of a task named by its id, and of one named by words of its title.
_BY_ID = 0.8
_BY_TITLE = 0.6
#: What says that something is there before.
_WAITING = (
    r"depend(?:s|ing|ent)? (?:up)?on|after|once|builds? (?:up)?on|building (?:up)?on|based on|blocked by|prerequisites?:?|requires?"
    r"|follow(?:s|ing)|extend(?:s|ing)?|integrat(?:e|es|ed|ing|ion) with|us(?:e|es|ing) the|leverag(?:e|es|ing) the|connect(?:s|ed|ing)? (?:to|with)"
    r"|from the|(?:created|implemented|defined|built|added|set up|established) (?:in|by)"
)
_NUMBERED = re.compile(
    rf"\b({_WAITING}|from|using|with)\s+(?:the\s+)?(?:completion\s+of\s+)?(?:sub-?)?tasks?\s*\#?([\w.-]*\w)",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"\b({_WAITING})\s+([^.;:,()\n]{{3,70}})", re.IGNORECASE)
#: So much of a title has to be named, in so many words, and of no other title as much.
_SHARE = 0.5
_WORDS = 2
#: A word that more titles have than this names none of them.
_COMMON = 40


class ReferencesRule:
    """Reads phrases like *after task 3*, *depends on the user model* and *integrates with the session store* in descriptions, where nobody has declared an order
    (:mod:`.unordered`: in a source that declares some, a task mentioned in prose is only a mention).

    A task is named by its own id in the source, or by at least two words and half the weight of its title; when two titles fit equally, neither is meant.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """Edges of kind ``logical``: 0.8 by id, 0.6 by title; the phrase is quoted. Two tasks that each name the other are left alone."""
        loose = unordered(tasks, specification, context)
        numbers = {task.source_id: task for task in loose if task.source_id}
        titles = _Titles.of(loose)
        found: dict[tuple[str, str], Requires] = {}
        for task in loose:
            for other, phrase, confidence in _named(task, numbers, titles):
                known = found.get((other.id, task.id))
                if known is None or known.confidence < confidence:
                    evidence = f'"{task.title}" says "{phrase}", which names "{other.title}"'
                    found[other.id, task.id] = Requires(other.id, task.id, "logical", confidence, evidence, task.source)
        return [edge for (before, after), edge in found.items() if (after, before) not in found]


@frozen
class _Titles:
    """All titles by their words, rare words weighing more."""

    tasks: Sequence[Task]
    stems: Sequence[frozenset[str]]
    having: Mapping[str, list[int]]

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> _Titles:
        stems = [frozenset(words(task.title)) for task in tasks]
        having: dict[str, list[int]] = {}
        for number, own in enumerate(stems):
            for word in own:
                having.setdefault(word, []).append(number)
        return cls(tasks, stems, having)

    def meant(self, phrase: str, speaker: Task) -> Task | None:
        """The one task whose title a phrase names best."""
        said = {word for word in words(phrase) if 0 < len(self.having.get(word, ())) <= _COMMON}
        common: Counter[int] = Counter(number for word in said for number in self.having[word])
        scored = sorted(
            (
                (self._share(number, said), number)
                for number, shared in common.items()
                if shared >= _WORDS and self.tasks[number].id != speaker.id
            ),
            reverse=True,
        )
        if not scored or scored[0][0] < _SHARE or (len(scored) > 1 and scored[1][0] == scored[0][0]):
            return None
        return self.tasks[scored[0][1]]

    def _share(self, number: int, said: set[str]) -> float:
        weights = {word: 1 / len(self.having[word]) for word in sorted(self.stems[number])}
        return round(sum(weights[word] for word in sorted(said & weights.keys())) / sum(weights.values()), 9)


def _named(task: Task, numbers: Mapping[str, Task], titles: _Titles) -> Iterator[tuple[Task, str, float]]:
    text = task.description[:READ_CHARS]
    for found in _NUMBERED.finditer(text):
        other = numbers.get(found.group(2))
        if other is not None and other.id != task.id:
            yield other, _plain(found.group()), _BY_ID
    for found in _NAMED.finditer(text):
        other = titles.meant(found.group(2), task)
        if other is not None:
            yield other, _plain(found.group()), _BY_TITLE


def _plain(phrase: str) -> str:
    return " ".join(phrase.split())

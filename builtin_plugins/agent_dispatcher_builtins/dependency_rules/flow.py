"""Which task of a list most likely builds on which other, from their words.

Two questions are asked about a pair of tasks *a* and *b*, each answered by a weighted sum of the same few signs:

* *order*: how likely does *b* wait for *a*, directly or not? This is the confidence of an edge.
* *directness*: of all that comes before *b*, how much does *a* look like what *b* directly builds on? This only chooses.

======== =========================================================================================================
sign     meaning
======== =========================================================================================================
stage    how much later the sort of work of *b* is than that of *a* (:mod:`.vocabulary`)
spoken   how much of the title of *a* occurs in what *b* says; rare words weigh more
returned the same the other way round
titles   how alike the titles are: tasks called alike are siblings more often than parent and child
texts    how alike all that is said about them is
priority by how much *a* is more urgent
size     one by the number of tasks: in a short list more hangs together than in a long one
change   the share of the tasks that are called after a change to what is there already: such lists hang together less
======== =========================================================================================================

The weights were fitted by logistic regression to public task lists and are the same for every list; ``docs/dependency-rules.md`` says on how many, and how
good the answers are on lists that were not used. Likeness has no direction: a pair gets one only from stage, priority and who speaks of whom, and where those
say nothing, nothing is said. Place in the list, numbers and ids are never looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from math import exp, log, sqrt

from attrs import define, evolve, field, frozen

from agent_dispatcher.models import Task

from .vocabulary import stage
from .wording import Wording

__all__ = ["Flow", "Signs", "Step"]

#: Up to so many tasks every pair is looked at; above, for each task only those whose titles it speaks of most.
ALL_PAIRS = 250
#: ... so many of them, and no word is followed that more titles than this share.
CANDIDATES = 12
COMMON = 60
#: Shorter lists count as one of so many tasks: that two tasks are alone does not yet bind them.
FEW = 5
#: What a task may directly build on: its best, and so many in all where their directness reaches the bar.
MOST_PARENTS = 3
BAR = -2.3

#: Verbs (stems) at the beginning of the title of a task that changes what is there already.
_CHANGES = frozenset(
    (word,)
    for word in (
        "add", "clean", "enhanc", "expand", "extend", "fix", "improv", "migrat", "optimiz", "polish", "refactor", "refin", "remov", "replac", "resolv",
        "restructur", "updat", "upgrad",
    )
)  # fmt: skip


@frozen
class Signs:
    """What is known about a pair of tasks, or how much each sign weighs."""

    stage: float
    spoken: float
    returned: float
    titles: float
    texts: float
    priority: float
    size: float
    change: float
    always: float = 1.0

    def weighed(self, weights: Signs) -> float:
        """The weighted sum."""
        return (
            self.stage * weights.stage
            + self.spoken * weights.spoken
            + self.returned * weights.returned
            + self.titles * weights.titles
            + self.texts * weights.texts
            + self.priority * weights.priority
            + self.size * weights.size
            + self.change * weights.change
            + self.always * weights.always
        )


ORDER = Signs(
    stage=3.67,
    spoken=1.79,
    returned=-0.47,
    titles=-2.18,
    texts=1.63,
    priority=0.45,
    size=9.31,
    change=-0.79,
    always=-2.59,
)
DIRECTNESS = Signs(
    stage=1.25,
    spoken=1.23,
    returned=-0.45,
    titles=-2.52,
    texts=5.49,
    priority=0.12,
    size=11.59,
    change=-0.28,
    always=-3.97,
)


@frozen
class Step:
    """One task likely builds on another.

    Attributes:
        before, after: places in the list of tasks.
        likelihood: that ``after`` waits for ``before``, directly or not; 0 to 1.
        signs: what it was concluded from.
        shared: stems of the title of ``before`` that ``after`` speaks of, the rarest first.
    """

    before: int
    after: int
    likelihood: float
    signs: Signs
    shared: tuple[str, ...]


Vector = Mapping[str, float]


@define
class Flow:
    """A list of tasks, read once."""

    tasks: Sequence[Task]
    wordings: list[Wording] = field(factory=list)
    stages: list[float] = field(factory=list)
    _rarity: dict[str, float] = field(factory=dict)
    _titles: list[Vector] = field(factory=list)
    _texts: list[Vector] = field(factory=list)
    _weight: list[float] = field(factory=list)
    _change: float = 0.0

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> Flow:
        """Read the tasks."""
        flow = cls(tasks)
        flow.wordings = [Wording.of(task) for task in tasks]
        flow.stages = [stage(wording) for wording in flow.wordings]
        flow._change = sum(wording.title[:1] in _CHANGES for wording in flow.wordings) / max(1, len(tasks))
        used = Counter(word for wording in flow.wordings for word in {*wording.title, *wording.body})
        flow._rarity = {word: log((len(tasks) + 1) / number) + 0.05 for word, number in used.items()}
        for wording in flow.wordings:
            named = {word: flow._rarity[word] for word in wording.title}
            flow._weight.append(sum(named.values()) or 1.0)
            flow._titles.append(_unit(named))
            often = Counter(wording.title)
            flow._texts.append(
                _unit(
                    {
                        word: (3 * often[word] + sqrt(wording.body.get(word, 0))) * flow._rarity[word]
                        for word in sorted({*wording.title, *wording.body})
                    }
                )
            )
        return flow

    def signs(self, before: int, after: int) -> Signs:
        """All that is known about a pair."""
        return Signs(
            stage=self.stages[after] - self.stages[before],
            spoken=self._spoken(before, after),
            returned=self._spoken(after, before),
            titles=_likeness(self._titles[before], self._titles[after]),
            texts=_likeness(self._texts[before], self._texts[after]),
            priority=_urgency(self.tasks[before]) - _urgency(self.tasks[after]),
            size=1 / max(FEW, len(self.tasks)),
            change=self._change,
        )

    def steps(self) -> Iterator[Step]:
        """For each task what it most likely builds on directly, the surest first. Never a cycle."""
        pairs = {pair: self.signs(*pair) for pair in self._pairs()}
        place = self._places(pairs)
        found: list[list[tuple[float, int, Signs]]] = [[] for _ in self.tasks]
        for (one, other), signs in pairs.items():
            if place[one] < place[other]:
                found[other].append((signs.weighed(DIRECTNESS), one, signs))
            elif place[other] < place[one]:
                turned = self._turned(signs)
                found[one].append((turned.weighed(DIRECTNESS), other, turned))
        for after, candidates in enumerate(found):
            candidates.sort(key=lambda each: (-each[0], self.tasks[each[1]].id))
            for rank, (directness, before, signs) in enumerate(candidates[:MOST_PARENTS]):
                if rank == 0 or directness >= BAR:
                    yield Step(before, after, _likelihood(signs), signs, self.shared(before, after))

    def shared(self, before: int, after: int) -> tuple[str, ...]:
        """Stems of the title of ``before`` that ``after`` speaks of, the rarest first."""
        named = {word for word in self.wordings[before].title if word in self.wordings[after]}
        return tuple(sorted(named, key=lambda word: (-self._rarity[word], word)))

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Unordered pairs to look at, each once."""
        if len(self.tasks) <= ALL_PAIRS:
            yield from ((one, other) for other in range(len(self.tasks)) for one in range(other))
            return
        named: dict[str, list[int]] = {}
        for number, wording in enumerate(self.wordings):
            for word in dict.fromkeys(wording.title):
                named.setdefault(word, []).append(number)
        seen: set[tuple[int, int]] = set()
        for number, wording in enumerate(self.wordings):
            spoken: dict[int, float] = {}
            for word in sorted({*wording.title, *wording.body}):
                others = named.get(word, ())
                if len(others) <= COMMON:
                    for other in others:
                        spoken[other] = spoken.get(other, 0.0) + self._rarity[word] / self._weight[other]
            spoken.pop(number, None)
            best = nsmallest(CANDIDATES, spoken, key=lambda other: (-spoken[other], self.tasks[other].id))
            seen.update((min(number, other), max(number, other)) for other in best)
        yield from sorted(seen)

    def _places(self, pairs: Mapping[tuple[int, int], Signs]) -> list[float]:
        """How late each task is, from its own words and from who speaks of whom; equal where nothing tells."""
        place = [
            2 * (ORDER.stage * self.stages[number] - ORDER.priority * _urgency(task))
            for number, task in enumerate(self.tasks)
        ]
        for (one, other), signs in pairs.items():
            lead = (ORDER.spoken - ORDER.returned) * (signs.spoken - signs.returned) / len(self.tasks)
            place[one] -= lead
            place[other] += lead
        return [round(value, 9) for value in place]

    def _spoken(self, title: int, speaker: int) -> float:
        wording = self.wordings[speaker]
        said = sum(self._rarity[word] for word in dict.fromkeys(self.wordings[title].title) if word in wording)
        return said / self._weight[title]

    @staticmethod
    def _turned(signs: Signs) -> Signs:
        return evolve(signs, stage=-signs.stage, spoken=signs.returned, returned=signs.spoken, priority=-signs.priority)


def _likelihood(signs: Signs) -> float:
    return 1 / (1 + exp(-signs.weighed(ORDER)))


def _urgency(task: Task) -> float:
    return max(-1, min(1, task.priority))


def _unit(vector: dict[str, float]) -> Vector:
    length = sqrt(sum(value * value for value in vector.values())) or 1.0
    return {word: value / length for word, value in vector.items()}


def _likeness(one: Vector, other: Vector) -> float:
    if len(one) > len(other):
        one, other = other, one
    return sum(value * other[word] for word, value in one.items() if word in other)

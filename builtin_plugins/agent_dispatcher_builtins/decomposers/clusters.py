"""Requirements that are one component's business, and what else belongs to it.

Where a document says what the product consists of, its components are taken; what is then left goes by the chapters that requirements stand in, and what
stands in none by the words that requirements share. Every word counts by how few requirements use it. Each requirement is in exactly one cluster.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field, frozen

from agent_dispatcher.models import Requirement

from .design import Chapter, Part
from .wording import names, plain_text, stem, subjects, words

__all__ = ["Cluster", "Nearest", "Unit", "Vocabulary", "cluster", "units"]

#: A word that names a component counts for so many that only occur in what is said about it.
_TITLE = 3.0
#: What a unit has to share with a component to belong to it, times the logarithm of how many requirements there are: the more, the more each word tells.
_ENOUGH = 1.7
#: ... and so many times more than with the next: what concerns several components as much is a matter of its own.
_CLEARLY = 1.2
#: What a word tells that nearly all requirements use.
_NOTHING = 0.1
_EDGE = re.compile(r"^EDGE\b", re.IGNORECASE)
_DOTTED = re.compile(r"^(\w+(?:[.-]\w+)*?)\.\d+[a-z]?$")
_STORY = re.compile(r"^(?:[^:\n]{2,80}:\s*)?As an? .{2,80}?,? I (?:want|need|can|would)\b", re.IGNORECASE)
#: Requirements that share a word with so many others are not gathered by it.
_MOST_SHARING = 12


@frozen
class Unit:
    """Requirements that their source keeps together, in its order."""

    title: str
    requirements: tuple[Requirement, ...]
    #: Whether it is about something as a whole, so that single requirements may join it.
    leads: bool = False


@define
class Cluster:
    """A component to be: what it is called, what it is for, and the words by which more is found that belongs to it."""

    title: str
    source: str
    units: list[Unit] = field(factory=list)
    words: dict[str, float] = field(factory=dict)
    #: The file that its requirements name; ``""`` for what was gathered by words.
    path: str = ""

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """Of all units."""
        return tuple(each for unit in self.units for each in unit.requirements)


class Vocabulary:
    """What words say about requirements: the fewer use one, the more."""

    def __init__(self, requirements: Sequence[Requirement]) -> None:
        self._words = {each.id: tuple(subjects(_text(each))) for each in requirements}
        self._shown: dict[str, str] = {}
        for each in requirements:
            for word in words(_text(each)):
                self._shown.setdefault(stem(word), word)
        self._used = Counter(word for each in self._words.values() for word in each)
        self._count = len(requirements)

    def of(self, requirement: Requirement) -> tuple[str, ...]:
        """The words of a requirement, in order of first use."""
        return self._words[requirement.id]

    def shown(self, word: str) -> str:
        """The form in which the requirements use a word first."""
        return self._shown.get(word, word)

    def tells(self, word: str) -> float:
        """How much is known by it: next to nothing for one that more than half of the requirements use (of nine or more)."""
        used = self._used[word]
        if self._count > 8 and used * 2 > self._count:
            return _NOTHING
        return math.log((self._count + 1) / (used + 0.5)) + 0.2


class Nearest:
    """Finds which of some collections of weighted words one has most in common with, looking only at those that share a word."""

    def __init__(self, candidates: Sequence[Mapping[str, float]], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._using: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, each in enumerate(candidates):
            for word, value in each.items():
                self._using[word].append((number, value))

    def to(self, words: Mapping[str, float], enough: float, *, clearly: float = 1.0) -> int | None:
        """The number of the nearest, the first of equals; ``None`` when none has so much in common, or not so many times as much as every other."""
        scores: dict[int, float] = defaultdict(float)
        for word, value in words.items():
            if word in self._using:
                told = self._vocabulary.tells(word)
                for number, other in self._using[word]:
                    scores[number] += value * other * told
        order = sorted(scores.items(), key=lambda each: (-round(each[1], 9), each[0]))
        if not order or order[0][1] < enough or (len(order) > 1 and order[0][1] < clearly * order[1][1]):
            return None
        return order[0][0]


def units(requirements: Sequence[Requirement], chapters: Mapping[str, Chapter]) -> list[Unit]:
    """Requirements that stand under one telling heading, or whose ids begin alike (``3.1``, ``3.2``), are a unit; every other is one of its own."""
    found: dict[tuple[str, str], list[Requirement]] = {}
    titles: dict[tuple[str, str], str] = {}
    for requirement in requirements:
        chapter, dotted = chapters.get(requirement.source), _DOTTED.match(requirement.id)
        if chapter is not None:
            key, title = ("chapter", chapter.source), chapter.title
        elif dotted:
            key, title = ("prefix", dotted[1]), _shared_story(requirement)
        else:
            key, title = ("single", requirement.id), ""
        found.setdefault(key, []).append(requirement)
        titles.setdefault(key, title)
    return [
        Unit(titles[key], tuple(group), key[0] != "single" or bool(_STORY.match(plain_text(group[0].text))))
        for key, group in found.items()
    ]


def cluster(
    requirements: Sequence[Requirement],
    chapters: Mapping[str, Chapter],
    components: Sequence[Part],
    glossary: Iterable[str],
    vocabulary: Vocabulary,
    homes: Mapping[str, str],
) -> list[Cluster]:
    """The clusters, in the order of their first requirements; what is in one stays in the order of the source.

    Args:
        homes: id of a requirement that says so to the file that it is about: those of one file are a cluster.
    """
    known = {word for term in glossary for word in subjects(term)}
    every = units([each for each in requirements if each.id not in homes], chapters)
    clusters = [Cluster(title=each.title, source=each.source, words=_part_words(each)) for each in components]
    left = (
        _placed(every, clusters, vocabulary, _ENOUGH * math.log(len(requirements) + 2), clearly=_CLEARLY)
        if len(clusters) > 1
        else every
    )
    housed = _housed(requirements, homes, vocabulary)
    clusters += housed
    leading = [each for each in left if each.leads]
    for unit in leading:
        clusters.append(Cluster(unit.title, unit.requirements[0].source, [unit], _unit_words(unit, vocabulary)))
    single = [each for each in left if not each.leads]
    if leading or housed:
        own = [each for each in clusters if each.units]
        enough = math.log(max(3, len(requirements)))
        clearly = _CLEARLY if housed else 1.0
        single = _placed(single, own, vocabulary, enough * (_ENOUGH if housed else 1.0), clearly=clearly)
        edges = [each for each in single if _EDGE.match(each.requirements[0].id)]
        single = [each for each in single if not _EDGE.match(each.requirements[0].id)]
        edges = _placed(edges, own, vocabulary, 1.0)
        if edges:
            together = Unit("Handle edge cases", tuple(one for each in edges for one in each.requirements), leads=True)
            clusters.append(Cluster("Handle edge cases", together.requirements[0].source, [together], {}))
    clusters += _gathered(single, known, vocabulary)
    order = {each.id: place for place, each in enumerate(requirements)}
    filled = [each for each in clusters if each.units]
    for each in filled:
        each.units.sort(key=lambda unit: (bool(_EDGE.match(unit.requirements[0].id)), order[unit.requirements[0].id]))
        for unit in each.units:  # so that files and tests find it by what its requirements say as well
            for word, value in _unit_words(unit, vocabulary).items():
                each.words[word] = max(each.words.get(word, 0.0), value / (1 if len(each.units) == 1 else 2))
    return sorted(filled, key=lambda each: min(order[one.id] for one in each.requirements))


def _housed(requirements: Sequence[Requirement], homes: Mapping[str, str], vocabulary: Vocabulary) -> list[Cluster]:
    """A cluster for each file that requirements say they are about."""
    found: dict[str, list[Requirement]] = {}
    for each in requirements:
        if each.id in homes:
            found.setdefault(homes[each.id], []).append(each)
    made = []
    for path, some in found.items():
        unit = Unit("", tuple(some), leads=True)
        made.append(Cluster("", some[0].source, [unit], _unit_words(unit, vocabulary), path))
    return made


def _placed(
    some: Sequence[Unit], clusters: Sequence[Cluster], vocabulary: Vocabulary, enough: float, *, clearly: float = 1.0
) -> list[Unit]:
    """Puts units into the clusters that they have most in common with; gives back those that have too little with any, or as much with several."""
    nearest = Nearest([each.words for each in clusters], vocabulary)
    left = []
    for unit in some:
        number = nearest.to(_unit_words(unit, vocabulary), enough, clearly=clearly)
        if number is None:
            left.append(unit)
        else:
            clusters[number].units.append(unit)
    return left


def _gathered(single: Sequence[Unit], known: set[str], vocabulary: Vocabulary) -> list[Cluster]:
    """Requirements that share a noun: of a requirement's words the one that most others share counts, those of the glossary first."""
    own = {unit.requirements[0].id: vocabulary.of(unit.requirements[0]) for unit in single}
    shared = Counter(word for words in own.values() for word in words)
    most = max(_MOST_SHARING, len(single) // 8)
    found: dict[str, Cluster] = {}
    for unit in single:
        words = own[unit.requirements[0].id]
        telling = [word for word in words if 1 < shared[word] <= most and vocabulary.tells(word) > _NOTHING]
        best = max(telling, key=lambda word: (word in known, shared[word], -words.index(word)), default="")
        key = best or f"\0{unit.requirements[0].id}"
        here = found.setdefault(key, Cluster(vocabulary.shown(best), unit.requirements[0].source))
        here.units.append(unit)
    for each in found.values():
        for unit in each.units:
            for word, value in _unit_words(unit, vocabulary).items():
                each.words[word] = max(each.words.get(word, 0.0), value)
        if each.title:
            each.words.update(dict.fromkeys(subjects(each.title), _TITLE))
    return list(found.values())


def _unit_words(unit: Unit, vocabulary: Vocabulary) -> dict[str, float]:
    """Weighted: a word of the title most, any other by the part of the requirements that use it."""
    used = Counter(word for each in unit.requirements for word in vocabulary.of(each))
    words = {word: count / len(unit.requirements) for word, count in used.items()}
    titled = unit.title or (unit.requirements[0].text.partition(":")[0] if unit.leads else "")
    words.update(dict.fromkeys(subjects(titled), _TITLE))
    return words


def _part_words(part: Part) -> dict[str, float]:
    words = dict.fromkeys(part.further, 0.15)
    words.update({word: 0.5 for name in part.names for word in subjects(name)})
    words.update(dict.fromkeys(part.about, _TITLE))
    return words


def _shared_story(requirement: Requirement) -> str:
    title = requirement.scenarios[0].title if requirement.scenarios else ""
    wanted = re.search(r"\bI want (?:to |an? |the )?(.+?)(?:,? so that\b|[.]|$)", title)
    return wanted[1].strip(" ,") if wanted else ""


def _text(requirement: Requirement) -> str:
    return f"{requirement.text}\n{' '.join(names(requirement.text))}"

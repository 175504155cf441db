"""Who makes the files and the entities that a design states, and who needs them."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from attrs import define, field

from agent_dispatcher.models import ArtifactRef, Requirement

from .clusters import Cluster, Nearest, Vocabulary
from .design import Part
from .file_tree import StatedFile
from .splitting import MOST_FILES
from .stating import Stated, local_names, mentioned
from .wording import subjects

__all__ = ["Work", "promise_entities", "promise_files", "promise_stated", "use_symbols"]

_TEST_WORDS = frozenset(("test", "tests", "spec", "specs", "it", "e2e"))


@define(eq=False)
class Work:
    """A task of a component in the making.

    Attributes:
        component: number of its cluster.
        requirements: whole ones or slices.
        files: what it is to write.
        extends: files of another task of the component that it goes on with.
        makes, needs: entities.
        symbols, uses: names of code, ``module:Name``.
        common: the last so many of the requirements hold for all code.
        names: those of the symbols, and of files whose module nobody can tell.
    """

    component: int
    requirements: tuple[Requirement, ...]
    files: list[StatedFile] = field(factory=list)
    extends: tuple[str, ...] = ()
    makes: list[str] = field(factory=list)
    needs: list[str] = field(factory=list)
    symbols: list[str] = field(factory=list)
    uses: list[str] = field(factory=list)
    names: list[str] = field(factory=list)
    common: int = 0

    @property
    def produces(self) -> tuple[ArtifactRef, ...]:
        """Files first."""
        return (
            *(ArtifactRef(type="path", name=each.path) for each in self.files),
            *(ArtifactRef(type="symbol", name=each) for each in self.symbols),
            *(ArtifactRef(type="entity", name=each) for each in self.makes),
        )

    @property
    def consumes(self) -> tuple[ArtifactRef, ...]:
        """Files first."""
        return (
            *(ArtifactRef(type="path", name=each) for each in self.extends),
            *(ArtifactRef(type="symbol", name=each) for each in self.uses),
            *(ArtifactRef(type="entity", name=each) for each in self.needs),
        )


def promise_stated(statements: Mapping[str, Stated], clusters: Sequence[Cluster], works: Sequence[Work]) -> None:
    """What requirements themselves name: to the tasks that serve them. A file of several tasks of a component is promised by the first, which the others go on with."""
    first: dict[str, Work] = {}
    for work in works:
        home = clusters[work.component].path
        for each in work.requirements:
            stated = statements.get(each.id, Stated())
            for path in stated.paths:
                if path == home and first.setdefault(path, work) is not work:
                    work.extends = (path,)
                elif path not in {file.path for file in work.files}:
                    work.files.append(StatedFile(path, "", each.source))
            work.names += [name for name in stated.names if name not in work.names]
            work.symbols += [symbol for symbol in stated.symbols if symbol not in work.symbols]


def promise_files(
    files: Sequence[StatedFile], clusters: Sequence[Cluster], works: list[Work], vocabulary: Vocabulary
) -> None:
    """Gives each file to one task: by the words of its name and of what is said about it, else to the component that has most of its folder.

    A component with more files than its tasks may promise gets further tasks, for the same requirements.
    """
    nearest = Nearest([each.words for each in clusters], vocabulary)
    home: dict[str, Counter[int]] = defaultdict(Counter)
    homeless: list[StatedFile] = []
    given: dict[int, list[StatedFile]] = defaultdict(list)
    for file in files:
        number = nearest.to(file_words(file), 1.0)
        if number is None:
            homeless.append(file)
        else:
            given[number].append(file)
            home[posixpath.dirname(file.path)][number] += 1
    largest = max(range(len(clusters)), key=lambda number: (len(clusters[number].requirements), -number))
    for file in homeless:
        folder = home[posixpath.dirname(file.path)]
        number = min(folder, key=lambda each: (-folder[each], each)) if folder else largest
        given[number].append(file)
    for number in sorted(given):
        _among([each for each in works if each.component == number], given[number], works, vocabulary)


def _among(own: list[Work], files: Sequence[StatedFile], works: list[Work], vocabulary: Vocabulary) -> None:
    """Deals a component's files out to its tasks."""
    nearest = Nearest([_words(each, vocabulary) for each in own], vocabulary)
    overflow: dict[int, list[StatedFile]] = defaultdict(list)
    for file in files:
        number = nearest.to(file_words(file), 0.0) or 0
        if len(own[number].files) < MOST_FILES:
            own[number].files.append(file)
        else:
            overflow[number].append(file)
    for number, rest in sorted(overflow.items()):
        for start in range(0, len(rest), MOST_FILES):
            some = rest[start : start + MOST_FILES]
            more = Work(own[number].component, _about(own[number].requirements, some, vocabulary), some)
            works.insert(works.index(own[number]) + 1, more)
    first = next((each for each in own if each.files), None)
    for work in own:
        if first is not None and not work.files:
            work.extends = tuple(each.path for each in first.files)


def _about(
    requirements: tuple[Requirement, ...], files: Sequence[StatedFile], vocabulary: Vocabulary
) -> tuple[Requirement, ...]:
    """Those of the requirements that the files have something to do with; all when it is none."""
    nearest = [Nearest([dict.fromkeys(vocabulary.of(each), 1.0)], vocabulary) for each in requirements]
    found = tuple(
        each
        for each, near in zip(requirements, nearest, strict=True)
        if any(near.to(file_words(file), 2.0) is not None for file in files)
    )
    return found or requirements


def use_symbols(works: Sequence[Work]) -> None:
    """A task whose requirements name what one other task promises needs it. So that no two wait for each other, only tasks on which more rests are needed by
    tasks on which less does."""
    makers: dict[str, set[int]] = {}
    for number, work in enumerate(works):
        for name in local_names(work.symbols):
            makers.setdefault(name, set()).add(number)
    using = {
        number: {
            name
            for each in work.requirements
            for name in mentioned(each)
            if len(makers.get(name, ())) == 1 and number not in makers[name]
        }
        for number, work in enumerate(works)
    }
    resting = Counter(next(iter(makers[name])) for names in using.values() for name in names)
    rank = {
        number: place for place, number in enumerate(sorted(range(len(works)), key=lambda each: (-resting[each], each)))
    }
    for number, names in using.items():
        for name in sorted(names):
            [maker] = makers[name]
            if rank[maker] < rank[number]:
                works[number].uses += [each for each in works[maker].symbols if each.partition(":")[2] == name]


def promise_entities(entities: Sequence[Part], clusters: Sequence[Cluster], works: Sequence[Work]) -> None:
    """An entity is made by the task that writes its file, else by the first of the component of its name, else by the one that speaks of it most; who else
    speaks of it needs it.

    So that no two tasks wait for each other, only entities of tasks on which more rests are needed by tasks on which less does.
    """
    said = ["\n".join(map(_said, each.requirements)) for each in works]
    makers: dict[str, int] = {}
    speaking: dict[str, list[int]] = {}
    for entity in entities:
        name = re.sub(r"\s+(?:table|entity|model|record)$", "", entity.title, flags=re.IGNORECASE)
        exact = name == entity.title and " " not in name and name.isascii()  # one word: only as it is written
        pattern = re.compile(
            rf"\b{re.escape(name)}\b" if exact else rf"\b{re.escape(name)}s?\b", 0 if exact else re.IGNORECASE
        )
        counts = {number: len(pattern.findall(text)) for number, text in enumerate(said)}
        speakers = [number for number, count in counts.items() if count]
        stem = "".join(name.lower().split())
        writers = [number for number, work in enumerate(works) if any(each.stem.lower() == stem for each in work.files)]
        titled = [number for number, work in enumerate(works) if clusters[work.component].title == entity.title]
        if writers or titled or speakers:
            makers[name] = (
                (writers or titled)[0]
                if writers or titled
                else max(speakers, key=lambda number: (counts[number], -number))
            )
            speaking[name] = speakers
    resting = Counter(makers[name] for name, speakers in speaking.items() for each in speakers if each != makers[name])
    rank = {
        number: place for place, number in enumerate(sorted(range(len(works)), key=lambda each: (-resting[each], each)))
    }
    for name, maker in makers.items():
        works[maker].makes.append(name)
        for number in speaking[name]:
            if rank[maker] < rank[number]:
                works[number].needs.append(name)


def file_words(file: StatedFile) -> dict[str, float]:
    """What a file is about: its name most, then what is said about it, then its folder."""
    words = dict.fromkeys(subjects(posixpath.basename(posixpath.dirname(file.path)).replace("_", " ")), 0.5)
    words.update(dict.fromkeys(subjects(file.about), 1.0))
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", file.stem)
    words.update(dict.fromkeys((each for each in subjects(" ".join(parts)) if each not in _TEST_WORDS), 2.0))
    return words


def _words(work: Work, vocabulary: Vocabulary) -> dict[str, float]:
    return dict.fromkeys((word for each in work.requirements for word in vocabulary.of(each)), 1.0)


def _said(requirement: Requirement) -> str:
    steps = (step for each in requirement.scenarios for step in (each.title, *each.given, *each.when, *each.then))
    return "\n".join((requirement.text, *steps, *requirement.constraints))

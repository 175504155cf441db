"""Tasks for requirements in prose: set-up, research, the work on each component with its tests, and what is not code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import field, frozen

from agent_dispatcher.extension import Decomposition, Requires
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task

from .clusters import Cluster, Nearest, Vocabulary, cluster
from .design import Design, read_chapters, read_design
from .effort import SECONDS, task_complexity, testing_complexity
from .file_tree import StatedFile, is_manifest, is_test
from .identity import Identities
from .kinds import BUILDING, MEASURED, is_topic, kind_of
from .promising import Work, file_words, promise_entities, promise_files
from .prose import described, priority
from .sources import read_pages
from .splitting import MOST_REQUIREMENTS, split
from .titles import component_title, group, tested, work_title
from .wording import imperative, plain_text, questions, shortened, subjects

__all__ = ["draft"]

_MOST_SUGGESTED = 200
#: What work that is not code has to share with a component to be about it.
_NEAR = 2.5


def draft(specification: Specification) -> Decomposition:
    """All tasks, in reading order of a plan. Each requirement is served by at least one, and no task serves what nobody required."""
    pages = read_pages(specification)
    slug = specification.id
    design = read_design(pages, repository=slug)
    chapters = read_chapters(pages, (each.source for each in specification.requirements))
    vocabulary = Vocabulary(specification.requirements)
    kinds = {each.id: kind_of(each) for each in specification.requirements}
    building = [each for each in specification.requirements if kinds[each.id] in BUILDING]
    clusters = cluster(building, chapters, design.components, specification.glossary, vocabulary)
    return _Draft(specification, design, vocabulary, kinds, clusters).tasks()


@frozen
class _Draft:
    """One specification on its way to tasks."""

    specification: Specification
    design: Design
    vocabulary: Vocabulary
    kinds: dict[str, str]
    clusters: list[Cluster]
    identities: Identities = field(factory=Identities, init=False)
    suggestions: list[Requires] = field(factory=list, init=False)

    def tasks(self) -> Decomposition:
        others = [each for each in self.specification.requirements if self.kinds[each.id] not in BUILDING]
        nearest = Nearest([each.words for each in self.clusters], self.vocabulary)
        near = {
            each.id: None if is_topic(each) else nearest.to(dict.fromkeys(self.vocabulary.of(each), 1.0), _NEAR)
            for each in others
        }
        works = self._works()
        code = [(work, self._code(work, works)) for work in works]
        tests = self._tests(code, [each for each in others if self.kinds[each.id] == MEASURED], near)
        rest = [self._other(each, near[each.id], code) for each in others if self.kinds[each.id] != MEASURED]
        research = self._research(code)
        set_up = self._set_up([task for _, task in code])
        ordered: list[Task] = []
        for number in range(len(self.clusters)):
            ordered += [task for work, task in code if work.component == number]
            ordered += [task for component, task in tests if component == number]
        ordered += [task for component, task in tests if component is None]
        return Decomposition(tasks=(*set_up, *research, *ordered, *rest), suggestions=tuple(self.suggestions))

    def _works(self) -> list[Work]:
        works = [Work(number, part) for number, each in enumerate(self.clusters) for part in split(each.units)]
        product = [
            each
            for each in self.design.files
            if not (each.stays or is_manifest(each.path) or is_test(each.path) or _is_text(each))
        ]
        if works:
            promise_files(product, self.clusters, works, self.vocabulary)
            promise_entities(self.design.entities, self.clusters, works)
        return works

    def _code(self, work: Work, works: Sequence[Work]) -> Task:
        title = work_title(
            self.clusters[work.component], work, [each for each in works if each.component == work.component]
        )
        kinds = {self.kinds[each.id] for each in work.requirements}
        kind = kinds.pop() if len(kinds) == 1 else "code_writing"
        size = task_complexity(work.requirements, len(work.files))
        written = [f"Write {', '.join(each.path for each in work.files)}."] if work.files else []
        return self._task(
            title,
            kind,
            work.requirements,
            size,
            written,
            produces=work.produces,
            consumes=work.consumes,
            group=group(self.clusters[work.component]),
        )

    def _tests(
        self, code: Sequence[tuple[Work, Task]], measured: Sequence[Requirement], near: dict[str, int | None]
    ) -> list[tuple[int | None, Task]]:
        """A testing task for each component, for a large one several; what is measured of the whole is tested at the end."""
        files = self._test_files(code)
        made: list[tuple[int | None, Task]] = []
        for number, each in enumerate(self.clusters):
            own = [(work, task) for work, task in code if work.component == number]
            for index, some in enumerate(_together(own)):
                wanted = list({one.id: one for work, _ in some for one in work.requirements}.values())
                wanted = [self.specification.requirement(one.id) for one in wanted]
                criteria = [one for one in measured if near[one.id] == number] if index == 0 else []
                titled = component_title(each, wanted) if len(some) > 1 or not some[0][1].title else some[0][1].title
                size = testing_complexity(max(task.complexity for _, task in some) + 0.5 * (len(some) - 1))
                task = self._task(
                    f"Test: {tested(titled)}",
                    "testing",
                    (*wanted, *criteria),
                    min(10.0, size),
                    ["Write tests that hold exactly when this is met."],
                    verifies=tuple(task.id for _, task in some),
                    produces=tuple(ArtifactRef(type="path", name=file.path) for file in files.get(number, ()))
                    if index == 0
                    else (),
                    group=group(each),
                )
                made.append((number, task))
        whole = [one for one in measured if near[one.id] is None]
        for start in range(0, len(whole), MOST_REQUIREMENTS):
            criteria = whole[start : start + MOST_REQUIREMENTS]
            title = (
                "Test: the success criteria"
                if len(criteria) > 1
                else f"Test: {shortened(imperative(criteria[0].text), 74)}"
            )
            verified = tuple(task.id for _, task in code) if len(code) <= _MOST_SUGGESTED else ()
            size = testing_complexity(task_complexity(criteria))
            made.append(
                (
                    None,
                    self._task(
                        title,
                        "testing",
                        criteria,
                        size,
                        ["Write tests that hold exactly when this is met."],
                        verifies=verified,
                    ),
                )
            )
        return made

    def _test_files(self, code: Sequence[tuple[Work, Task]]) -> dict[int, list[StatedFile]]:
        """The stated files with tests, each at the component that it tests: the one that writes the file it is named after, else the nearest."""
        stems = {file.stem.lower(): work.component for work, _ in code for file in work.files}
        nearest = Nearest([each.words for each in self.clusters], self.vocabulary)
        found: dict[int, list[StatedFile]] = {}
        for file in self.design.files:
            if (
                is_test(file.path)
                and not file.stays
                and not is_manifest(file.path)
                and not _is_text(file)
                and self.clusters
            ):
                subject = re.sub(r"^test_?|(?:_?tests?|_?spec)$", "", file.stem.lower())
                number = stems.get(subject)
                number = nearest.to(file_words(file), 1.0) if number is None else number
                found.setdefault(number or 0, []).append(file)
        return found

    def _other(self, requirement: Requirement, near: int | None, code: Sequence[tuple[Work, Task]]) -> Task:
        """Work that is not code, tied to what it is about."""
        kind = self.kinds[requirement.id]
        about = [task for work, task in code if near is None or work.component == near][:_MOST_SUGGESTED]
        verified = tuple(each.id for each in about) if kind == "testing" else ()
        task = self._task(
            imperative(requirement.text),
            kind,
            (requirement,),
            task_complexity([requirement]),
            verifies=verified,
            group=group(self.clusters[near]) if near is not None else "",
        )
        quoted = f'"{shortened(plain_text(requirement.text), 120)}"'
        for each in about:
            if kind == "documentation":
                self._suggest(
                    each,
                    task,
                    0.8 if near is not None else 0.6,
                    f'{quoted} documents what "{each.title}" makes',
                    requirement.source,
                )
            elif kind == "research" and near is not None:
                self._suggest(task, each, 0.6, f'{quoted} is to be known before "{each.title}"', requirement.source)
        return task

    def _research(self, code: Sequence[tuple[Work, Task]]) -> list[Task]:
        """A task for each question that requirements or documents leave open, before the work it is about."""
        made = []
        for requirement in self.specification.requirements:
            if self.kinds[requirement.id] == "research":
                continue
            for question in questions("\n".join((requirement.text, *requirement.edge_cases, *requirement.constraints))):
                task = self._task(
                    f"Decide: {shortened(question.rstrip('.'), 72)}",
                    "research",
                    (requirement,),
                    1.5,
                    [f"Find out and write down, with reasons: {question}"],
                )
                for work, other in code:
                    if any(each.id == requirement.id for each in work.requirements):
                        self._suggest(
                            task,
                            other,
                            0.7,
                            f'"{shortened(question, 120)}" is open, and "{other.title}" rests on the answer',
                            requirement.source,
                        )
                made.append(task)
        nearest = Nearest([each.words for each in self.clusters], self.vocabulary)
        for question, place in self.design.questions:
            task = self._task(
                f"Decide: {shortened(question.rstrip('.'), 72)}",
                "research",
                (),
                1.5,
                [f"Find out and write down, with reasons: {question}"],
                source=place,
            )
            number = nearest.to(dict.fromkeys(subjects(question), 1.0), _NEAR)
            for work, other in code:
                if work.component == number:
                    self._suggest(
                        task,
                        other,
                        0.6,
                        f'"{shortened(question, 120)}" is open, and "{other.title}" is about it',
                        place,
                    )
            made.append(task)
        return made

    def _set_up(self, code: Sequence[Task]) -> list[Task]:
        """Only where a document states files that set the project up."""
        files = [each for each in self.design.files if is_manifest(each.path) and not each.stays]
        if not files or not code:
            return []
        paths = tuple(ArtifactRef(type="path", name=each.path) for each in files)
        what = ", ".join(each.name for each in paths)
        task = self._task(
            shortened(f"Set up the project: {what}"),
            "code_writing",
            (),
            task_complexity((), len(files)),
            [f"Write {what}."],
            produces=paths,
            source=files[0].source,
        )
        for each in code[:_MOST_SUGGESTED]:
            self._suggest(
                task, each, 0.7, f'"{each.title}" is built in the project that "{task.title}" sets up', files[0].source
            )
        return [task]

    def _task(
        self,
        title: str,
        kind: str,
        requirements: Sequence[Requirement],
        complexity: float,
        first: Iterable[str] = (),
        *,
        verifies: tuple[str, ...] = (),
        produces: tuple[ArtifactRef, ...] = (),
        consumes: tuple[ArtifactRef, ...] = (),
        group: str = "",
        source: str = "",
    ) -> Task:
        description = "\n\n".join([*first, *_described(requirements)])
        content = "\n".join([kind, description, *(each.name for each in produces)])
        return Task(
            id=self.identities.take(title, content),
            title=title,
            description=description,
            type=kind,
            requirements=tuple(dict.fromkeys(each.id for each in requirements)),
            verifies=verifies,
            produces=produces,
            consumes=consumes,
            group=group,
            complexity=complexity,
            priority=max(map(priority, requirements), default=0),
            estimate_s=SECONDS * complexity,
            source=source or next((each.source for each in requirements if each.source), ""),
        )

    def _suggest(self, before: Task, after: Task, confidence: float, evidence: str, source: str) -> None:
        self.suggestions.append(Requires(before.id, after.id, "logical", confidence, evidence, source))


def _described(requirements: Sequence[Requirement]) -> list[str]:
    """Everything the specification says about them; what several share stands once."""
    said: set[str] = set()
    texts = []
    for each in requirements:
        head, *details = re.split(r"\n(?=Scenario:|Edge case:|Constraint:)", described(each))
        new = [detail for detail in details if detail not in said]
        said.update(new)
        texts.append("\n".join([head, *new]))
    return texts


def _together(own: Sequence[tuple[Work, Task]]) -> Iterable[Sequence[tuple[Work, Task]]]:
    """Tasks of a component that are tested together: as many as serve at most twice the requirements of one task."""
    some: list[tuple[Work, Task]] = []
    count = 0
    for work, task in own:
        if some and count + len(task.requirements) > 2 * MOST_REQUIREMENTS:
            yield some
            some, count = [], 0
        some.append((work, task))
        count += len(task.requirements)
    if some:
        yield some


def _is_text(file: StatedFile) -> bool:
    return file.path.lower().endswith((".md", ".markdown", ".txt", ".rst", ".adoc"))

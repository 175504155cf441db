"""Tasks for requirements in prose: set-up, research, the work on each component with its tests, and what is not code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from agent_dispatcher.extension import Decomposition
from agent_dispatcher.models import Requirement, Specification, Task

from .around import NEAR, Code, other_work, research, set_up
from .clusters import Cluster, Nearest, Vocabulary, cluster
from .component_tests import component_tests, deal_test_files, tests_of_the_whole
from .design import Design, read_chapters, read_design
from .effort import task_complexity
from .file_tree import StatedFile, is_manifest, is_test
from .kinds import BUILDING, MEASURED, is_topic, kind_of
from .making import Making
from .promising import Work, promise_entities, promise_files, promise_stated, use_symbols
from .sources import read_pages
from .splitting import split
from .stating import ModuleOf, Stated, common_rules, read_statements
from .titles import group, work_title

__all__ = ["draft"]


def draft(specification: Specification, module_of: ModuleOf) -> Decomposition:
    """All tasks, in reading order of a plan. Each requirement is served by at least one, and no task serves what nobody required.

    Args:
        module_of: the name by which code refers to a file, ``""`` where nobody can tell.
    """
    requirements = specification.requirements
    pages = read_pages(specification)
    design = read_design(pages, repository=specification.id)
    chapters = read_chapters(pages, (each.source for each in requirements))
    vocabulary = Vocabulary(requirements)
    kinds = {each.id: kind_of(each) for each in requirements}
    building = [each for each in requirements if kinds[each.id] in BUILDING]
    stated = read_statements(building, (each.path for each in design.files), module_of)
    common = common_rules(building, stated)
    own = [each for each in building if each not in common]
    homes = {name: each.paths[0] for name, each in stated.items()}
    clusters = cluster(own, chapters, design.components, specification.glossary, vocabulary, homes)
    return _Draft(requirements, design, vocabulary, kinds, clusters, stated, common).tasks()


@frozen
class _Draft:
    """One specification on its way to tasks.

    Attributes:
        kinds: the sort of work of every requirement.
        components: what was gathered; tasks refer to them by number.
        statements: what requirements themselves promise, by id.
        common: requirements that every piece of code has to meet.
    """

    requirements: Sequence[Requirement]
    design: Design
    vocabulary: Vocabulary
    kinds: dict[str, str]
    components: list[Cluster]
    statements: Mapping[str, Stated]
    common: Sequence[Requirement]
    making: Making = field(factory=Making, init=False)

    def tasks(self) -> Decomposition:
        """Set-up and research first, then each component with its tests, then the rest."""
        nearest = Nearest([each.words for each in self.components], self.vocabulary)
        others = [each for each in self.requirements if self.kinds[each.id] not in BUILDING]
        near = {each.id: self._near(each, nearest) for each in others}
        measured = [each for each in others if self.kinds[each.id] == MEASURED]
        code = self._code()
        product = [
            *self._components(code, measured, near, nearest),
            *tests_of_the_whole([each for each in measured if near[each.id] is None], code, self.making),
        ]
        rest = [
            other_work(each, self.kinds[each.id], near[each.id], self._group(near[each.id]), code, self.making)
            for each in others
            if self.kinds[each.id] != MEASURED
        ]
        asking = [each for each in self.requirements if self.kinds[each.id] != "research"]
        questions = research(asking, self.design, code, nearest, self.making)
        first = set_up(self.design, code, self.making)
        return Decomposition(tasks=(*first, *questions, *product, *rest), suggestions=tuple(self.making.suggestions))

    def _near(self, requirement: Requirement, nearest: Nearest) -> int | None:
        """The component that a requirement which is not code is about; ``None`` for the whole."""
        words = dict.fromkeys(self.vocabulary.of(requirement), 1.0)
        return None if is_topic(requirement) else nearest.to(words, NEAR)

    def _group(self, number: int | None) -> str:
        return "" if number is None else group(self.components[number])

    def _code(self) -> Code:
        """The tasks of all components, with what the design states that they make."""
        works = [Work(number, part) for number, each in enumerate(self.components) for part in split(each.units)]
        if works:
            promise_stated(self.statements, self.components, works)
            promised = {file.path for work in works for file in work.files}
            product = [each for each in self._stated() if not is_test(each.path) and each.path not in promised]
            promise_files(product, self.components, works, self.vocabulary)
            promise_entities(self.design.entities, self.components, works)
            use_symbols(works)
            for work in works:
                work.requirements = (*work.requirements, *self.common)
                work.common = len(self.common)
        siblings = Counter(work.component for work in works)
        serving: dict[int, Counter[str]] = {number: Counter() for number in siblings}
        for work in works:
            serving[work.component].update({each.id for each in work.requirements})
        return [(work, self._task(work, serving[work.component], siblings[work.component])) for work in works]

    def _task(self, work: Work, serving: Mapping[str, int], siblings: int) -> Task:
        kinds = {self.kinds[each.id] for each in work.requirements}
        return self.making.task(
            work_title(self.components[work.component], work, serving, siblings),
            kinds.pop() if len(kinds) == 1 else "code_writing",
            work.requirements,
            task_complexity(work.requirements, len(work.files)),
            [f"Write {', '.join(each.path for each in work.files)}."] if work.files else [],
            produces=work.produces,
            consumes=work.consumes,
            group=self._group(work.component),
        )

    def _components(
        self, code: Code, measured: Sequence[Requirement], near: dict[str, int | None], nearest: Nearest
    ) -> list[Task]:
        """The code of each component and its tests behind it."""
        files = deal_test_files([each for each in self._stated() if is_test(each.path)], code, nearest)
        whole = {each.id: each for each in self.requirements}
        own: dict[int, list[tuple[Work, Task]]] = {}
        for work, task in code:
            own.setdefault(work.component, []).append((work, task))
        ordered: list[Task] = []
        for number, component in enumerate(self.components):
            criteria = [each for each in measured if near[each.id] == number]
            tests = component_tests(component, own[number], whole, criteria, files.get(number, ()), self.making)
            ordered += [*(task for _, task in own[number]), *tests]
        return ordered

    def _stated(self) -> list[StatedFile]:
        """Files with code that somebody has to write."""
        text = (".md", ".markdown", ".txt", ".rst", ".adoc")
        return [
            each
            for each in self.design.files
            if not (each.stays or is_manifest(each.path) or each.path.lower().endswith(text))
        ]

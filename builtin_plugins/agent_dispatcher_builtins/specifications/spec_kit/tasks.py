"""From the lines of ``tasks.md`` to tasks and phases in the dispatcher's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field

from agent_dispatcher.models import ArtifactRef, DeclaredDependency, PhaseOrder, Step, Task, TaskPhase

from ...decomposers.identity import Identities
from ..kinds import is_test_file, stem, task_type, tested_stem
from ..page import Page
from ..paths import NamedPath, complete, named_paths
from .arrangement import Phase, arrange
from .escapes import plain_line
from .statements import Order, read_statements
from .tasklines import TaskLine, find_tasks, status_of

__all__ = ["TaskList", "read_tasks"]

_REQUIREMENT = re.compile(r"(?<![\w-])(?:N?FR|SC|UR|BR|SR|REQ)-?\d{1,4}[a-z]?(?![\w-])")
#: So much of a task's text says what sort of work it is.
_OPENING = 400
_TESTS_TASK = re.compile(
    r"\btests?\s+(?:for|of|covering)\s+(?:task\s+)?\(?(?=T-?\d|[A-Z][A-Z0-9]*-\d{3})", re.IGNORECASE
)


@define
class TaskList:
    """What ``tasks.md`` says.

    Attributes:
        tasks: in listed order, references as ids.
        phases: in listed order.
        warnings: what was not understood, in the order of the file as far as it goes.
    """

    tasks: tuple[Task, ...] = ()
    phases: tuple[TaskPhase, ...] = ()
    warnings: list[str] = field(factory=list)


def read_tasks(page: Page, requirements: Iterable[str] = ()) -> TaskList:
    """Read the page.

    Args:
        requirements: ids that tasks may serve.
    """
    lines, warnings = find_tasks(page)
    if not lines:
        return TaskList(warnings=warnings)
    phases = arrange(page, lines)
    statements = read_statements(page, lines, phases)
    builder = _Builder(page, lines, phases, statements.orders, frozenset(requirements))
    warnings += [*_twice(page, lines), *statements.warnings]
    tasks = builder.tasks()
    return TaskList(tasks=tasks, phases=builder.phases(), warnings=[*warnings, *builder.warnings])


def _twice(page: Page, lines: Sequence[TaskLine]) -> list[str]:
    first: dict[str, TaskLine] = {}
    warnings = []
    for line in lines:
        other = first.setdefault(line.id, line)
        if other is not line:
            warnings.append(
                f"{page.where(line.line)}: {line.id} is the id of two tasks (the first: {page.where(other.line)}); "
                "both are planned, and what names the id means both"
            )
    return warnings


class _Builder:
    def __init__(
        self,
        page: Page,
        lines: Sequence[TaskLine],
        phases: Sequence[Phase],
        orders: Sequence[Order],
        known: frozenset[str],
    ) -> None:
        self.warnings: list[str] = []
        self._page = page
        self._lines = lines
        self._phases = phases
        self._orders = orders
        self._known = known
        identities = Identities()
        self._ids = [identities.take(line.title, line.id) for line in lines]
        self._phase_of = {index: at for at, phase in enumerate(phases) for index in phase.tasks}
        self._paths = complete(named_paths(line.text) for line in lines)
        self._types = [
            task_type(line.text[:_OPENING], _written(paths)) for line, paths in zip(lines, self._paths, strict=True)
        ]
        self._declared = self._depends_on()
        self._after = self._phases_after()

    def tasks(self) -> tuple[Task, ...]:
        verifies = self._verifies()
        return tuple(self._task(index, line, verifies.get(index, ())) for index, line in enumerate(self._lines))

    def _task(self, index: int, line: TaskLine, verifies: Sequence[int]) -> Task:
        paths = self._paths[index]
        test = self._types[index] == "testing"
        details = "\n".join(plain_line(text) for _, text in line.details)
        return Task(
            id=self._ids[index],
            source_id=line.id,
            title=line.title,
            description=details,
            type=self._types[index],
            status=status_of(line),
            requirements=self._served(index, line),
            depends_on=tuple(
                DeclaredDependency(task=self._ids[other], source=source)
                for other, source in self._declared.get(index, {}).items()
            ),
            verifies=tuple(self._ids[other] for other in verifies),
            produces=_artifacts(path for path in paths if not path.reads),
            consumes=() if test else _artifacts(path for path in paths if path.reads),
            group=self._phases[self._phase_of[index]].title,
            steps=tuple(
                Step(
                    id=f"{line.id}.{number}",
                    title=box.text or f"{line.id}.{number}",
                    status="completed" if box.done else "pending",
                )
                for number, box in enumerate(line.boxes, 1)
            ),
            complexity=_complexity(line, paths),
            priority=self._priority(index, line),
            source=self._page.where(line.line),
        )

    def phases(self) -> tuple[TaskPhase, ...]:
        return tuple(
            TaskPhase(
                name=phase.title,
                tasks=tuple(self._ids[index] for index in phase.tasks),
                parallel=tuple(self._ids[index] for index in phase.tasks if self._lines[index].parallel),
                after=tuple(
                    PhaseOrder(phase=self._phases[before].title, why=why, source=source)
                    for before, (why, source) in sorted(self._after[at].items())
                ),
                source=self._page.where(phase.line),
            )
            for at, phase in enumerate(self._phases)
        )

    # --- what a task serves

    def _served(self, index: int, line: TaskLine) -> tuple[str, ...]:
        story = line.story
        named = self._phases[self._phase_of[index]].name
        if story is None and len(named.stories) == 1:
            story = named.stories[0]
        found = [f"US{story}"] if story is not None else []
        text = " ".join([line.text, *line.labels, *(text for _, text in line.details)])
        found += _REQUIREMENT.findall(text)
        for name in dict.fromkeys(found):
            if name not in self._known and self._known:
                self.warnings.append(
                    f"{self._page.where(line.line)}: {line.id} serves {name}, which spec.md does not have"
                )
        return tuple(name for name in dict.fromkeys(found) if name in self._known)

    def _priority(self, index: int, line: TaskLine) -> int:
        """3 for P1, 2 for P2, 1 for P3, else 0: of the task itself, else of its phase's heading."""
        number = line.priority
        if number is None:
            title = self._phases[self._phase_of[index]].title
            found = re.search(r"(?:priority\s*:?\s*|\()P(\d)\b", title, re.IGNORECASE)
            number = int(found[1]) if found else None
        return max(0, 4 - number) if number is not None else 0

    # --- order

    def _depends_on(self) -> dict[int, dict[int, str]]:
        """For each task those that are declared to come before it, with the place of the declaration.

        A guess about which task is meant does not undo the marks ``[P]`` of two tasks of a phase.
        """
        found: dict[int, dict[int, str]] = {}
        for order in self._orders:
            if order.phases:
                continue
            for after in order.after:
                for before in order.before:
                    if before == after:
                        continue
                    if not order.guessed.isdisjoint((before, after)) and self._side_by_side(before, after):
                        self.warnings.append(
                            f"{self._page.where(order.line)}: {self._lines[before].id} and {self._lines[after].id} are marked [P], "
                            "and that one is to wait for the other rests on a guess which id is meant: they stay parallel"
                        )
                        continue
                    found.setdefault(after, {}).setdefault(before, self._page.where(order.line))
        return found

    def _side_by_side(self, one: int, other: int) -> bool:
        """Whether both are marked parallel in one phase."""
        return (
            self._phase_of[one] == self._phase_of[other] and self._lines[one].parallel and self._lines[other].parallel
        )

    def _phases_after(self) -> list[dict[int, tuple[str, str]]]:
        """For each phase those that come before it, why, and where that stands."""
        found: list[dict[int, tuple[str, str]]] = [{} for _ in self._phases]
        for order in self._orders:
            if order.phases:
                for after in order.after:
                    for before in order.before:
                        if before != after:
                            found[after].setdefault(before, (f'"{order.text}"', self._page.where(order.line)))
        for at, phase in enumerate(self._phases):
            for before in range(at):
                if self._phases[before].precedes(phase) and at not in found[before]:
                    why = f'"{phase.title}" is listed behind "{self._phases[before].title}"'
                    found[at].setdefault(before, (why, self._page.where(phase.line)))
        return found

    # --- tests and what they test

    def _verifies(self) -> dict[int, list[int]]:
        """Subjects of test tasks, where the text ties them clearly: ``test_user.py`` is named after ``user.py``, a test task names the file it tests
        or its task. Only where the source leaves both free to be written at the same time."""
        by_stem: dict[str, list[int]] = {}
        by_path: dict[str, list[int]] = {}
        for index, paths in enumerate(self._paths):
            if self._types[index] in ("code_writing", "refactoring", "debugging"):
                for path in paths:
                    if not path.reads and not is_test_file(path.name):
                        by_stem.setdefault(stem(path.name), []).append(index)
                        by_path.setdefault(path.name, []).append(index)
        by_id: dict[str, list[int]] = {}
        for index, line in enumerate(self._lines):
            by_id.setdefault(line.id, []).append(index)
        found: dict[int, list[int]] = {}
        order = _Reach(self._declared)
        for index, line in enumerate(self._lines):
            if self._types[index] != "testing":
                continue
            subjects: list[int] = []
            for path in self._paths[index]:
                if is_test_file(path.name):
                    called = tested_stem(path.name)
                    subjects += by_stem.get(called, ()) if called else ()
                else:
                    subjects += by_path.get(path.name, ())
            for match in _TESTS_TASK.finditer(line.text):
                name = re.match(r"[\w-]+", line.text[match.end() :])
                subjects += by_id.get(name[0], ()) if name else ()
            free = [each for each in dict.fromkeys(subjects) if each != index and self._free(index, each, order)]
            if free:
                found[index] = free
        return found

    def _free(self, one: int, other: int, order: _Reach) -> bool:
        """Whether the source puts neither first: not by phases, not by the list, not by a declaration."""
        if order.leads(one, other) or order.leads(other, one):
            return False
        first, second = self._phase_of[one], self._phase_of[other]
        if first == second:
            return self._lines[one].parallel or self._lines[other].parallel
        return False


class _Reach:
    """Which tasks are declared, directly or not, to come before which."""

    def __init__(self, declared: Mapping[int, Mapping[int, str]]) -> None:
        self._declared = declared
        self._before: dict[int, frozenset[int]] = {}

    def leads(self, before: int, after: int) -> bool:
        if after not in self._before:
            seen: set[int] = set()
            stack = [after]
            while stack:
                for each in self._declared.get(stack.pop(), ()):
                    if each not in seen:
                        seen.add(each)
                        stack.append(each)
            self._before[after] = frozenset(seen)
        return before in self._before[after]


def _written(paths: Iterable[NamedPath]) -> list[str]:
    return [path.name for path in paths if not path.reads]


def _artifacts(paths: Iterable[NamedPath]) -> tuple[ArtifactRef, ...]:
    return tuple(ArtifactRef(type="path", name=path.name) for path in paths)


def _complexity(line: TaskLine, paths: Sequence[NamedPath]) -> float:
    words = len(line.text.split()) + sum(len(text.split()) for _, text in line.details)
    files = sum(1 for path in paths if not path.reads)
    return min(10.0, round(1.0 + words / 40 + 0.5 * max(0, files - 1) + 0.25 * len(line.boxes), 1))

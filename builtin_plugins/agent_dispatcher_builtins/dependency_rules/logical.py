"""The rule that knows in which order sorts of work make sense."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Specification, Task

__all__ = ["LogicalRule"]

_BUILDING = frozenset({"code_writing", "refactoring", "debugging"})
#: In a longer list than this no task is about the whole of it.
_LONG = 40
#: Nor are more set-ups than these each one of the whole.
_FEW = 3
#: A group or a requirement that more building tasks share than this says nothing about a pair of them.
_CROWD = 200

_SET_UP = re.compile(
    r"\b(?:set[ -]?up|scaffold(?:ing)?|initiali[sz]e|bootstrap|create|configure)\b.*?"
    r"\b(?:project|repository|repo|skeleton|workspace|monorepo|package structure|folder structure|directory structure"
    r"|project structure|development environment|toolchain|build system|manifest)\b"
    r"|\bproject (?:set[ -]?up|skeleton|scaffold(?:ing)?|structure|initiali[sz]ation)\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(?:readme|changelog|user guide|user manual|release notes|project documentation)\b", re.IGNORECASE
)


class LogicalRule:
    """Reads task types and titles, and says nothing about tasks that promise or need artifacts: those say precisely themselves what they wait for.

    What holds for a list as a whole (set-up first, deployment last) is guessed only where nobody declares any order: an author who does would have said it.
    Never from the order of a list, never between a test and what it verifies, and never two tasks in both directions.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """Edges of kind ``logical`` with a confidence of 0.2 to 0.8."""
        loose = [task for task in tasks if not (task.produces or task.consumes or task.children)]
        building = _Index.of([task for task in loose if task.type in _BUILDING])
        silent = any(task.depends_on for task in tasks)
        return [
            *([] if silent else _set_up_first(loose)),
            *_documented_first(loose, building, whole=not silent and len(loose) <= _LONG),
            *_tested_late(loose, building),
            *_deployed_last(loose, whole=not silent and len(loose) <= _LONG),
        ]


@frozen
class _Index:
    """Tasks by what they share with others."""

    tasks: Sequence[Task]
    by_requirement: Mapping[str, Sequence[Task]]
    by_group: Mapping[str, Sequence[Task]]

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> _Index:
        by_requirement: dict[str, list[Task]] = {}
        by_group: dict[str, list[Task]] = {}
        for task in tasks:
            for name in dict.fromkeys(task.requirements):
                by_requirement.setdefault(name, []).append(task)
            if task.group:
                by_group.setdefault(task.group, []).append(task)
        return cls(tasks, by_requirement, by_group)

    def serving(self, task: Task) -> dict[str, tuple[Task, list[str]]]:
        """Tasks that share requirements with one, by id, each with the requirements."""
        found: dict[str, tuple[Task, list[str]]] = {}
        for name in sorted(set(task.requirements)):
            others = self.by_requirement.get(name, ())
            if len(others) <= _CROWD:
                for other in others:
                    found.setdefault(other.id, (other, []))[1].append(name)
        return found

    def beside(self, task: Task) -> Sequence[Task]:
        """Tasks of the same group."""
        others = self.by_group.get(task.group, ()) if task.group else ()
        return others if len(others) <= _CROWD else ()


def _set_up_first(tasks: Sequence[Task]) -> Iterator[Requires]:
    """A project is set up before anything is built in it."""
    setting_up = [task for task in tasks if task.type in _BUILDING and _SET_UP.search(task.title)]
    names = {task.id for task in setting_up}
    if 2 * len(names) > len(tasks):  # where nearly everything is a set-up, the word means nothing
        return
    several, long = len(setting_up) > 1, len(tasks) > _LONG  # then a set-up is rather one of a part
    groups = _Index.of(tasks) if long and len(setting_up) > _FEW else None
    for first in setting_up:
        for task in groups.beside(first) if groups else tasks:
            if task.id in names or task.type in ("research", "analysis") or task.id in first.verifies:
                continue
            if first.id in task.verifies:
                continue
            own = bool(first.group) and first.group == task.group
            yield Requires(
                first.id,
                task.id,
                "logical",
                0.7 if own else 0.3 if long else 0.4 if several else 0.6 if first.group else 0.7,
                f'"{first.title}" sets the project up in which "{task.title}" works',
                task.source,
            )


def _documented_first(tasks: Sequence[Task], building: _Index, *, whole: bool) -> Iterator[Requires]:
    """What is documented exists before its documentation is written."""
    for task in tasks:
        if task.type != "documentation":
            continue
        shared = building.serving(task)
        for built, names in shared.values():
            yield _documents(task, built, 0.8, f"both serve {', '.join(names)}")
        if _WHOLE.search(task.title) and not task.requirements:
            rest, confidence, why = building.tasks if whole else (), 0.2, "it is about the whole project"
        else:
            rest, confidence, why = building.beside(task), 0.4, f"both belong to {task.group}"
        for built in rest:
            if built.id not in shared:
                yield _documents(task, built, confidence, why)


def _documents(task: Task, built: Task, confidence: float, why: str) -> Requires:
    return Requires(
        built.id, task.id, "logical", confidence, f'"{task.title}" documents "{built.title}": {why}', task.source
    )


def _tested_late(tasks: Sequence[Task], building: _Index) -> Iterator[Requires]:
    """A test that verifies no particular task is better written when there is something to test."""
    for task in tasks:
        if task.type not in ("testing", "review") or task.verifies:
            continue
        shared = building.serving(task)
        for built, names in shared.values():
            yield _examines(task, built, 0.4, f"both serve {', '.join(names)}")
        for built in building.beside(task):
            if built.id not in shared:
                yield _examines(task, built, 0.3, f"both belong to {task.group}")


def _examines(task: Task, built: Task, confidence: float, why: str) -> Requires:
    review = task.type == "review"
    evidence = f'"{task.title}" {"reviews" if review else "tests"} "{built.title}": {why}'
    return Requires(built.id, task.id, "logical", 0.7 if review else confidence, evidence, task.source)


def _deployed_last(tasks: Sequence[Task], *, whole: bool) -> Iterator[Requires]:
    """What is deployed has been built and tested before."""
    earlier = _Index.of([task for task in tasks if task.type in _BUILDING or task.type == "testing"])
    for task in tasks:
        if task.type != "deployment":
            continue
        grouped = task.group in earlier.by_group if task.group else False
        for each in earlier.beside(task) if grouped else earlier.tasks if whole else ():
            yield Requires(
                each.id,
                task.id,
                "logical",
                0.6,
                f'"{task.title}" deploys what "{each.title}" {"tests" if each.type == "testing" else "builds"}',
                task.source,
            )

"""The rule that knows in which order sorts of work make sense."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Specification, Task

__all__ = ["LogicalRule"]

_BUILDING = frozenset({"code_writing", "refactoring", "debugging"})

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

    Never from the order of a list, never between a test and what it verifies, and never two tasks in both directions.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """Edges of kind ``logical`` with a confidence of 0.3 to 0.8."""
        loose = [task for task in tasks if not (task.produces or task.consumes or task.children)]
        found = chain(_set_up_first(loose), _documented_first(loose), _tested_late(loose), _deployed_last(loose))
        return [edge for edge in found if edge is not None]


#: In a longer list no task is about the whole.
_LONG = 60


def _many(tasks: Sequence[Task]) -> bool:
    return len(tasks) > _LONG


def _set_up_first(tasks: Sequence[Task]) -> Iterator[Requires]:
    """A project is set up before anything is built in it."""
    setting_up = [task for task in tasks if task.type in _BUILDING and _SET_UP.search(task.title)]
    names = {task.id for task in setting_up}
    if 2 * len(names) > len(tasks):  # where nearly everything is a set-up, the word means nothing
        return
    several, long = len(setting_up) > 1, _many(tasks)  # then a set-up is rather one of a part
    for first in setting_up:
        for task in tasks:
            if task.id in names or task.type in ("research", "analysis") or task.id in first.verifies:
                continue
            if first.id in task.verifies:
                continue
            yield Requires(
                first.id,
                task.id,
                "logical",
                0.7
                if first.group and first.group == task.group
                else 0.3
                if long
                else 0.4
                if several
                else 0.6
                if first.group
                else 0.7,
                f'"{first.title}" sets the project up in which "{task.title}" works',
                task.source,
            )


def _documented_first(tasks: Sequence[Task]) -> Iterator[Requires]:
    """What is documented exists before its documentation is written."""
    building = [task for task in tasks if task.type in _BUILDING]
    for task in tasks:
        if task.type != "documentation":
            continue
        whole = bool(_WHOLE.search(task.title)) and not task.requirements
        for built in building:
            shared = sorted(set(task.requirements) & set(built.requirements))
            if shared:
                yield _documents(task, built, 0.8, f"both serve {', '.join(shared)}")
            elif whole and not _many(tasks):
                yield _documents(task, built, 0.2, "it is about the whole project")
            elif task.group and task.group == built.group:
                yield _documents(task, built, 0.4, f"both belong to {task.group}")


def _documents(task: Task, built: Task, confidence: float, why: str) -> Requires:
    return Requires(
        built.id, task.id, "logical", confidence, f'"{task.title}" documents "{built.title}": {why}', task.source
    )


def _tested_late(tasks: Sequence[Task]) -> Iterator[Requires]:
    """A test that verifies no particular task is better written when there is something to test."""
    building = [task for task in tasks if task.type in _BUILDING]
    for task in tasks:
        if task.type not in ("testing", "review") or task.verifies:
            continue
        for built in building:
            shared = sorted(set(task.requirements) & set(built.requirements))
            if shared:
                why = f"both serve {', '.join(shared)}"
            elif task.group and task.group == built.group:
                why = f"both belong to {task.group}"
            else:
                continue
            review = task.type == "review"
            verb = "reviews" if review else "tests"
            confidence = 0.7 if review else 0.4 if shared else 0.3
            evidence = f'"{task.title}" {verb} "{built.title}": {why}'
            yield Requires(built.id, task.id, "logical", confidence, evidence, task.source)


def _deployed_last(tasks: Sequence[Task]) -> Iterator[Requires]:
    """What is deployed has been built and tested before."""
    earlier = [task for task in tasks if task.type in _BUILDING or task.type == "testing"]
    for task in tasks:
        if task.type != "deployment":
            continue
        grouped = any(task.group and task.group == each.group for each in earlier)
        if not grouped and _many(tasks):  # so many things are not deployed by one task
            continue
        for each in earlier:
            if grouped and each.group != task.group:
                continue
            yield Requires(
                each.id,
                task.id,
                "logical",
                0.6,
                f'"{task.title}" deploys what "{each.title}" {"tests" if each.type == "testing" else "builds"}',
                task.source,
            )

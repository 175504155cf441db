"""Names of tasks in a decomposition, resolved to ids.

A source speaks of tasks by its own names: ``depends_on`` may hold an id, a ``source_id`` (``T001``), or the id of a step, which means the task that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import evolve

from ..codec import close_matches, suggestion
from ..errors import Problem
from ..models import DeclaredDependency, Task
from .declared import kinship, parents

__all__ = ["resolve_references"]


def resolve_references(tasks: Sequence[Task]) -> tuple[tuple[Task, ...], list[Problem], list[str]]:
    """The tasks with ids in ``depends_on``, ``verifies`` and ``children``.

    Returns:
        The tasks in the same order; every problem (ids taken twice, names that nobody has, contradictory families), in task order;
        and warnings about declarations that cannot hold.
    """
    problems = _twice(tasks)
    names = _Names(tasks)
    resolved = []
    for task in tasks:
        if not (task.depends_on or task.verifies or task.children):
            resolved.append(task)
            continue
        find = names.finder(task, problems)
        depends_on: dict[str, DeclaredDependency] = {}
        for declared in task.depends_on:
            place = declared.source or task.source
            other = find(declared.task, "depends on", place)
            if other == task.id:
                if declared.task in (task.id, task.source_id):
                    problems.append(Problem(f"task {_called(task)} depends on itself", place, "remove the dependency"))
            elif other is not None:
                depends_on.setdefault(other, evolve(declared, task=other))
        resolved.append(
            evolve(
                task,
                depends_on=tuple(depends_on.values()),
                verifies=_found(task.verifies, "verifies", task, find),
                children=_found(task.children, "has the part", task, find),
            )
        )
    problems += _families(resolved)
    return tuple(resolved), problems, [] if problems else _impossible(resolved)


class _Names:
    """Everything a task may be called, and whom it means."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.ids = {task.id for task in tasks}
        self.others: dict[str, list[str]] = {}
        for task in tasks:
            if task.source_id is not None:
                self.others.setdefault(task.source_id, []).append(task.id)
        steps: dict[str, list[str]] = {}
        for task in tasks:
            for step in task.steps:
                steps.setdefault(step.id, []).append(task.id)
        for name, owners in steps.items():
            self.others.setdefault(name, owners)

    def finder(self, task: Task, problems: list[Problem]) -> Callable[[str, str, str], str | None]:
        """A function ``(name, verb, place) -> id`` that records what it cannot find."""

        def find(name: str, verb: str, place: str) -> str | None:
            if name in self.ids:
                return name
            owners = sorted(set(self.others.get(name, ())))
            if len(owners) == 1:
                return owners[0]
            what = f"task {_called(task)} {verb} {name!r}"
            if owners:
                problems.append(
                    Problem(f"{what}, which is the name of several tasks", place, f"name one of {', '.join(owners)}")
                )
            else:
                known = {*self.ids, *self.others}
                near = known if close_matches(name, known) else self.others or self.ids
                problems.append(Problem(f"{what}, which is no task", place, suggestion(name, near)))
            return None

        return find


def _found(names: Sequence[str], verb: str, task: Task, find: Callable[[str, str, str], str | None]) -> tuple[str, ...]:
    found = (find(name, verb, task.source) for name in names)
    return tuple(dict.fromkeys(other for other in found if other is not None and other != task.id))


def _twice(tasks: Sequence[Task]) -> list[Problem]:
    first: dict[str, Task] = {}
    problems = []
    for task in tasks:
        other = first.setdefault(task.id, task)
        if other is not task:
            also = f" (the other: {other.source})" if other.source else ""
            problems.append(
                Problem(f"the task id {task.id!r} is taken twice{also}", task.source, "give each task its own id")
            )
    return problems


def _families(tasks: Sequence[Task]) -> list[Problem]:
    problems = []
    parent_of: dict[str, str] = {}
    for task in tasks:
        for child in task.children:
            other = parent_of.setdefault(child, task.id)
            if other != task.id:
                problems.append(
                    Problem(
                        f"task {child} is a part of both {other} and {task.id}",
                        task.source,
                        "name it under one of them",
                    )
                )
    for task in tasks:
        current, seen = parent_of.get(task.id), set()
        while current is not None and current not in seen:
            if current == task.id:
                problems.append(Problem(f"task {_called(task)} is a part of itself", task.source, "mend `children`"))
                break
            seen.add(current)
            current = parent_of.get(current)
    return problems


def _impossible(tasks: Sequence[Task]) -> list[str]:
    parent_of = parents(tasks)
    warnings = []
    for task in tasks:
        for declared in task.depends_on:
            if parent_of and kinship(declared.task, task.id, parent_of):
                place = declared.source or task.source
                prefix = f"{place}: " if place else ""
                warnings.append(
                    f"{prefix}task {_called(task)} and {declared.task} are part and whole, which complete together: "
                    "the declared order between them is ignored"
                )
    return warnings


def _called(task: Task) -> str:
    return task.id if task.source_id in (None, task.id) else f"{task.source_id} ({task.id})"

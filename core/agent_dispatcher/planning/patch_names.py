"""Whom does a patch mean? An id wherever it names a task, and everything it says of tasks that are not there or that cannot all be done.

Nothing here depends on how far the run is: that is the subject of :mod:`.patching`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from attrs import evolve

from ..errors import Problem, UsageError
from ..models import DeclaredDependency, ExecutionPlan, PlanPatch, Task, TaskPair, TaskSplit
from .task_names import TaskNames

__all__ = ["resolve_patch"]


def resolve_patch(
    plan: ExecutionPlan, patch: PlanPatch, retired: Collection[str] = ()
) -> tuple[PlanPatch, list[Problem]]:
    """The patch with an id wherever it names a task, and everything it names that is not there."""
    names = _Names(plan, patch, retired)
    find = names.find
    pairs = tuple(
        TaskPair(before=find(each.before, "remove_dependencies"), after=find(each.after, "remove_dependencies"))
        for each in patch.remove_dependencies
    )
    splits = tuple(_resolved_split(each, plan, names) for each in patch.split)
    added = tuple(_resolved_task(each, f"new task {each.id}", find) for each in patch.add)
    edges = tuple(
        evolve(each, before=find(each.before, "add_dependencies"), after=find(each.after, "add_dependencies"))
        for each in patch.add_dependencies
    )
    removed = tuple(dict.fromkeys(find(each, "remove") for each in patch.remove))
    rerouted = {find(name, "reroute"): agent_type for name, agent_type in patch.reroute.items()}
    resolved = evolve(
        patch,
        remove_dependencies=pairs,
        split=splits,
        add=added,
        add_dependencies=edges,
        remove=removed,
        reroute=rerouted,
    )
    problems = names.problems
    if not problems:
        problems = [*_contradictions(resolved), *_not_there(plan, resolved)]
    return resolved, problems


class _Names:
    """Everything a task may be called in a patch, and whom it means; gathers what is wrong with names."""

    def __init__(self, plan: ExecutionPlan, patch: PlanPatch, retired: Collection[str]) -> None:
        self.problems: list[Problem] = []
        known = {task.id for task in plan.tasks}
        own = {task.source_id for task in plan.tasks} - {None}
        for task in patch.new_tasks:
            if task.id in known:
                what = f"the patch brings a task {task.id!r}, and there is one of that name already"
                self.problems.append(Problem(what, remedy="give each new task an id of its own"))
            elif task.id in retired:
                what = f"the patch brings a task {task.id!r}, and a task of that name was removed from this run"
                self.problems.append(Problem(what, remedy="choose another id: what that task did stays in the record"))
            elif task.source_id in own:
                what = (
                    f"the patch brings a task {task.id!r} with the id {task.source_id!r} of another one in the source"
                )
                self.problems.append(Problem(what, remedy="leave out source_id"))
            known.add(task.id)
        self._known: dict[str, str] = {}
        self._known.update((task.source_id, task.id) for task in patch.new_tasks if task.source_id is not None)
        self._known.update((task.id, task.id) for task in (*plan.tasks, *patch.new_tasks))
        self._of_plan = TaskNames(plan)

    def find(self, name: str, where: str) -> str:
        """The id of the task that is meant; the name itself where there is none, with the problem noted."""
        if name in self._known:
            return self._known[name]
        try:
            return self._of_plan.find(name).id
        except UsageError as error:
            self.problems.append(Problem(f"{where}: {error}"))
            return name


def _resolved_split(split: TaskSplit, plan: ExecutionPlan, names: _Names) -> TaskSplit:
    name = names.find(split.task, "split")
    whole = next((task for task in plan.tasks if task.id == name), None)
    parts = tuple(_resolved_task(each, f"part {each.id} of {name}", names.find) for each in split.into)
    if whole is not None:
        tests_something = any(part.verifies for part in parts)
        parts = tuple(
            evolve(
                part,
                type=part.type or whole.type,
                requirements=part.requirements or whole.requirements,
                verifies=part.verifies if tests_something else whole.verifies,
                group=part.group or whole.group,
            )
            for part in parts
        )
    last = tuple(names.find(each, f"the last parts of {name}") for each in split.last)
    return evolve(split, task=name, into=parts, last=last)


def _resolved_task(task: Task, where: str, find: Callable[[str, str], str]) -> Task:
    if not (task.depends_on or task.verifies):
        return task
    return evolve(
        task,
        depends_on=tuple(
            DeclaredDependency(task=find(each.task, where), source=each.source) for each in task.depends_on
        ),
        verifies=tuple(find(each, where) for each in task.verifies),
    )


def _contradictions(patch: PlanPatch) -> Iterable[Problem]:
    """What a patch says about one task that cannot all be done."""
    split = [each.task for each in patch.split]
    for name in sorted({name for name in split if split.count(name) > 1}):
        yield Problem(f"the patch splits {name} twice")
    new = {task.id for task in patch.new_tasks}
    for what, names in (("split", split), ("remove", patch.remove), ("reroute", patch.reroute)):
        for name in names:
            if name in new:
                yield Problem(
                    f"{what} names {name}, which this patch brings itself", remedy="change it where it is brought"
                )
    for name in sorted({*split, *patch.reroute} & {*patch.remove}):
        yield Problem(f"the patch removes {name}, and splits or re-routes it too")
    for name in sorted({*split} & {*patch.reroute}):
        yield Problem(f"the patch splits and re-routes {name}", remedy="say in its parts who is to do them")
    gone = set(patch.remove)
    edges = [(each.before, each.after) for each in patch.add_dependencies]
    edges += [(each.task, task.id) for task in patch.new_tasks for each in task.depends_on]
    edges += [(task.id, each) for task in patch.new_tasks for each in task.verifies]
    for first, second in edges:
        if first == second:
            yield Problem(f"task {first} would wait for itself, or verify itself")
        for name in gone & {first, second}:
            yield Problem(f"the patch removes {name}, and orders it against {second if name == first else first}")
    for task in patch.new_tasks:
        if task.status != "pending" or task.children:
            yield Problem(f"new task {task.id} has a status or children", remedy="a new task is work to be done")
    for each in patch.split:
        strangers = sorted(set(each.last) - {part.id for part in each.into})
        if strangers:
            yield Problem(f"last names {', '.join(strangers)}, which is no part of {each.task}")


def _not_there(plan: ExecutionPlan, patch: PlanPatch) -> Iterable[Problem]:
    known = set(plan.binding_edges()) | {(each.before, each.after) for each in plan.dependencies}
    for pair in patch.remove_dependencies:
        if (pair.before, pair.after) not in known:
            waits = sorted(before for before, after in known if after == pair.after)
            remedy = f"it waits for {', '.join(waits[:10])}" if waits else "it waits for nothing"
            yield Problem(f"{pair.after} does not wait for {pair.before}", remedy=remedy)

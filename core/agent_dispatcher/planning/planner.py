"""Puts a plan together from tasks and their order."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from re import sub
from typing import Any

from attrs import evolve

from ..codec import structure, suggestion
from ..errors import PlanError, Problem
from ..extension.components import Decomposition, Requires
from ..making import maker
from ..models import DEPENDENCY_KINDS, Dependency, Dropped, Exclusion, ExecutionPlan, Reason, Specification, Task
from ._cycles import path_text
from .dependency_resolver import BINDING_THRESHOLD, Resolution
from .execution_graph import ExecutionGraph
from .history import Durations, with_ranges
from .references import resolve_references

__all__ = ["assemble", "make_plan", "plan_tasks"]

#: Reason of an edge that a caller gave without one.
_GIVEN = (Reason(rule="given"),)

_dependency: Callable[..., Dependency] = maker(Dependency)


def make_plan(
    specification: Specification,
    decomposition: Decomposition,
    resolution: Resolution,
    durations: Durations | None = None,
) -> ExecutionPlan:
    """The plan for a specification: the reduced dependencies, gates, phases, critical path and estimates.

    Args:
        durations: what past runs took; the tasks' own estimates stand.

    Raises:
        CycleError: tasks wait for each other (never for what a :class:`DependencyResolver` gave).
    """
    tasks = decomposition.tasks
    warnings = [*decomposition.warnings, *resolution.warnings]
    return assemble(
        specification,
        tasks,
        resolution.dependencies,
        exclusions=resolution.exclusions,
        dropped=resolution.dropped,
        warnings=[*warnings, *_uncovered(specification, tasks)],
        durations=durations,
    )


def assemble(
    specification: Specification,
    tasks: Iterable[Task],
    dependencies: Iterable[Dependency],
    *,
    exclusions: Iterable[Exclusion] = (),
    dropped: Iterable[Dropped] = (),
    warnings: Iterable[str] = (),
    durations: Durations | None = None,
) -> ExecutionPlan:
    """A plan from the full set of dependencies; everything that follows from it is computed.

    Args:
        dependencies: all of them, those included that others imply.
        dropped: what was dropped before; the redundant ones are added.
        durations: what past runs took: time and cost get a range by it.

    Raises:
        CycleError, GraphError: see :class:`ExecutionGraph`.
    """
    with _collector_paused():
        plan, graph = _assemble(
            specification, tuple(tasks), dependencies, tuple(exclusions), tuple(dropped), tuple(warnings)
        )
        return plan if durations is None else evolve(plan, estimates=with_ranges(plan.estimates, graph, durations))


def _assemble(
    specification: Specification,
    tasks: tuple[Task, ...],
    dependencies: Iterable[Dependency],
    exclusions: tuple[Exclusion, ...],
    dropped: tuple[Dropped, ...],
    warnings: tuple[str, ...],
) -> tuple[ExecutionPlan, ExecutionGraph]:
    graph = ExecutionGraph(tasks, dependencies, exclusions=exclusions)
    kept, implied = graph.reduced()
    left_out = [
        *dropped,
        *(
            Dropped(before=each.before, after=each.after, kind="redundant", why=path_text(path), reasons=each.reasons)
            for each, path in implied
        ),
    ]
    left_out.sort(key=lambda item: (item.before, item.after, item.kind))
    plan = ExecutionPlan(
        specification=specification,
        tasks=tasks,
        dependencies=tuple(kept),
        exclusions=exclusions,
        gates=graph.gates,
        dropped=tuple(left_out),
        phases=graph.phases(),
        critical_path=graph.critical_path(),
        estimates=graph.estimates(),
        warnings=(*warnings, *graph.warnings, *_unchecked(graph)),
    )
    return plan, graph


def _unchecked(graph: ExecutionGraph) -> Iterator[str]:
    if graph.unchecked:
        yield (
            f"{graph.unchecked} dependencies were not looked at for whether others imply them, as their ends lie too far apart "
            "in so large a plan: they stay in it, which changes no order"
        )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No cyclic garbage collection inside: a large plan is many values and no cycles, and looking for some costs a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _uncovered(specification: Specification, tasks: Sequence[Task]) -> list[str]:
    """A warning for each requirement that no task serves, if tasks say at all which they serve."""
    served = {requirement for task in tasks for requirement in task.requirements}
    if not served:
        return []
    return [
        f"{requirement.source + ': ' if requirement.source else ''}no task serves the requirement {requirement.id}"
        for requirement in specification.requirements
        if requirement.id not in served
    ]


def plan_tasks(
    tasks: Iterable[Task | Mapping[str, Any]], dependencies: Iterable[Any] = (), *, title: str = "tasks"
) -> ExecutionPlan:
    """A plan from a graph of the caller's own.

    Args:
        tasks: tasks, or dicts with the keys of a task in the plan JSON, of which only ``id`` is needed.
        dependencies: :class:`Dependency` or :class:`Requires` values, or pairs ``(before, after)``; by id or ``source_id``.
            What a task's ``depends_on`` names is added to them.

    Raises:
        PlanError: a task or dependency makes no sense; every problem.
        CycleError: tasks wait for each other.
    """
    values = tuple([task if isinstance(task, Task) else _from_dict(task) for task in tasks])
    values, problems, warnings = resolve_references(values)
    edges, faults = _edges(values, dependencies)
    if problems or faults:
        raise PlanError([*problems, *faults])
    slug = sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "tasks"
    digest = sha256()
    for task in values:
        digest.update(f"{task.id}\0{task.title}\0{task.description}\0".encode())
    specification = Specification(id=slug, title=title, format="tasks", digest=f"sha256:{digest.hexdigest()}")
    return assemble(specification, values, edges, warnings=warnings)


def _edges(tasks: tuple[Task, ...], given: Iterable[Any]) -> tuple[list[Dependency], list[Problem]]:
    edges: list[Dependency] = []
    problems: list[Problem] = []
    same = {task.id: task.id for task in tasks}  # a plan holds the text of an id once, however often it was given
    for item in given:
        if isinstance(item, Dependency):
            edges.append(item)
        elif isinstance(item, Requires):
            edges.append(_required(item, problems))
        elif isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2:
            before, after = item
            edges.append(_dependency(same.get(before, before), same.get(after, after), "binding", _GIVEN))
        else:
            problems.append(
                Problem(f"{item!r} is no dependency", remedy="give (before, after) pairs or Dependency values")
            )
    ids = {task.id for task in tasks}
    if not ids.issuperset([each.before for each in edges]) or not ids.issuperset([each.after for each in edges]):
        names = {task.source_id: task.id for task in tasks if task.source_id is not None}
        edges = [_renamed(edge, names, ids, problems) for edge in edges]
    for task in tasks:
        for declared in task.depends_on:
            reason = Reason(rule="given", evidence=f"{task.id} declares it", source=declared.source)
            edges.append(Dependency(before=declared.task, after=task.id, reasons=(reason,)))
    return edges, problems


def _renamed(edge: Dependency, names: Mapping[str, str], ids: set[str], problems: list[Problem]) -> Dependency:
    """The edge between ids, where it names tasks as their source does."""
    if edge.before in ids and edge.after in ids:
        return edge
    before = edge.before if edge.before in ids else names.get(edge.before, edge.before)
    after = edge.after if edge.after in ids else names.get(edge.after, edge.after)
    problems += [
        Problem(
            f"the dependency {before} → {after} names {name!r}, which is no task", remedy=suggestion(str(name), ids)
        )
        for name in (before, after)
        if name not in ids
    ]
    return Dependency(before=before, after=after, strength=edge.strength, reasons=edge.reasons)


def _required(item: Requires, problems: list[Problem]) -> Dependency:
    if item.kind not in DEPENDENCY_KINDS or not 0 < item.confidence <= 1:
        problems.append(
            Problem(
                f"the dependency {item.before} → {item.after} has kind {item.kind!r} and confidence {item.confidence!r}",
                remedy=f"kinds are {', '.join(DEPENDENCY_KINDS)}; confidence is above 0 and at most 1",
            )
        )
        return Dependency(before=item.before, after=item.after)
    strength = "binding" if item.confidence >= BINDING_THRESHOLD else "advisory"
    reason = Reason(
        rule="given", kind=item.kind, confidence=item.confidence, evidence=item.evidence, source=item.source
    )
    return Dependency(before=item.before, after=item.after, strength=strength, reasons=(reason,))


def _from_dict(data: Mapping[str, Any]) -> Task:
    data = dict(data)
    if "id" in data:
        data.setdefault("title", data["id"])
    if isinstance(data.get("depends_on"), list | tuple):
        data["depends_on"] = [{"task": each} if isinstance(each, str) else each for each in data["depends_on"]]
    return structure(data, Task, where=f"task {data.get('id', '')}".strip(), error=PlanError)

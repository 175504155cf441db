"""What a changed specification changes: two plans compared task by task, edge by edge and requirement by requirement.

Orders are compared, not drawings: an edge that only became redundant, or stopped being so, has not changed what waits for what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ..models import Dependency, Dropped, Estimates, ExecutionPlan, Reason, Requirement, Task
from .reach import reached
from .task_matching import match_tasks

__all__ = ["FORMAT", "VERSION", "ChangedTask", "Edge", "PlanDiff", "compare", "diff_to_json"]

FORMAT = "agent-dispatcher/diff"
VERSION = 1

Pair = tuple[str, str]
AnyEdge = Dependency | Dropped

#: Fields that say what is to be done. Ids, places and order follow from them or say nothing.
_FIELDS = ("title", "description", "type", "agent_type", "status", "requirements", "produces", "consumes", "group")
_FIGURES = ("complexity", "priority", "estimate_s")


@frozen(kw_only=True)
class ChangedTask:
    """A task that is in both plans: ``fields`` names what differs."""

    before: Task
    after: Task
    fields: tuple[str, ...]


@frozen(kw_only=True)
class Edge:
    """An order that only one plan has.

    Attributes:
        before, after: tasks of that plan.
        implied: whether the tasks stand in this order in the other plan, too, by another path.
    """

    before: Task
    after: Task
    strength: str
    reasons: tuple[Reason, ...] = ()
    implied: bool = False


@frozen(kw_only=True)
class PlanDiff:
    """From one plan to another.

    Attributes:
        added, removed, changed: in the order of their plan.
        kept: number of tasks that are the same.
        edges_added, edges_removed: binding and advisory ones between tasks, sorted by ids.
        requirements_added, requirements_removed, requirements_changed: the latter as ``(before, after)``.
        affected: ids of requirements whose text or whose tasks changed, in the order of the newer plan.
        path_before, path_after: tasks of the critical path.
    """

    added: tuple[Task, ...] = ()
    removed: tuple[Task, ...] = ()
    changed: tuple[ChangedTask, ...] = ()
    kept: int = 0
    edges_added: tuple[Edge, ...] = ()
    edges_removed: tuple[Edge, ...] = ()
    requirements_added: tuple[Requirement, ...] = ()
    requirements_removed: tuple[Requirement, ...] = ()
    requirements_changed: tuple[tuple[Requirement, Requirement], ...] = ()
    affected: tuple[str, ...] = ()
    path_before: tuple[Task, ...] = ()
    path_after: tuple[Task, ...] = ()
    estimates_before: Estimates
    estimates_after: Estimates

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        differs = (
            self.added, self.removed, self.changed, self.edges_added, self.edges_removed,
            self.requirements_added, self.requirements_removed, self.requirements_changed,
        )  # fmt: skip
        return not any(differs) and self.estimates_before == self.estimates_after


def compare(before: ExecutionPlan, after: ExecutionPlan) -> PlanDiff:
    """What differs between an older plan and a newer one."""
    matched = match_tasks(before.tasks, after.tasks)
    old, new = {task.id: task for task in before.tasks}, {task.id: task for task in after.tasks}
    newly = set(matched.values())
    pairs = [(task, new[matched[task.id]]) for task in before.tasks if task.id in matched]
    changes = {late.id: _changed(early, late, matched) for early, late in pairs}
    changed = [
        ChangedTask(before=early, after=late, fields=changes[late.id]) for early, late in pairs if changes[late.id]
    ]
    added = tuple(task for task in after.tasks if task.id not in newly)
    removed = tuple(task for task in before.tasks if task.id not in matched)
    requirements = _requirements(before, after)
    touched = {each for task in (*added, *removed) for each in task.requirements}
    touched |= {each for pair in changed for task in (pair.before, pair.after) for each in task.requirements}
    touched |= {each.id for each in (*requirements[0], *requirements[1])} | {late.id for _, late in requirements[2]}
    everything = {each.id: None for plan in (after, before) for each in plan.specification.requirements}
    edges_added, edges_removed = _edges(before, after, matched)
    return PlanDiff(
        added=added,
        removed=removed,
        changed=tuple(changed),
        kept=len(pairs) - len(changed),
        edges_added=edges_added,
        edges_removed=edges_removed,
        requirements_added=requirements[0],
        requirements_removed=requirements[1],
        requirements_changed=requirements[2],
        affected=tuple(each for each in everything if each in touched),
        path_before=tuple(old[each] for each in before.critical_path),
        path_after=tuple(new[each] for each in after.critical_path),
        estimates_before=before.estimates,
        estimates_after=after.estimates,
    )


def _changed(before: Task, after: Task, matched: Mapping[str, str]) -> tuple[str, ...]:
    found = [name for name in (*_FIELDS, *_FIGURES) if getattr(before, name) != getattr(after, name)]
    for name in ("verifies", "children"):
        if [matched.get(each, each) for each in getattr(before, name)] != list(getattr(after, name)):
            found.append(name)
    if [(step.title, step.status) for step in before.steps] != [(step.title, step.status) for step in after.steps]:
        found.append("steps")
    return tuple(found)


def _requirements(
    before: ExecutionPlan, after: ExecutionPlan
) -> tuple[tuple[Requirement, ...], tuple[Requirement, ...], tuple[tuple[Requirement, Requirement], ...]]:
    old = {each.id: each for each in before.specification.requirements}
    new = {each.id: each for each in after.specification.requirements}
    changed = tuple(
        (old[name], each)
        for name, each in new.items()
        if name in old and (old[name].text, old[name].priority) != (each.text, each.priority)
    )
    return (
        tuple(each for name, each in new.items() if name not in old),
        tuple(each for name, each in old.items() if name not in new),
        changed,
    )


def _edges(
    before: ExecutionPlan, after: ExecutionPlan, matched: Mapping[str, str]
) -> tuple[tuple[Edge, ...], tuple[Edge, ...]]:
    old, new = _full(before), _full(after)
    back = {late: early for early, late in matched.items()}
    added = [edge for edge in new if _strength(_there(edge, old, back)) != _strength(new[edge])]
    removed = [edge for edge in old if _strength(_there(edge, new, matched)) != _strength(old[edge])]
    return _told(added, new, after, before, back), _told(removed, old, before, after, matched)


def _there(edge: Pair, edges: Mapping[Pair, AnyEdge], names: Mapping[str, str]) -> AnyEdge | None:
    """The same edge in the other plan."""
    before, after = names.get(edge[0]), names.get(edge[1])
    return edges.get((before, after)) if before is not None and after is not None else None


def _full(plan: ExecutionPlan) -> dict[Pair, AnyEdge]:
    """The full binding set and the advisory edges, sorted by ids."""
    edges: list[AnyEdge] = [*(each for each in plan.dropped if each.kind == "redundant"), *plan.dependencies]
    return {(each.before, each.after): each for each in sorted(edges, key=lambda each: (each.before, each.after))}


def _strength(edge: AnyEdge | None) -> str:
    return "" if edge is None else edge.strength if isinstance(edge, Dependency) else "binding"


def _told(
    edges: Sequence[Pair],
    found: Mapping[Pair, AnyEdge],
    plan: ExecutionPlan,
    other: ExecutionPlan,
    names: Mapping[str, str],
) -> tuple[Edge, ...]:
    """The edges as they are told; ``names`` are those of the other plan."""
    tasks = {task.id: task for task in plan.tasks}
    following: dict[str, list[str]] = {}
    for early, late in other.binding_edges():
        following.setdefault(early, []).append(late)
    reach: dict[str, Collection[str]] = {}
    told = []
    for edge in edges:
        each = found[edge]
        start, goal = names.get(each.before), names.get(each.after)
        implied = False
        if start is not None and goal is not None and _strength(each) == "binding":
            if start not in reach:
                reach[start] = reached(start, following)
            implied = goal in reach[start]
        told.append(
            Edge(
                before=tasks[each.before],
                after=tasks[each.after],
                strength=_strength(each),
                reasons=each.reasons,
                implied=implied,
            )
        )
    return tuple(told)


def diff_to_json(diff: PlanDiff) -> dict[str, Any]:
    """The comparison as dicts, lists and scalars, keys in the published order."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "same": diff.same,
        "tasks": {
            "kept": diff.kept,
            "added": [_brief(each) for each in diff.added],
            "removed": [_brief(each) for each in diff.removed],
            "changed": [
                {"before": _brief(each.before), "after": _brief(each.after), "fields": list(each.fields)}
                for each in diff.changed
            ],
        },
        "dependencies": {
            "added": [_edge(each) for each in diff.edges_added],
            "removed": [_edge(each) for each in diff.edges_removed],
        },
        "requirements": {
            "added": [each.id for each in diff.requirements_added],
            "removed": [each.id for each in diff.requirements_removed],
            "changed": [
                {"id": late.id, "before": early.text, "after": late.text} for early, late in diff.requirements_changed
            ],
            "affected": list(diff.affected),
        },
        "critical_path": {"before": _ids(diff.path_before), "after": _ids(diff.path_after)},
        "estimates": {"before": _estimates(diff.estimates_before), "after": _estimates(diff.estimates_after)},
    }


def _ids(tasks: Iterable[Task]) -> list[str]:
    return [task.id for task in tasks]


def _brief(task: Task) -> dict[str, Any]:
    return {"id": task.id, "source_id": task.source_id, "title": task.title, "source": task.source}


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "before": edge.before.id,
        "after": edge.after.id,
        "strength": edge.strength,
        "implied": edge.implied,
        "reasons": [
            {
                "rule": each.rule,
                "kind": each.kind,
                "confidence": each.confidence,
                "evidence": each.evidence,
                "source": each.source,
            }
            for each in edge.reasons
        ],
    }


def _estimates(estimates: Estimates) -> dict[str, Any]:
    return {
        "work_s": estimates.work_s,
        "span_s": estimates.span_s,
        "max_speedup": estimates.max_speedup,
        "recommended_workers": estimates.recommended_workers,
        "cost_usd": estimates.cost_usd,
    }

"""A plan as JSON (format ``agent-dispatcher/plan``, version 1) and back. Other tools depend on these keys and their order.

Phases, critical path, gates and estimates follow from tasks and dependencies: they are written for readers and computed again when a plan is read,
so that an edited plan is consistent. A redundant dependency is restored when the path that implied it was edited away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, field, frozen

from ..codec import structure, suggestion
from ..errors import PlanError, Problem
from ..models import (
    ArtifactRef,
    Dependency,
    Dropped,
    Estimates,
    Exclusion,
    ExecutionPlan,
    Gate,
    ModelUse,
    PlanningCall,
    Reason,
    Requirement,
    Specification,
    Task,
)
from .history import Durations
from .planner import assemble
from .references import resolve_references

__all__ = ["FORMAT", "VERSION", "plan_as_written", "plan_from_json", "plan_to_json"]

FORMAT = "agent-dispatcher/plan"
VERSION = 1


def plan_to_json(plan: ExecutionPlan, plan_path: Path | None = None) -> dict[str, Any]:
    """The plan as dicts, lists and scalars, keys in the published order.

    Args:
        plan_path: where the JSON will be written: the specification's path is made relative to its folder. As it is when ``None``.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "specification": _specification(plan.specification, plan_path),
        "tasks": [_task(task) for task in plan.tasks],
        "dependencies": [
            {
                "before": each.before,
                "after": each.after,
                "strength": each.strength,
                "reasons": _reasons(each.reasons),
            }
            for each in plan.dependencies
        ],
        "exclusions": [
            {"tasks": list(each.tasks), "resource": each.resource, "reasons": _reasons(each.reasons)}
            for each in plan.exclusions
        ],
        "gates": [{"test": each.test, "subject": each.subject} for each in plan.gates],
        "dropped": [
            {
                "before": each.before,
                "after": each.after,
                "kind": each.kind,
                "why": each.why,
                "reasons": _reasons(each.reasons),
            }
            for each in plan.dropped
        ],
        "phases": [list(phase) for phase in plan.phases],
        "critical_path": list(plan.critical_path),
        "estimates": {
            "work_s": plan.estimates.work_s,
            "span_s": plan.estimates.span_s,
            "max_speedup": plan.estimates.max_speedup,
            "recommended_workers": plan.estimates.recommended_workers,
            "cost_usd": plan.estimates.cost_usd,
            "width": plan.estimates.width,
            "work_range_s": _range(plan.estimates.work_range_s),
            "span_range_s": _range(plan.estimates.span_range_s),
            "cost_range_usd": _range(plan.estimates.cost_range_usd),
        },
        "warnings": list(dict.fromkeys([*plan.specification.warnings, *plan.warnings])),
        "planning_usage": [asdict(each) for each in plan.planning_usage],
        **({"planning_calls": [_call(each) for each in plan.planning_calls]} if plan.planning_calls else {}),
        **({"said": dict(plan.said)} if plan.said else {}),
    }


def _specification(specification: Specification, plan_path: Path | None) -> dict[str, Any]:
    path = specification.path
    if path and plan_path is not None:
        path = Path(os.path.relpath(Path(path).absolute(), plan_path.absolute().parent)).as_posix()
    return {
        "id": specification.id,
        "title": specification.title,
        "format": specification.format,
        "path": path,
        "digest": specification.digest,
        "requirements": [
            {"id": each.id, "text": each.text, "priority": each.priority, "source": each.source}
            for each in specification.requirements
        ],
    }


def _call(call: PlanningCall) -> dict[str, Any]:
    return {**asdict(call), "about": list(call.about)}


def _range(ends: tuple[float, float] | None) -> list[float] | None:
    return list(ends) if ends is not None else None


def _task(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "source_id": task.source_id,
        "title": task.title,
        "description": task.description,
        "type": task.type,
        "agent_type": task.agent_type,
        "status": task.status,
        "requirements": list(task.requirements),
        "depends_on": [{"task": each.task, "source": each.source} for each in task.depends_on],
        "verifies": list(task.verifies),
        "produces": _artifacts(task.produces),
        "consumes": _artifacts(task.consumes),
        "group": task.group,
        "steps": [
            {"id": each.id, "title": each.title, "depends_on": list(each.depends_on), "status": each.status}
            for each in task.steps
        ],
        "children": list(task.children),
        "complexity": task.complexity,
        "priority": task.priority,
        "estimate_s": task.estimate_s,
        "source": task.source,
        **({"needs": [asdict(each) for each in task.needs]} if task.needs else {}),
        **({"fallback": list(task.fallback)} if task.fallback else {}),
        **({"optional": True} if task.optional else {}),
    }


def _artifacts(artifacts: tuple[ArtifactRef, ...]) -> list[dict[str, str]]:
    return [{"type": each.type, "name": each.name} for each in artifacts]


def _reasons(reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    return [
        {
            "rule": each.rule,
            "kind": each.kind,
            "confidence": each.confidence,
            "evidence": each.evidence,
            "source": each.source,
        }
        for each in reasons
    ]


@frozen(kw_only=True)
class _Requirement:
    id: str
    text: str = ""
    priority: str = "medium"
    source: str = ""


@frozen(kw_only=True)
class _Summary:
    """The specification as a plan file has it."""

    id: str
    title: str
    path: str
    digest: str
    format: str = ""
    requirements: tuple[_Requirement, ...] = ()


@frozen(kw_only=True)
class _Document:
    """A plan file."""

    format: str
    version: int
    specification: _Summary
    tasks: tuple[Task, ...]
    dependencies: tuple[Dependency, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    gates: tuple[Gate, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    phases: tuple[tuple[str, ...], ...] = ()
    critical_path: tuple[str, ...] = ()
    estimates: Estimates = field(factory=Estimates)
    warnings: tuple[str, ...] = ()
    planning_usage: tuple[ModelUse, ...] = ()
    planning_calls: tuple[PlanningCall, ...] = ()
    said: Mapping[str, str] = field(factory=dict)


def plan_from_json(
    document: object,
    *,
    plan_path: Path | None = None,
    load_specification: Callable[[Path], Specification],
    durations: Durations | None = None,
) -> ExecutionPlan:
    """The plan in a file that :func:`plan_to_json` gave, maybe edited since.

    Args:
        document: what was read from JSON.
        plan_path: the file it was read from; the specification's path is relative to its folder (to the current one when ``None``).
        load_specification: reads the specification again; called with a path.
        durations: what past runs took, for the ranges of the estimates.

    Raises:
        PlanError: it is not a plan of this version, has keys or values that do not belong there, names tasks it does not have, or was made
            from another specification than the one that now stands at its path. Every problem is named.
        CycleError: the edited dependencies form a cycle.
    """
    where = str(plan_path) if plan_path is not None else "the plan"
    read, tasks = _checked(document, where)
    specification = _reread(read.specification, plan_path, where, load_specification)
    return _assembled(read, tasks, specification, durations)


def plan_as_written(document: object, *, plan_path: Path | None = None) -> ExecutionPlan:
    """The plan in a file as it was when it was made, to be looked at: its specification is not read again, so it may have changed or be gone.

    Of the specification only the summary in the file is known. Arguments and errors otherwise as in :func:`plan_from_json`.
    """
    where = str(plan_path) if plan_path is not None else "the plan"
    read, tasks = _checked(document, where)
    summary = read.specification
    path = summary.path
    if path and plan_path is not None:
        path = os.path.normpath(plan_path.absolute().parent / path)
    specification = Specification(
        id=summary.id,
        title=summary.title,
        format=summary.format,
        path=path,
        digest=summary.digest,
        requirements=tuple(
            Requirement(id=each.id, text=each.text, priority=each.priority, source=each.source)
            for each in summary.requirements
        ),
    )
    return _assembled(read, tasks, specification)


def _checked(document: object, where: str) -> tuple[_Document, tuple[Task, ...]]:
    """The document, and its tasks with references resolved."""
    _check_version(document, where)
    read = structure(document, _Document, where=where, error=PlanError)
    tasks, problems, _ = resolve_references(read.tasks)
    problems = [*problems, *_unknown_names(read, {task.id for task in tasks})]
    if problems:
        raise PlanError(problems, f"{where}: the tasks of this plan do not fit together:")
    return read, tasks


def _assembled(
    read: _Document, tasks: tuple[Task, ...], specification: Specification, durations: Durations | None = None
) -> ExecutionPlan:
    dependencies = [
        *read.dependencies,
        *(
            Dependency(before=each.before, after=each.after, reasons=each.reasons)
            for each in read.dropped
            if each.kind == "redundant"
        ),
    ]
    plan = assemble(
        specification,
        tasks,
        dependencies,
        exclusions=read.exclusions,
        dropped=[each for each in read.dropped if each.kind != "redundant"],
        warnings=read.warnings,
        durations=durations,
    )
    told = frozenset(specification.warnings)
    return evolve(
        plan,
        warnings=tuple(each for each in dict.fromkeys(plan.warnings) if each not in told),
        planning_usage=read.planning_usage,
        planning_calls=read.planning_calls,
        said=read.said,
    )


def _check_version(document: object, where: str) -> None:
    """Say it in one sentence when it is no plan at all, rather than complain about its keys."""
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise PlanError(Problem(f'this is not a plan: its "format" is not "{FORMAT}"', where))
    if document.get("version") != VERSION:
        raise PlanError(
            Problem(
                f"this plan has version {document.get('version')!r}, only version {VERSION} can be read",
                where,
                "make it again with `agent-dispatcher plan`",
            )
        )


def _unknown_names(read: _Document, ids: set[str]) -> list[Problem]:
    edges = [("dependencies", index, each.before, each.after) for index, each in enumerate(read.dependencies)]
    edges += [
        ("dropped", i, each.before, each.after) for i, each in enumerate(read.dropped) if each.kind == "redundant"
    ]
    named = [(f"{key}[{index}]", name) for key, index, before, after in edges for name in (before, after)]
    named += [(f"exclusions[{i}]", name) for i, each in enumerate(read.exclusions) for name in each.tasks]
    return [
        Problem(f"{key} names {name!r}, which is none of the plan's tasks", "", suggestion(name, ids))
        for key, name in named
        if name not in ids
    ]


def _reread(
    summary: _Summary,
    plan_path: Path | None,
    where: str,
    load_specification: Callable[[Path], Specification],
) -> Specification:
    if not summary.path:
        raise PlanError(
            Problem(
                "the plan does not say where its specification is, so it cannot be read again",
                where,
                "plan from a file, or carry the plan out from Python without writing it",
            )
        )
    path = (plan_path.absolute().parent if plan_path is not None else Path.cwd()) / summary.path
    path = Path(os.path.normpath(path))
    if not path.exists():
        raise PlanError(
            Problem(
                f"the specification {path} does not exist",
                where,
                'mend "specification.path", which is relative to the plan file',
            )
        )
    specification = load_specification(path)
    if specification.digest != summary.digest:
        raise PlanError(
            Problem(
                f"the specification {path} has changed since the plan was made "
                f"({specification.digest[:19]}…, the plan has {summary.digest[:19]}…)",
                where,
                "plan it again with `agent-dispatcher plan`",
            )
        )
    return specification

"""A plan as ``tasks.json`` (tagged), with the requirements in ``prd.md`` beside it, where Task Master's own projects have them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent_dispatcher.models import ExecutionPlan, Task

from ..rendering import flat, names_for, origin, waits
from .tags import DEFAULT_TAG

__all__ = ["render_plan"]

_NUMBER = re.compile(r"[1-9]\d{0,8}")
#: Requirements that the reader finds in a document again.
_LABEL = re.compile(r"(?:FR|NFR|REQ|SR|BR|UR|US)-?\d+(?:\.\d+)*")
_WORDS = {
    "completed": "done",
    "in_progress": "in-progress",
    "skipped": "deferred",
    "cancelled": "cancelled",
    "blocked": "blocked",
}
_CATEGORIES = {
    "research": "research",
    "analysis": "design",
    "code_writing": "development",
    "testing": "testing",
    "documentation": "documentation",
    "review": "review",
}


def render_plan(plan: ExecutionPlan) -> dict[str, str]:
    """``tasks.json``, and ``prd.md`` when there are requirements."""
    names = names_for(plan.tasks, _NUMBER, str)
    labels = _labels(plan)
    before = waits(plan, families=False)
    tasks = [_task(task, names, before[task.id], labels) for task in plan.tasks]
    document = {DEFAULT_TAG: {"tasks": tasks, "metadata": {"description": origin(plan)}}}
    files = {"tasks.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"}
    if labels:
        files["prd.md"] = _requirements(plan, labels)
    return files


def _labels(plan: ExecutionPlan) -> dict[str, str]:
    """Requirement to the label it is found by: its own id, or a new one."""
    requirements = plan.specification.requirements
    kept = {each.id for each in requirements if _LABEL.fullmatch(each.id)}
    labels, number = {}, 0
    for each in requirements:
        label = each.id
        if label not in kept:
            number += 1
            while f"REQ-{number}" in kept:
                number += 1
            label = f"REQ-{number}"
        labels[each.id] = label
    return labels


def _task(task: Task, names: Mapping[str, str], before: Sequence[str], labels: Mapping[str, str]) -> dict[str, Any]:
    served = [labels[name] for name in task.requirements if name in labels]
    found: dict[str, Any] = {
        "id": int(names[task.id]),
        "title": flat(task.title) or f"Task {names[task.id]}",
        "description": task.description.strip(),
        "details": f"Serves {', '.join(served)}." if served else "",
        "testStrategy": "",
        "status": _WORDS.get(task.status, "pending"),
        "priority": _priority(task.priority),
        "dependencies": [int(names[each]) for each in before],
        "complexity": min(10, task.complexity),
        "category": _CATEGORIES.get(task.type),
        "relevantFiles": _files(task),
        "subtasks": _subtasks(task),
    }
    return {key: value for key, value in found.items() if value is not None}


def _priority(number: int) -> str:
    if number > 0:
        return "critical" if number > 1 else "high"
    return "low" if number else "medium"


def _files(task: Task) -> list[dict[str, str]]:
    """What is made, changed (both made and needed), or only looked at."""
    produced, consumed = (
        {each.name for each in refs if each.type == "path"} for refs in (task.produces, task.consumes)
    )
    names = dict.fromkeys(each.name for each in (*task.produces, *task.consumes) if each.type == "path")

    def action(name: str) -> str:
        if name in produced:
            return "modify" if name in consumed else "create"
        return "reference"

    return [{"path": name, "description": "", "action": action(name)} for name in names]


def _subtasks(task: Task) -> list[dict[str, Any]]:
    numbers = {step.id: number for number, step in enumerate(task.steps, 1)}
    return [
        {
            "id": number,
            "title": flat(step.title),
            "description": "",
            "status": _WORDS.get(step.status, "pending"),
            "dependencies": [numbers[name] for name in step.depends_on if numbers.get(name, number) != number],
        }
        for number, step in enumerate(task.steps, 1)
    ]


def _requirements(plan: ExecutionPlan, labels: Mapping[str, str]) -> str:
    title, summary = flat(plan.specification.title), flat(plan.specification.summary)
    lines = [f"<!-- {origin(plan).replace('--', '- -').replace('>', '')} -->", "", f"# {title}", ""]
    lines += [summary, ""] if summary else []
    lines += ["## Requirements", ""]
    lines += [f"- {labels[each.id]}: {flat(each.text) or each.id}" for each in plan.specification.requirements]
    return "\n".join(lines) + "\n"

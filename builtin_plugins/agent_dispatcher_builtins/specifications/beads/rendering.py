"""A plan as ``issues.jsonl``, one issue a line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent_dispatcher.models import ExecutionPlan, Requirement, Task

from ..native.prose import slug
from ..rendering import flat, names_for, waits

__all__ = ["render_plan"]

_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:-[a-zA-Z0-9_]+)*-[a-z0-9]+(?:\.\d+)*")
_WORDS = {
    "completed": "closed",
    "in_progress": "in_progress",
    "blocked": "blocked",
    "skipped": "deferred",
    "cancelled": "deferred",
}
#: Issue types that say what sort of work it is.
_TYPES = {
    "debugging": "bug",
    "research": "research",
    "analysis": "analysis",
    "documentation": "docs",
    "testing": "test",
    "review": "review",
    "refactoring": "refactor",
    "deployment": "deployment",
}


def render_plan(plan: ExecutionPlan) -> dict[str, str]:
    """``issues.jsonl``. The format has no comments, so nothing in it says where it came from."""
    prefix = slug(plan.specification.title)[:20].strip("-")
    names = names_for(plan.tasks, _ID, lambda number: f"{prefix}-{number}")
    before = waits(plan, families=True)
    parent = {child: task.id for task in plan.tasks for child in task.children}
    requirements = {each.id: each for each in plan.specification.requirements}
    lines = []
    for task in plan.tasks:
        name = names[task.id]
        links = [_link(name, names[each], "blocks") for each in before[task.id]]
        if task.id in parent:
            links.append(_link(name, names[parent[task.id]], "parent-child"))
        served = [requirements[each] for each in task.requirements if each in requirements]
        lines.append(json.dumps(_issue(task, name, links, served), ensure_ascii=False))
    return {"issues.jsonl": "\n".join(lines) + "\n"}


def _issue(
    task: Task, name: str, links: Sequence[Mapping[str, str]], requirements: Sequence[Requirement]
) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "id": name,
        "title": flat(task.title) or name,
        "description": task.description.strip(),
        "acceptance_criteria": _criteria(name, task, requirements),
        "status": _WORDS.get(task.status, "open"),
        "priority": min(4, max(0, 2 - task.priority)),
        "issue_type": "epic" if task.children else _TYPES.get(task.type, "task"),
        "dependencies": list(links),
    }
    return {key: value for key, value in issue.items() if value not in ("", [])}


def _link(after: str, before: str, kind: str) -> dict[str, str]:
    return {"issue_id": after, "depends_on_id": before, "type": kind}


def _criteria(name: str, task: Task, requirements: Sequence[Requirement]) -> str:
    """The requirements that a task serves. One that was made of an issue's own criteria goes back to that issue alone."""
    lines = []
    for each in requirements:
        if each.id == f"AC-{name}":
            lines.append(flat(each.text))
        elif each.id != f"AC-{task.source_id}" and not each.id.startswith("AC-"):
            lines.append(f"- {each.id}: {flat(each.text)}")
    return "\n".join(lines)

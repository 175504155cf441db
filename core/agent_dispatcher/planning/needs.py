"""What tasks need of the resources that the configuration names, and whether there is so much of it at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..codec import suggestion
from ..errors import Problem
from ..models import Task

__all__ = ["needs_of", "shortages"]


def needs_of(task: Task, by_type: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Resource to how much of it the task needs; what it says itself is stronger than what its type says.

    Args:
        by_type: task type to what its tasks need.
    """
    own = {each.resource: each.amount for each in task.needs}
    return {**by_type[task.type], **own} if task.type in by_type else own


def shortages(
    tasks: Iterable[Task], resources: Mapping[str, int], by_type: Mapping[str, Mapping[str, int]]
) -> list[Problem]:
    """Every task that would wait for ever, because it needs more of a resource than there is."""
    found = []
    for task in tasks:
        if task.children or task.status != "pending":
            continue
        for name, amount in sorted(needs_of(task, by_type).items()):
            if name not in resources:
                what = f"task {task.id} ({task.title}) needs {amount} of {name!r}, and there is no such resource"
                remedy = f"{suggestion(name, resources)}; or say in [resources] how much of it there is"
                found.append(Problem(what, task.source, remedy))
            elif amount > resources[name]:
                what = f"task {task.id} ({task.title}) needs {amount} of {name!r}, and there are only {resources[name]}"
                found.append(Problem(what, task.source, "let it need less, or raise the number in [resources]"))
    return found

"""Which of two tasks comes first, directly or by way of others."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

from agent_dispatcher.models import ExecutionPlan

__all__ = ["closure", "ordered"]

Node = TypeVar("Node", bound=Hashable)


def closure(edges: Iterable[tuple[Node, Node]]) -> set[tuple[Node, Node]]:
    """All pairs that the edges order."""
    after: dict[Node, set[Node]] = {}
    for before, behind in edges:
        after.setdefault(before, set()).add(behind)
    found = set()
    for start in after:
        waiting, seen = [start], set[Node]()
        while waiting:
            new = after.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        found |= {(start, each) for each in seen}
    return found


def ordered(plan: ExecutionPlan, *, hints: bool = False) -> set[tuple[str, str]]:
    """All pairs that a plan orders for sure (or, with ``hints``, at all), under the names that their source has for them."""
    name = {task.id: task.source_id or task.title for task in plan.tasks}
    return closure(
        (name[each.before], name[each.after]) for each in plan.dependencies if hints or each.strength == "binding"
    )

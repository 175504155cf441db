"""Which tasks come before which: in a plan, and in a specification that was read, so that the two can be compared.

A parent completes with its children, so each of them comes before it, in both::

    children ──▶ parent ──▶ what waits for the parent
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

from attrs import frozen

from ..models import ExecutionPlan, Specification, Task
from ._order import topological_order
from .declared import declared_edges

__all__ = ["MOST_TASKS", "OrderChange", "compare_orders", "order_of_plan", "order_of_specification"]

Edge = tuple[str, str]

#: The orders of longer lists are not compared as a whole: what is held about them would grow with the square.
MOST_TASKS = 20_000


@frozen
class OrderChange:
    """How one order differs from another, counted over the edges that each gives directly."""

    lost: int = 0
    added: int = 0


def order_of_plan(plan: ExecutionPlan) -> list[Edge]:
    """What binds in a plan."""
    kept = [(each.before, each.after) for each in plan.dependencies if each.strength == "binding"]
    return [*kept, *_families(plan.tasks)]


def order_of_specification(specification: Specification) -> list[Edge]:
    """What a source declares, by itself and by its phases. A barrier between two phases is a node of its own (its name is no task's)."""
    edges = [(each.before, each.after) for each in declared_edges(specification.tasks)]
    members = {phase.name: phase.tasks for phase in specification.phases}
    for phase in specification.phases:
        if not phase.free:
            parallel = set(phase.parallel)
            edges += pairwise(task for task in phase.tasks if task not in parallel)
        for order in phase.after:
            if order.confidence >= 1 and order.phase in members:
                barrier = f"\0{order.phase}\0{phase.name}"
                edges += ((task, barrier) for task in members[order.phase])
                edges += ((barrier, task) for task in phase.tasks)
    return [*edges, *_families(specification.tasks)]


def _families(tasks: Iterable[Task]) -> Iterator[Edge]:
    for task in tasks:
        yield from ((child, task.id) for child in task.children)


def compare_orders(first: Iterable[Edge], second: Iterable[Edge], renamed: Mapping[str, str]) -> OrderChange | None:
    """What the second order lacks of the first, and has beyond it, all that follows from them counted.

    Args:
        renamed: names of the second to those of the first; edges between others do not count.

    Returns:
        ``None`` when there are too many tasks to say.
    """
    one = list(dict.fromkeys(first))
    two = [(renamed.get(before, before), renamed.get(after, after)) for before, after in second]
    if set(one) == set(two):
        return OrderChange()
    real = set(renamed.values())
    if len(real) > MOST_TASKS:
        return None
    in_first, in_second = _precedes(one), _precedes(two)
    return OrderChange(
        lost=sum(not in_second(*edge) for edge in one if real.issuperset(edge)),
        added=sum(not in_first(*edge) for edge in _without_barriers(two)),
    )


def _precedes(edges: Iterable[Edge]) -> Callable[[str, str], bool]:
    """Whether a way leads from one name to another. In a circle, everything behind it comes after nothing."""
    number: dict[str, int] = {}
    pairs = [(number.setdefault(a, len(number)), number.setdefault(b, len(number))) for a, b in edges]
    after: list[list[int]] = [[] for _ in number]
    for a, b in pairs:
        after[a].append(b)
    before = [0] * len(number)
    for node in topological_order(after):
        bit = before[node] | (1 << node)
        for target in after[node]:
            before[target] |= bit

    def precedes(first: str, second: str) -> bool:
        if first not in number or second not in number:
            return False
        return bool(before[number[second]] >> number[first] & 1)

    return precedes


def _without_barriers(edges: Iterable[Edge]) -> Iterator[Edge]:
    """The edges between tasks; a barrier stands for one between each task before it and each behind it."""
    into: dict[str, list[str]] = {}
    out: dict[str, list[str]] = {}
    for before, after in edges:
        if after.startswith("\0"):
            into.setdefault(after, []).append(before)
        elif before.startswith("\0"):
            out.setdefault(before, []).append(after)
        else:
            yield before, after
    for barrier, sources in into.items():
        for target in out.get(barrier, ()):
            yield from ((source, target) for source in sources)

"""What all formats need to write a plan: names for its tasks, what waits for what, and a line that says where it came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from agent_dispatcher.models import ExecutionPlan, Task

__all__ = ["flat", "listed_order", "names_for", "origin", "waits"]


def flat(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def origin(plan: ExecutionPlan) -> str:
    """``Written by agent-dispatcher convert from specs/001-lend (spec-kit).``"""
    specification = plan.specification
    source = flat(specification.path) or f'"{flat(specification.title)}"'
    read_as = f" ({specification.format})" if specification.format else ""
    return f"Written by agent-dispatcher convert from {source}{read_as}."


def names_for(tasks: Sequence[Task], allowed: re.Pattern[str], made: Callable[[int], str]) -> dict[str, str]:
    """A name for each task by its id: its own where the format allows it and no other task has it, else a new one.

    Args:
        allowed: what the whole of a name must match.
        made: the new name for a number from 1.
    """
    own = [task.source_id or task.id for task in tasks]
    counts: dict[str, int] = {}
    for name in own:
        counts[name] = counts.get(name, 0) + 1
    kept = {name for name in own if counts[name] == 1 and allowed.fullmatch(name)}
    found: dict[str, str] = {}
    number = 0
    for task, name in zip(tasks, own, strict=True):
        if name not in kept:
            number += 1
            while made(number) in kept:
                number += 1
            name = made(number)
        found[task.id] = name
    return found


def waits(plan: ExecutionPlan, *, families: bool) -> dict[str, list[str]]:
    """For each task what it waits for, in the order of the plan, without what follows from the rest.

    Args:
        families: whether the format itself says which tasks are parts of others; if not, a parent waits for its parts.
    """
    place = {task.id: at for at, task in enumerate(plan.tasks)}
    found: dict[str, set[str]] = {task.id: set() for task in plan.tasks}
    for edge in plan.dependencies:
        if edge.strength == "binding" and edge.before in found and edge.after in found:
            found[edge.after].add(edge.before)
    if not families:
        for task in plan.tasks:
            found[task.id].update(child for child in task.children if child in found)
    return {name: sorted(before, key=place.__getitem__) for name, before in found.items()}


def listed_order(tasks: Sequence[Task], before: Mapping[str, Iterable[str]]) -> list[Task]:
    """The tasks, each behind what it waits for, otherwise as they stand in the plan."""
    from heapq import heappop, heappush

    place = {task.id: at for at, task in enumerate(tasks)}
    sorter: TopologicalSorter[str] = TopologicalSorter({task.id: before.get(task.id, ()) for task in tasks})
    sorter.prepare()
    ready: list[int] = []
    order = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, place[name])
        task = tasks[heappop(ready)]
        order.append(task)
        sorter.done(task.id)
    return order

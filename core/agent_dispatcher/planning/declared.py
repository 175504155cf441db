"""The order a source declares: which tasks its author put before which others.

Declared order wins over everything inferred, so both the rule that reports it and the core that protects it read it from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from ..models import Task

__all__ = ["DeclaredEdge", "declared_edges", "kinship", "parents"]


@frozen(kw_only=True)
class DeclaredEdge:
    """``after`` is declared to wait for ``before``.

    Attributes:
        source: ``file:line`` of the declaration.
        parent: the parent of ``after`` that the declaration was made for; ``None`` if it was made for ``after`` itself.
    """

    before: str
    after: str
    source: str = ""
    parent: str | None = None


def parents(tasks: Iterable[Task]) -> dict[str, str]:
    """Parent id of each task that is the child of another."""
    return {child: task.id for task in tasks for child in task.children}


def kinship(first: str, second: str, parent_of: Mapping[str, str]) -> bool:
    """Whether one of the two is the other's parent, grandparent and so on."""
    for start, goal in ((first, second), (second, first)):
        seen = {start}
        current = parent_of.get(start)
        while current is not None and current not in seen:
            if current == goal:
                return True
            seen.add(current)
            current = parent_of.get(current)
    return False


def declared_edges(tasks: Sequence[Task]) -> Iterator[DeclaredEdge]:
    """Every declared order between two tasks, what is declared for a parent also for its children, in task order.

    A declaration that cannot hold, as a parent completes only with its children, is left out: the decomposer warns about it.
    """
    parent_of = parents(tasks)
    by_id = {task.id: task for task in tasks}
    for task in tasks:
        for declared in task.depends_on:
            if declared.task not in by_id or declared.task == task.id:
                continue
            if parent_of and kinship(declared.task, task.id, parent_of):
                continue
            yield DeclaredEdge(before=declared.task, after=task.id, source=declared.source)
        if parent_of:
            for ancestor in _ancestors(task.id, parent_of):
                for declared in by_id[ancestor].depends_on:
                    other = declared.task
                    if other not in by_id or other == task.id:
                        continue
                    if kinship(other, ancestor, parent_of):
                        continue
                    yield DeclaredEdge(before=other, after=task.id, source=declared.source, parent=ancestor)


def _ancestors(task_id: str, parent_of: Mapping[str, str]) -> Iterator[str]:
    seen = {task_id}
    current = parent_of.get(task_id)
    while current is not None and current not in seen:
        yield current
        seen.add(current)
        current = parent_of.get(current)

"""The decomposer that takes the specification's own tasks."""

from __future__ import annotations

import asyncio

from agent_dispatcher.extension import Declined, Decomposition, PlanningContext
from agent_dispatcher.models import Specification, Task
from agent_dispatcher_builtins.decomposers.listed import ListedDecomposer


def decompose(specification: Specification) -> Decomposition | Declined:
    return asyncio.run(ListedDecomposer().decompose(specification, PlanningContext(specification=specification)))


def test_listed_tasks_are_taken_as_they_are() -> None:
    """In their order, unchanged."""
    tasks = (Task(id="b", title="B", source="x:1"), Task(id="a", title="A"))
    assert decompose(Specification(id="s", title="S", tasks=tasks)) == Decomposition(tasks=tasks)


def test_without_tasks_it_declines() -> None:
    """So that the next decomposer is asked."""
    assert decompose(Specification(id="s", title="S")) == Declined("the specification lists no tasks")

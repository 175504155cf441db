"""The rule that reports what the source declares."""

from __future__ import annotations

import asyncio

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import DeclaredDependency, Specification, Task
from agent_dispatcher_builtins.dependency_rules.declared import DeclaredRule

SPECIFICATION = Specification(id="s", title="S")


def test_declarations_are_reported_with_their_place_and_handed_down() -> None:
    """Certain, in the source's own names; a child waits for what its parent is declared to wait for."""
    tasks = [
        Task(id="setup", title="Set up", source_id="T1"),
        Task(
            id="epic",
            title="Epic",
            source_id="E1",
            children=("part",),
            depends_on=(DeclaredDependency(task="setup", source="tasks.md:9"),),
        ),
        Task(id="part", title="Part"),
    ]
    found = asyncio.run(DeclaredRule().find(tasks, SPECIFICATION, PlanningContext(specification=SPECIFICATION)))
    assert list(found) == [
        Requires("setup", "epic", "logical", 1.0, "E1 is declared to depend on T1", "tasks.md:9"),
        Requires(
            "setup", "part", "logical", 1.0, "E1 is declared to depend on T1, and part is a part of it", "tasks.md:9"
        ),
    ]

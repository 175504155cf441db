"""The rule that reports what the source says outright."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Specification, Task
from agent_dispatcher.planning.declared import declared_edges

__all__ = ["DeclaredRule"]


class DeclaredRule:
    """Certain, and with the place of the declaration. What is declared for a parent holds for its children."""

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """One edge per declaration, and one per child of the task it was made for."""
        names = {task.id: task.source_id or task.id for task in tasks}
        return [
            Requires(
                edge.before,
                edge.after,
                "logical",
                1.0,
                f"{names[edge.parent or edge.after]} is declared to depend on {names[edge.before]}"
                + (f", and {names[edge.after]} is a part of it" if edge.parent else ""),
                edge.source,
            )
            for edge in declared_edges(tasks)
        ]

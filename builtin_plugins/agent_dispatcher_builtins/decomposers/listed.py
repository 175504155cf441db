"""The decomposer that takes a specification's own tasks as they are."""

from __future__ import annotations

from agent_dispatcher.extension import Declined, Decomposition, PlanningContext
from agent_dispatcher.models import Specification

__all__ = ["ListedDecomposer"]


class ListedDecomposer:
    """Leaves the work to the author: what is listed is what is done."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        """The listed tasks, in their order; declines when there are none."""
        if not specification.tasks:
            return Declined("the specification lists no tasks")
        return Decomposition(tasks=specification.tasks)

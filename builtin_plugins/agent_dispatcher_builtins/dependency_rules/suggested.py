"""The rule that passes on what the decomposer saw while it made the tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Specification, Task

__all__ = ["SuggestedRule"]


class SuggestedRule:
    """Repeats the decomposer's suggestions as they are, so that they are weighed, vetoed and explained like what any other rule sees.

    One that names a task which is no longer there (configuration left its type out) is passed over.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """The suggestions between tasks that are there, in the decomposer's order."""
        ids = {task.id for task in tasks}
        return [each for each in context.suggestions if each.before in ids and each.after in ids]

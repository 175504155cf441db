"""Which tasks may be ordered by what their words suggest: those about which nobody has said anything better."""

from __future__ import annotations

from collections.abc import Sequence

from agent_dispatcher.extension import PlanningContext
from agent_dispatcher.models import Specification, Task

__all__ = ["unordered"]

#: Longer lists are not read word by word: it would take long, and their tasks speak of too much that is alike.
_MOST = 10_000


def unordered(tasks: Sequence[Task], specification: Specification, context: PlanningContext) -> list[Task]:
    """The tasks whose order nothing but their words tells.

    None at all where the source declares any order or says in its phases how the tasks of a phase follow each other (what its author did not say is then not so), or
    where whoever made the tasks suggests one. Phases that leave their tasks free say nothing about those. Otherwise those that do not say precisely themselves what they make, need or verify, and that no others are parts of.
    """
    if (
        any(not phase.free for phase in specification.phases)
        or context.suggestions
        or any(task.depends_on for task in tasks)
    ):
        return []
    loose = [task for task in tasks if not (task.produces or task.consumes or task.children or task.verifies)]
    if len(loose) > _MOST:
        context.log.warning(
            "%d tasks are too many to read their words (at most %d): nothing is guessed from them", len(loose), _MOST
        )
        return []
    return loose

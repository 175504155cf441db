"""Asks the active decomposers, in order, for the tasks of a specification."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from attrs import evolve

from ..errors import BudgetExceeded, PlanError, Problem, SpecificationError
from ..extension.components import Declined, Decomposer, Decomposition, PlanningContext
from ..models import Specification, Task
from .references import resolve_references

__all__ = ["TaskDecomposer"]

log = logging.getLogger(__name__)


class TaskDecomposer:
    """The first decomposer that does not decline makes the tasks.

    Args:
        decomposers: ``(name, decomposer)`` in the order in which they are asked.
        passed_over: called when the next one is asked, as the one before made no tasks.
    """

    def __init__(
        self, decomposers: Sequence[tuple[str, Decomposer]], passed_over: Callable[[], None] | None = None
    ) -> None:
        self._decomposers = tuple(decomposers)
        self._passed_over = passed_over

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition:
        """Tasks with unique ids, all references among them resolved to ids.

        A decomposer that raises, or whose tasks contradict each other, is passed over with a warning that names it. One that may not ask its model
        any more is not: another would make another plan than the one that was wanted, and the money for half of it is gone.

        Raises:
            BudgetExceeded: what a decomposer wanted to ask does not fit into what may be spent.
            SpecificationError: tasks that the specification itself lists name others that do not exist; every problem with its place.
            PlanError: no decomposer made tasks; says why for each.
        """
        refusals: list[str] = []
        warnings: list[str] = []
        for name, decomposer in self._decomposers:
            if refusals and self._passed_over is not None:
                self._passed_over()
            own = evolve(context, log=logging.getLogger(f"agent_dispatcher.decomposer.{name}"))
            try:
                answer = await decomposer.decompose(specification, own)
            except BudgetExceeded as error:
                remedy = f"to plan without it, leave {name!r} out of [use] decomposers"
                raise BudgetExceeded(f"decomposer {name} may not ask the model: {error}; {remedy}") from error
            except Exception as error:  # the plugin boundary: whatever it raises is the plugin's
                log.debug("decomposer %s failed", name, exc_info=True)
                refusals.append(f"decomposer {name} failed: {_said(error)}")
                warnings.append(refusals[-1])
                continue
            if isinstance(answer, Declined):
                refusals.append(f"decomposer {name} declined: {answer.reason}")
                continue
            if not isinstance(answer, Decomposition) or not all(isinstance(task, Task) for task in answer.tasks):
                refusals.append(
                    f"decomposer {name} failed: it gave a {type(answer).__name__} that is no Decomposition of tasks"
                )
                warnings.append(refusals[-1])
                continue
            tasks, problems, notes = resolve_references(answer.tasks)
            if problems and _listed(answer.tasks, specification):
                raise SpecificationError(problems, f"the tasks of {specification.title!r} do not fit together:")
            if problems:
                refusals.append(f"decomposer {name} failed: {'; '.join(map(str, problems))}")
                warnings.append(refusals[-1])
                continue
            return evolve(answer, tasks=tasks, warnings=(*warnings, *answer.warnings, *notes))
        raise PlanError(
            [Problem(refusal) for refusal in refusals]
            or Problem("no decomposer is active", remedy="enable one: see `agent-dispatcher plugins list`"),
            f"no decomposer could make tasks from {specification.title!r}:",
        )


def _listed(tasks: Sequence[Task], specification: Specification) -> bool:
    """Whether the tasks are those the specification lists, so that what is wrong with them is wrong in the source."""
    known = {task.id for task in specification.tasks}
    return bool(known) and all(task.id in known for task in tasks)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

"""The part of a very large run that a person can look at."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult

__all__ = ["Excerpt", "excerpt"]

#: A run with more tasks is shown by an excerpt.
WHOLE = 600
#: So many tasks an excerpt shows where fewer need a look: what completed at once is there as a sample.
SHOWN = 60
#: What went wrong is shown up to here.
MOST = 500


@frozen(kw_only=True)
class Excerpt:
    """A run as far as it is shown.

    Attributes:
        result, plan, events: of the tasks that are shown, and of the run as a whole.
        tasks: how many tasks the run has.
        note: says which tasks are shown and where the others are; ``""`` when all are.
    """

    result: ExecutionResult
    plan: ExecutionPlan
    events: Sequence[Event]
    tasks: int
    note: str = ""


def excerpt(result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event]) -> Excerpt:
    """The whole run up to :data:`WHOLE` tasks. Of a larger one the tasks that somebody may want to look at: those that did not complete and those
    that needed more than one attempt, the critical path, then the first of the plan."""
    total = len(result.task_results)
    if total <= WHOLE:
        return Excerpt(result=result, plan=plan, events=events, tasks=total)
    trouble = [task.id for task in result.task_results if task.status != "completed" or task.attempts > 1]
    rest = [*plan.critical_path, *(task.id for task in result.task_results[:SHOWN])]
    shown = dict.fromkeys(trouble[:MOST])
    for task_id in rest:
        if len(shown) >= SHOWN:
            break
        shown[task_id] = None
    told = {*shown, None}  # what an event without a task says is about the run
    return Excerpt(
        result=evolve(
            result,
            task_results=tuple([task for task in result.task_results if task.id in shown]),
            requirements=tuple(
                evolve(each, tasks=tuple(task for task in each.tasks if task in shown)) for each in result.requirements
            ),
            final_artifacts=tuple(each for each in result.final_artifacts if each.task in shown),
        ),
        plan=evolve(
            plan,
            tasks=tuple([task for task in plan.tasks if task.id in shown]),
            dependencies=tuple([each for each in plan.dependencies if each.after in shown and each.before in shown]),
            exclusions=tuple(
                evolve(each, tasks=inside)
                for each in plan.exclusions
                if len(inside := tuple(task for task in each.tasks if task in shown)) > 1
            ),
            gates=tuple(each for each in plan.gates if each.test in shown and each.subject in shown),
            critical_path=tuple(task for task in plan.critical_path if task in shown),
        ),
        events=[event for event in events if event.task in told],
        tasks=total,
        note=f"{len(shown)} of {total} tasks are shown: what did not complete or was tried again, the critical path, and the first of the plan. "
        "result.json has them all.",
    )

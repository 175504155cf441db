"""Who else could do a task of a run that is taken up again.

The recorded plan names one agent type for each task: the one that was chosen. That the task did not insist on it stands in the log, beside the plan,
where each process of the run says which agent types it found for which task. Without that, an agent type that declines after a resume would be the
last one to be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from ..making import changer
from ..models import Event, ExecutionPlan, Task
from ..planning.validation import Route

__all__ = ["chosen_again", "recorded_candidates", "reopened"]

#: Task id to the agent types that accepted it, the chosen one first.
Candidates = Mapping[str, tuple[str, ...]]

_given_to = changer(Task, "agent_type")


def recorded_candidates(events: Iterable[Event], plan: ExecutionPlan) -> dict[str, tuple[str, ...]]:
    """Task id to the agent types that accepted it, the chosen one first; of tasks for which there were several.

    Args:
        events: the run's log, in order.
        plan: as the log leaves it.
    """
    prepared: Event | None = None
    patched: dict[str, Sequence[str]] = {}
    for event in events:
        if event.type == "run.prepared":
            prepared, patched = event, {}
        elif event.type == "plan.patched":
            data = event.data
            patched.update(dict.fromkeys((*data["added"], *data["split"], *data["rerouted"]), ()))
            patched.update(data.get("candidates") or {})
    if prepared is None:
        return {}
    by_type, by_task = prepared.data["candidates"]["by_type"], {**prepared.data["candidates"]["by_task"], **patched}
    if not by_task and all(len(names) < 2 for names in by_type.values()):
        return {}
    found = ((task.id, by_task.get(task.id, by_type.get(task.type, ()))) for task in plan.tasks)
    return {name: tuple(names) for name, names in found if len(names) > 1}


def reopened(plan: ExecutionPlan, recorded: Candidates) -> ExecutionPlan:
    """The plan without the agent types that were only chosen; one that a task was given to since stays."""
    if not recorded:
        return plan
    tasks = (
        _given_to(task, None) if task.agent_type == recorded.get(task.id, (None,))[0] else task for task in plan.tasks
    )
    return evolve(plan, tasks=tuple(tasks))


def chosen_again(recorded: Candidates, route: Route | None) -> Route | None:
    """A route that chooses what was chosen before, where that still accepts the task; else ``route`` is asked."""
    if not recorded:
        return route

    def choose(task: Task, accepting: Sequence[str]) -> str | None:
        for name in recorded.get(task.id, ())[:1]:
            if name in accepting:
                return name
        return route(task, accepting) if route is not None else None

    return choose

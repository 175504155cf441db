"""What the board of a plan and the words about it both go by."""

from __future__ import annotations

from agent_dispatcher.models import ExecutionPlan
from agent_dispatcher.planning.explain import Explainer
from agent_dispatcher.planning.task_names import TaskNames

from .plan_values import Name
from .text import line, number
from .text import seconds as exact_seconds

__all__ = ["PlanFacts", "counted", "seconds"]


class PlanFacts:
    """A plan, looked through once.

    Attributes:
        index: task id to its number on the page.
        critical: tasks on the critical path; none where nothing takes time.
        hops: the edges, in the order of the numbers of their curves.
        groups: names of the lanes, in the order of the plan.
        lane: number of the lane of each task.
        phase: number of the phase of each task, from 0; what is in no phase comes behind the last.
    """

    def __init__(self, plan: ExecutionPlan) -> None:
        self.plan = plan
        self.names = TaskNames(plan)
        self.explainer = Explainer(plan)
        self.index = {task.id: place for place, task in enumerate(plan.tasks)}
        self.critical = frozenset(plan.critical_path) if plan.estimates.span_s else frozenset()
        self.hops = [hop for task in plan.tasks for hop in self.explainer.incoming(task.id)]
        phases = {task_id: place for place, phase in enumerate(plan.phases) for task_id in phase}
        self.phase = [phases.get(task.id, len(plan.phases)) for task in plan.tasks]
        groups = list(dict.fromkeys(line(task.group, 200) for task in plan.tasks))
        self.groups = groups or [""]
        self.lane = [groups.index(line(task.group, 200)) for task in plan.tasks]

    def name(self, task_id: str) -> Name:
        """A task as it is spoken of."""
        place = self.index[task_id]
        return Name(place, line(self.names.label(self.plan.tasks[place]), 120))


def seconds(value: float) -> str:
    """A duration without seconds that say nothing: ``5 min``, not ``5 min 0 s``."""
    return exact_seconds(value).replace(" min 0 s", " min").replace(".0 s", " s")


def counted(count: int, one: str, many: str) -> str:
    """So many of something."""
    return f"{number(count)} {one if count == 1 else many}"

"""A plan as the engine counts in it: integer ids, adjacency lists, places in the order of starting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..models import ExecutionPlan
from ..planning.ranks import start_order, upward_ranks, working_time

__all__ = ["Structure"]


class Structure:
    """What stands between the tasks of a plan. Never changed once it is made; a task's index is its position in the plan.

    Attributes:
        names: task ids; ``ids`` is the way back.
        parent: whether the task has no work of its own and completes with its children.
        after: index to the indices of the tasks that wait for it (children come before their parent, but those that are
            optional and left out).
        subjects: index of a test to the indices of the tasks whose landing it gates.
        groups: index to the numbers of the exclusions the task takes part in.
        exclusions: how many exclusions there are.
        place: index to its place in the order of starting; ``at_place`` is the way back.
        candidates: index to the agent types that accept the task, best first.

    Args:
        first: tasks that come before all others in the order of starting, whatever their rank.

    Raises:
        CycleError: tasks wait for each other over dependencies, gates and children.
        ValueError: a task needs an agent and has no candidate.
    """

    def __init__(
        self,
        plan: ExecutionPlan,
        candidates: Mapping[str, tuple[str, ...]],
        priorities: Mapping[str, float],
        skipped: Mapping[str, str],
        first: Sequence[str] = (),
    ) -> None:
        tasks = plan.tasks
        self.names = names = [task.id for task in tasks]
        self.ids = ids = {name: index for index, name in enumerate(names)}
        self.parent = [bool(task.children) for task in tasks]
        links: list[list[int]] = [[] for _ in names]
        for edge in plan.dependencies:
            if edge.strength == "binding":
                links[ids[edge.before]].append(ids[edge.after])
        for dropped in plan.dropped:
            if dropped.kind == "redundant":
                links[ids[dropped.before]].append(ids[dropped.after])
        for index, task in enumerate(tasks):
            for child in task.children:
                if not tasks[ids[child]].waived:
                    links[ids[child]].append(index)
        after: list[tuple[int, ...]] = [
            tuple(sorted(set(targets))) if len(targets) > 1 else tuple(targets) for targets in links
        ]
        gated: dict[int, list[int]] = {}
        for gate in plan.gates:
            gated.setdefault(ids[gate.test], []).append(ids[gate.subject])
        subjects: list[Sequence[int]] = (
            [gated.get(index, ()) for index in range(len(names))] if gated else [()] * len(names)
        )
        self.after, self.subjects = after, subjects
        self.groups: list[tuple[int, ...]] = [()] * len(names)
        for group, exclusion in enumerate(plan.exclusions):
            for name in set(exclusion.tasks):
                self.groups[ids[name]] += (group,)
        self.exclusions = len(plan.exclusions)
        advisory = [(ids[d.before], ids[d.after]) for d in plan.dependencies if d.strength == "advisory"]
        ranks = upward_ranks(after, subjects, advisory, [working_time(task) for task in tasks], names)
        self.place = start_order(ranks, [priorities.get(task.id, task.priority) for task in tasks])
        self.at_place = [0] * len(names)
        for index, place in enumerate(self.place):
            self.at_place[place] = index
        if first:
            self._put_first([ids[name] for name in first if name in ids])
        self.candidates: list[tuple[str, ...]] = []
        for task in tasks:
            own = candidates.get(task.id) or ((task.agent_type,) if task.agent_type else ())
            if not own and not task.children and task.status != "completed" and task.id not in skipped:
                raise ValueError(f"no agent type is given for task {task.id}")
            self.candidates.append(own)

    def _put_first(self, first: Sequence[int]) -> None:
        aged = set(first)
        self.at_place = [*first, *(index for index in self.at_place if index not in aged)]
        for place, index in enumerate(self.at_place):
            self.place[index] = place

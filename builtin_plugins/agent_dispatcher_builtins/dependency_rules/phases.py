"""The rule that keeps the phases in which a source arranges its tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import define, field

from agent_dispatcher.extension import PlanningContext, Requires, Veto
from agent_dispatcher.models import PhaseOrder, Specification, Task, TaskPhase
from agent_dispatcher.planning.declared import declared_edges
from agent_dispatcher.planning.reach import reached

from .pairs import one_tests_the_other

__all__ = ["PhasesRule"]

#: The nearest tasks before one in its list. What lies further back is implied by them, also if some of them were taken out of the plan.
_NEAREST = 200


class PhasesRule:
    """Reads only :attr:`agent_dispatcher.models.Specification.phases`, and says nothing where there are none.

    ::

        set-up  ▶  foundation  ▶  story 1  ▶  polish        story 1 and story 2 are independent:
                               ▶  story 2  ▶                nothing inferred may order them

    * Every task of a phase waits for every task of the phases it is after, as surely as the source says so.
    * Within a phase, tasks keep the order of the list, except those marked parallel: their place means nothing.
    * A phase that is free says nothing but what it is after.
    * What is only inferred (from artifacts, from the sort of work) may not undo what the author said by that: between independent
      phases, into a parallel task from its own phase, and from one parallel task to another through tasks of that phase, such an edge is vetoed.
      What the source declares is never vetoed.
    * A test and what it verifies are written at the same time: nothing is said about such a pair.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires | Veto]:
        """Edges of kind ``logical``, with a confidence of 1 unless the source is less sure, and vetoes."""
        if not specification.phases:
            return []
        found = _Arrangement.of(tasks, specification.phases)
        return [*found.across(), *found.within(), *found.vetoes()]


@define
class _Arrangement:
    """The phases as far as their tasks are planned."""

    phases: Sequence[TaskPhase]
    tasks: Mapping[str, Task]
    declared: frozenset[tuple[str, str]]
    members: list[list[Task]]
    after: list[dict[int, PhaseOrder]]
    _reached: dict[int, set[int]] = field(factory=dict)

    @classmethod
    def of(cls, tasks: Sequence[Task], phases: Sequence[TaskPhase]) -> _Arrangement:
        by_id = {task.id: task for task in tasks}
        number = {phase.name: index for index, phase in enumerate(phases)}
        return cls(
            phases=phases,
            tasks=by_id,
            declared=frozenset((edge.before, edge.after) for edge in declared_edges(tasks)),
            members=[[by_id[name] for name in phase.tasks if name in by_id] for phase in phases],
            after=[
                {number[order.phase]: order for order in phase.after if number.get(order.phase, at) != at}
                for at, phase in enumerate(phases)
            ],
        )

    def before_all(self, at: int) -> set[int]:
        """All phases that come before one, directly or not."""
        if at not in self._reached:
            self._reached[at] = _reached(at, self.after)
        return self._reached[at]

    def across(self) -> Iterator[Requires]:
        """Every task of a phase behind every one of those it follows directly."""
        for at, phase in enumerate(self.phases):
            for before, order in sorted(self.after[at].items()):
                if self._implied(before, at):
                    continue
                for first in self.members[before]:
                    for second in self.members[at]:
                        if not one_tests_the_other(first, second):
                            source = order.source or phase.source
                            yield Requires(first.id, second.id, "logical", order.confidence, order.why, source)

    def _implied(self, before: int, at: int) -> bool:
        """Whether a phase between the two keeps them in order, also if one of its tasks were taken out of the plan."""
        if len(self.after[at]) < 2:
            return False
        return any(
            middle != before
            and len(self.members[middle]) > 1
            and before in self.before_all(middle)
            and middle not in self.before_all(before)
            for middle in self.after[at]
        )

    def within(self) -> Iterator[Requires]:
        """Each task of the list behind all that are listed before it, in a very long list behind the nearest :data:`_NEAREST` of them."""
        for phase, members in zip(self.phases, self.members, strict=True):
            if phase.free:
                continue
            parallel = set(phase.parallel)
            listed = [task for task in members if task.id not in parallel]
            for index, second in enumerate(listed):
                for first in listed[max(0, index - _NEAREST) : index]:
                    if not one_tests_the_other(first, second):
                        why = f'"{_called(first)}" is listed before "{_called(second)}" in "{phase.name}", and neither is marked parallel'
                        yield Requires(first.id, second.id, "logical", 1.0, why, second.source)

    def vetoes(self) -> Iterator[Veto]:
        """Against what was only inferred."""
        said = [at for at, phase in enumerate(self.phases) if not phase.free]
        for place, at in enumerate(said):
            phase = self.phases[at]
            yield from self._own(phase, self.members[at])
            for other in said[:place]:
                if other in self.before_all(at) or at in self.before_all(other):
                    continue
                why = f'"{self.phases[other].name}" and "{phase.name}" are independent'
                for first in self.members[other]:
                    for second in self.members[at]:
                        yield from self._both(first, second, why)

    def _own(self, phase: TaskPhase, members: Sequence[Task]) -> Iterator[Veto]:
        parallel = set(phase.parallel)
        free = [task for task in members if task.id in parallel]
        if not free:
            return
        leads = self._leading(members, parallel)
        for second in free:
            why = f'"{_called(second)}" is marked parallel in "{phase.name}"'
            for first in members:
                if first.id != second.id:
                    yield from self._one(first, second, why)
        for first in free:
            for second in members:
                onward = leads.get(second.id, frozenset()) - {first.id}
                if second.id not in parallel and any((first.id, other) not in self.declared for other in onward):
                    why = (
                        f'it would put "{_called(first)}" before others that are marked parallel in "{phase.name}" too'
                    )
                    yield from self._one(first, second, why)

    def _leading(self, members: Sequence[Task], parallel: set[str]) -> dict[str, frozenset[str]]:
        """For each task of a phase that keeps its place the parallel ones of the phase that wait for it, directly or not."""
        following: dict[str, list[str]] = {}
        names = {task.id for task in members}
        for before, after in self.declared:
            following.setdefault(before, []).append(after)
        listed = [task.id for task in members if task.id not in parallel]
        for first, second in pairwise(listed):
            following.setdefault(first, []).append(second)
        if not any(before in names and after in parallel for before, after in self.declared):
            return {}
        return {name: frozenset(reached(name, following) & parallel) for name in listed}

    def _both(self, first: Task, second: Task, why: str) -> Iterator[Veto]:
        yield from self._one(first, second, why)
        yield from self._one(second, first, why)

    def _one(self, first: Task, second: Task, why: str) -> Iterator[Veto]:
        if (first.id, second.id) not in self.declared:
            yield Veto(first.id, second.id, why)


def _reached(at: int, after: Sequence[Mapping[int, PhaseOrder]]) -> set[int]:
    """All phases that come before one, directly or not."""
    seen: set[int] = set()
    stack = [at]
    while stack:
        for before in after[stack.pop()]:
            if before not in seen:
                seen.add(before)
                stack.append(before)
    return seen


def _called(task: Task) -> str:
    title = task.title if len(task.title) <= 60 else task.title[:59] + "…"
    return f"{task.source_id} {title}" if task.source_id else title

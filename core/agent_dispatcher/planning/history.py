"""How long tasks take, learned from runs that are over: a pure value, built from their logs and asked by the planner.

What is learned belongs to a *kind* of task: who did it, what sort of work it was, and how large. Sums and means are not used: one attempt that hung
for an hour would spoil them. A kind says something from :data:`ENOUGH` observations on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, field, frozen

from ..making import maker
from ..models import Estimates, Task
from .execution_graph import ExecutionGraph
from .ranks import working_time

__all__ = ["ENOUGH", "Durations", "Kind", "Observation", "Spread", "band_of", "observed", "with_ranges"]

#: Observations from which on a kind of task says something.
ENOUGH = 5


def band_of(complexity: float) -> int:
    """The band a complexity falls into: 0 below 2, 1 below 4, 2 below 8, 3 from there on."""
    return sum(complexity >= bound for bound in (2, 4, 8))


@frozen(order=True)
class Kind:
    """Tasks that may be expected to take equally long.

    Attributes:
        agent_type: who did it.
        task_type: the sort of work.
        band: how large, see :func:`band_of`.
    """

    agent_type: str
    task_type: str
    band: int


@frozen(weakref_slot=False)
class Observation:
    """What one finished task took.

    Attributes:
        seconds: of agents' work, over all its attempts.
        cost_usd: ``None`` where it is not known.
    """

    kind: Kind
    seconds: float
    cost_usd: float | None = None


_observation = maker(Observation)


@frozen
class Spread:
    """Where the observations of a kind lie: a quarter of them at ``p25`` or below, half at ``p50`` or below, nine tenths at ``p90`` or below."""

    count: int
    p25: float
    p50: float
    p90: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of one value or more."""
        line = sorted(values)
        return cls(len(line), *(_quantile(line, share) for share in (0.25, 0.5, 0.9)))


def _quantile(line: Sequence[float], share: float) -> float:
    """Between the two nearest of sorted values, in proportion."""
    place = share * (len(line) - 1)
    low = int(place)
    high = min(low + 1, len(line) - 1)
    return line[low] + (line[high] - line[low]) * (place - low)


@frozen(kw_only=True)
class Durations:
    """What past runs say about how long tasks take, and what they cost.

    Attributes:
        seconds: kinds with enough observations.
        cost_usd: the same for what they cost, of the observations that know it.
        takers: task id to the agent type that would do it, ``""`` where nobody would: then nothing is known about the task.
    """

    seconds: Mapping[Kind, Spread] = field(factory=dict)
    cost_usd: Mapping[Kind, Spread] = field(factory=dict)
    takers: Mapping[str, str] = field(factory=dict)

    @classmethod
    def learn(cls, observations: Iterable[Observation]) -> Durations:
        """From observations in any order."""
        seconds: dict[Kind, list[float]] = {}
        costs: dict[Kind, list[float]] = {}
        for each in observations:
            seconds.setdefault(each.kind, []).append(each.seconds)
            if each.cost_usd is not None:
                costs.setdefault(each.kind, []).append(each.cost_usd)
        return cls(seconds=_spreads(seconds), cost_usd=_spreads(costs))

    def of(self, task: Task) -> Spread | None:
        """Seconds for tasks like this one; ``None`` where too few are known.

        While it is open who does the task, those count that were done by the agent type which did most of them.
        """
        return self._spread(self.seconds, task)

    def cost_of(self, task: Task) -> Spread | None:
        """As :meth:`of`, in US dollars."""
        return self._spread(self.cost_usd, task)

    def _spread(self, known: Mapping[Kind, Spread], task: Task) -> Spread | None:
        if not known or task.children:
            return None
        band = band_of(task.complexity)
        taker = task.agent_type if task.agent_type is not None else self.takers.get(task.id)
        if taker is not None:
            return known.get(Kind(taker, task.type, band))
        alike = [kind for kind in known if (kind.task_type, kind.band) == (task.type, band)]
        return known[max(alike, key=lambda kind: (known[kind].count, kind))] if alike else None

    def estimated(self, tasks: Iterable[Task]) -> tuple[Task, ...]:
        """The tasks with the median as ``estimate_s`` where enough is known; in the same order."""
        if not self.seconds:
            return tuple(tasks)
        return tuple(
            evolve(task, estimate_s=spread.p50) if (spread := self.of(task)) is not None else task for task in tasks
        )


def _spreads(values: Mapping[Kind, Sequence[float]]) -> dict[Kind, Spread]:
    return {kind: Spread.of(each) for kind, each in sorted(values.items()) if len(each) >= ENOUGH}


def observed(spent: Iterable[tuple[Task, str, float, float | None]]) -> tuple[Observation, ...]:
    """What tasks took, one kind for each sort.

    Args:
        spent: task, the agent type that did it, seconds, US dollars where that is known.
    """
    kinds: dict[tuple[str, str, float], Kind] = {}
    found = []
    for task, agent_type, seconds, cost_usd in spent:
        sort = agent_type, task.type, task.complexity
        kind = kinds.get(sort)
        if kind is None:
            kind = kinds[sort] = Kind(agent_type, task.type, band_of(task.complexity))
        found.append(_observation(kind, seconds, cost_usd))
    return tuple(found)


def with_ranges(estimates: Estimates, graph: ExecutionGraph, durations: Durations) -> Estimates:
    """The estimates with a range for work, span and cost, where past runs say something about the tasks that are left.

    A task nobody knows anything about counts its estimate at both ends. A cost is given only if that of every task is known.
    """
    left = [task for task in graph.tasks if working_time(task) > 0]
    known = {task.id: spread for task in left if (spread := durations.of(task)) is not None}
    if known:
        low = {task.id: known[task.id].p25 if task.id in known else task.estimate_s for task in left}
        high = {task.id: known[task.id].p90 if task.id in known else task.estimate_s for task in left}
        estimates = evolve(
            estimates,
            work_range_s=(sum(low.values()), sum(high.values())),
            span_range_s=(graph.span_of(low), graph.span_of(high)),
        )
    costs = [durations.cost_of(task) for task in left]
    if costs and None not in costs:
        spent = [spread for spread in costs if spread is not None]
        estimates = evolve(
            estimates,
            cost_usd=sum(spread.p50 for spread in spent),
            cost_range_usd=(sum(spread.p25 for spread in spent), sum(spread.p90 for spread in spent)),
        )
    return estimates

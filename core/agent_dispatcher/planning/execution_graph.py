"""The graph of a plan: which task waits for which, and what follows from that.

Tasks are integers inside, numbered in the order of their ids, so that equal input gives equal answers whatever order it came in.
networkx is imported only for :meth:`ExecutionGraph.to_networkx`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..models import Dependency, Estimates, Exclusion, Gate, Task
from . import _drawing, _parallelism, _schedule, _simulation
from ._jobs import jobs
from ._links import Links
from ._reduction import Reduction, reduce_edges
from .ranks import working_time

if TYPE_CHECKING:
    import networkx

__all__ = ["ExecutionGraph", "RedundantEdge"]

#: ``recommended_workers`` may need so much more than the critical path.
SLACK = 0.05
#: Up to so many tasks the recommended number of workers is found by simulation.
SIMULATED_TASKS = 5000


@frozen
class RedundantEdge:
    """``after`` waits for ``before`` anyway, by ``path`` (``None`` stands for a part that is not spelled out)."""

    before: str
    after: str
    path: tuple[str | None, ...]


class ExecutionGraph:
    """Tasks and the order between them.

    Binding dependencies hold a task; advisory ones are kept for drawing only. A *gate* ``(test, subject)`` lets both start at the same time, but
    the subject lands only after the test, so what depends on the subject waits for both. A parent lands with its children.

    Args:
        tasks: with unique ids; ``verifies`` and ``children`` that name no task among them are ignored.
        dependencies: between these tasks, at most one for a pair counts.
        gates: wanted gates; derived from ``verifies`` when ``None``. One that would close a cycle is left out, see :attr:`warnings`.
        exclusions: count in :attr:`recommended_workers`, and in nothing else.

    Raises:
        GraphError: an id is taken twice, or a dependency or gate names no task of the graph.
        CycleError: tasks wait for each other; names the path and the reasons behind each of its edges.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        dependencies: Iterable[Dependency] = (),
        gates: Iterable[Gate] | None = None,
        exclusions: Iterable[Exclusion] = (),
    ) -> None:
        given = dependencies if isinstance(dependencies, list | tuple) else list(dependencies)
        links = self._links = Links(tasks, given, gates)
        self._tasks, self._ids, self._index = links.tasks, links.ids, links.index
        self._before, self._after, self._holds, self._held_by = links.before, links.after, links.holds, links.held_by
        self._exclusions = tuple(exclusions)
        self._order = [number for layer in links.layers for number in layer]

    # --- contents

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, sorted by id."""
        return tuple(self._tasks)

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """All dependencies, binding and advisory, sorted by (before, after)."""
        return tuple([self._links.dependencies[key] for key in self._links.keys])

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that hold, sorted by (test, subject)."""
        return tuple(self._links.gates)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each gate that was left out."""
        return tuple(self._links.warnings)

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._index

    def __repr__(self) -> str:
        edges = sum(map(len, self._before))
        return f"<ExecutionGraph {len(self)} tasks, {edges} binding dependencies, {len(self._links.gates)} gates>"

    def task(self, task_id: str) -> Task:
        """The task with that id; :class:`KeyError` if there is none."""
        return self._tasks[self._index[task_id]]

    def edges(self) -> list[tuple[str, str]]:
        """The binding ``(before, after)`` pairs, sorted."""
        return [(self._ids[b], self._ids[a]) for b, targets in enumerate(self._after) for a in targets]

    def predecessors(self, task_id: str) -> list[str]:
        """The tasks it waits for directly, sorted."""
        return [self._ids[node] for node in self._before[self._index[task_id]]]

    def successors(self, task_id: str) -> list[str]:
        """The tasks that wait for it directly, sorted."""
        return [self._ids[node] for node in self._after[self._index[task_id]]]

    def ancestors(self, task_id: str) -> frozenset[str]:
        """All tasks it waits for over dependencies, directly or not."""
        return self._reach(self._before, task_id)

    def descendants(self, task_id: str) -> frozenset[str]:
        """All tasks that wait for it over dependencies, directly or not."""
        return self._reach(self._after, task_id)

    def _reach(self, adjacency: list[list[int]], task_id: str) -> frozenset[str]:
        seen: set[int] = set()
        queue = deque([self._index[task_id]])
        while queue:
            for node in adjacency[queue.popleft()]:
                if node not in seen:
                    seen.add(node)
                    queue.append(node)
        return frozenset(self._ids[node] for node in seen)

    # --- order

    @cached_property
    def _wiring(self) -> _schedule.Wiring:
        return _schedule.Wiring(
            before=self._before,
            after=self._after,
            holds=self._holds,
            held_by=self._held_by,
            duration=[working_time(task) for task in self._tasks],
            order=self._order,
        )

    def layers(self) -> tuple[tuple[str, ...], ...]:
        """Tasks by the number of dependencies on the longest way to them; gates and parents do not count. Each layer is sorted."""
        return self._grouped(_schedule.levels(self._wiring, holds=False))

    def phases(self) -> tuple[tuple[str, ...], ...]:
        """Tasks by the earliest step in which they can run: what depends on a gated subject is behind its tests, a parent is with the last of its children.

        Each phase is sorted.
        """
        if not self._holds:
            ids = self._ids
            return tuple([tuple([ids[number] for number in layer]) for layer in self._links.layers])
        level = _schedule.levels(self._wiring)
        for number in self._order:
            if self._tasks[number].children and number in self._held_by:
                level[number] = max(level[number], *(level[child] for child in self._held_by[number]))
        return self._grouped(level)

    def _grouped(self, level: list[int]) -> tuple[tuple[str, ...], ...]:
        groups: list[list[str]] = [[] for _ in range(max(level, default=-1) + 1)]
        for number, task_id in enumerate(self._ids):
            groups[level[number]].append(task_id)
        return tuple(tuple(group) for group in groups if group)

    def width(self) -> int:
        """How many tasks that need an agent the widest phase holds: so many agents are busy at once if all tasks take equally long."""
        if not self._holds:
            return max(map(len, self._links.layers), default=0)
        working = {task.id for task in self._tasks if not task.children}
        return max((sum(task_id in working for task_id in phase) for phase in self.phases()), default=0)

    def redundant(self) -> list[RedundantEdge]:
        """The binding dependencies that a path implies, sorted by (before, after): removing all of them changes no order."""
        size, ids = len(self._ids), self._ids
        return [
            RedundantEdge(ids[key // size], ids[key % size], self._links.named(path))
            for key, path in sorted(self._redundant.items())
        ]

    def reduced(self) -> tuple[list[Dependency], list[tuple[Dependency, tuple[str | None, ...]]]]:
        """The dependencies that say something, advisory ones included, and the redundant ones each with a path that implies it; both sorted."""
        found = self._redundant
        known = self._links.dependencies
        if not found:
            return [known[key] for key in self._links.keys], []
        kept = [known[key] for key in self._links.keys if key not in found]
        return kept, [(known[key], self._links.named(path)) for key, path in sorted(found.items())]

    @property
    def unchecked(self) -> int:
        """How many dependencies of a very large graph were not looked at for whether a path implies them; none of them counts as redundant."""
        return self._reduction.unchecked

    @cached_property
    def _redundant(self) -> dict[int, tuple[int | None, ...]]:
        """Paths by the key of the edge."""
        size = len(self._ids)
        return {edge.before * size + edge.after: edge.path for edge in self._reduction.redundant}

    @cached_property
    def _reduction(self) -> Reduction:
        """By dependencies alone: an order on a whole is said beside that on its parts, so that a reader of dependencies misses none."""
        level = [0] * len(self._ids)
        for height, layer in enumerate(self._links.layers):
            for number in layer:
                level[number] = height
        return reduce_edges(self._order, level, self._before)

    # --- time

    @cached_property
    def _times(self) -> _schedule.Times:
        return _schedule.times(self._wiring)

    @cached_property
    def _ranks(self) -> list[float]:
        return _schedule.upward_ranks(self._wiring)

    def upward_ranks(self) -> dict[str, float]:
        """Seconds from the start of each task to the end of all that waits for it, along the longest way, gates counted."""
        return dict(zip(self._ids, self._ranks, strict=True))

    def lengthening(
        self, groups: Sequence[Iterable[tuple[str, str]]], time_s: float | None = None
    ) -> dict[tuple[str, str], float]:
        """Those of the given pairs ``(before, after)`` that would lengthen the critical path if they held a task, each with the seconds by which.

        Args:
            groups: pairs that are no binding dependencies, the groups to prefer first. A pair that lengthens nothing counts as an order for those after it: all
                that are not returned may hold together, and the critical path stays within the time.
            time_s: how long the critical path may get; as long as it is when ``None``, which is also the least.
        """
        numbered = [[(self._index[before], self._index[after]) for before, after in group] for group in groups]
        found = _parallelism.lengthening(self._wiring, numbered, max(self.span_s, time_s or 0.0))
        return {(self._ids[before], self._ids[after]): seconds for (before, after), seconds in found.items()}

    def slack(self) -> dict[str, float]:
        """Seconds by which each task may take longer, or start later, before the plan does with any number of workers; 0 on a critical path."""
        span = self.span_s
        late = (span - start - rank for start, rank in zip(self._times.start, self._ranks, strict=True))
        # sums in another order may differ in their last digits
        return {name: seconds if seconds > span * 1e-12 else 0.0 for name, seconds in zip(self._ids, late, strict=True)}

    def critical_path(self) -> tuple[str, ...]:
        """Tasks whose estimates add up to the span, each kept waiting by the one before it, directly or through a gate."""
        return tuple(self._ids[node] for node in _schedule.longest_path(self._wiring, self._times))

    @property
    def work_s(self) -> float:
        """Seconds of work: the sum of all estimates. Parents and tasks that are done count nothing."""
        return float(sum(self._wiring.duration))

    @property
    def span_s(self) -> float:
        """Seconds on the critical path: the least time with any number of workers."""
        return self._times.span

    @property
    def max_speedup(self) -> float:
        """``work_s / span_s``: the most that working in parallel can gain; 1 when nothing takes time."""
        return self.work_s / self.span_s if self.span_s > 0 else 1.0

    @property
    def recommended_workers(self) -> int:
        """The fewest workers that need at most 5 % more time than any number of them, by simulating the engine on this graph, exclusions included.

        Above :data:`SIMULATED_TASKS` tasks it is ``max_speedup`` rounded up: with so many the work takes less than twice the span, whatever the graph
        (Brent's bound, ``span + (work - span) / workers``); exclusions are not looked at then.
        """
        if len(self) > SIMULATED_TASKS:
            return ceil(self.max_speedup)
        return _simulation.fewest_workers(self._jobs(), SLACK)

    def makespan_s(self, workers: int | None = None) -> float:
        """Seconds until everything has landed if so many workers (any number when ``None``) are kept busy as the engine does it, exclusions included."""
        return _simulation.simulate(self._jobs(), workers).makespan_s

    def _jobs(self) -> _simulation.Jobs:
        return jobs(self._links, self._exclusions, self._wiring.duration)

    def estimates(self) -> Estimates:
        """All figures at once; no price and no range are known here."""
        return Estimates(
            work_s=self.work_s,
            span_s=self.span_s,
            max_speedup=self.max_speedup,
            recommended_workers=self.recommended_workers,
            width=self.width(),
        )

    def span_of(self, seconds: Mapping[str, float]) -> float:
        """The span if these tasks took so long instead of what is estimated; one that needs no work takes no time all the same."""
        wiring = self._wiring
        duration = [
            seconds.get(name, own) if own > 0 else own for name, own in zip(self._ids, wiring.duration, strict=True)
        ]
        return _schedule.times(evolve(wiring, duration=duration)).span

    # --- export

    def to_mermaid(self) -> str:
        """A Mermaid flowchart: solid arrows bind, dotted ones are advisory, ``lands after`` is a gate."""
        return _drawing.mermaid(self._tasks, self._drawn(), self._links.gates)

    def to_dot(self) -> str:
        """A Graphviz digraph: solid edges bind, dotted ones are advisory, dashed ones are gates."""
        return _drawing.dot(self._tasks, self._drawn(), self._links.gates)

    def _drawn(self) -> list[Dependency]:
        return self.reduced()[0]

    def to_networkx(self) -> networkx.DiGraph[Any]:
        """A ``networkx.DiGraph``: nodes are task ids with ``task``; edges have ``kind`` (``dependency`` or ``gate``), dependencies also ``strength``
        and ``reasons``. A gate leads from the test to the subject."""
        return _drawing.digraph(self._tasks, self.dependencies, self._links.gates)

"""The graph of a plan: which task waits for which, and what follows from that.

Tasks are integers inside, numbered in the order of their ids, so that equal input gives equal answers whatever order it came in.
networkx is imported in :meth:`ExecutionGraph.to_networkx` and nowhere else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..errors import GraphError
from ..models import Dependency, Estimates, Exclusion, Gate, Reason, Task
from . import _drawing, _gates, _parallelism, _schedule, _simulation
from ._cycles import cycle_error, path_text
from ._order import Adjacency, components, layers, shortest_cycle
from ._reduction import Reduction, reduce_edges
from .ranks import DONE, start_order, upward_ranks, working_time

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
        self._tasks: list[Task] = sorted(tasks, key=lambda task: task.id)
        self._ids = [task.id for task in self._tasks]
        self._index = {task_id: number for number, task_id in enumerate(self._ids)}
        if len(self._index) != len(self._ids):
            twice = next(a for a, b in pairwise(self._ids) if a == b)
            raise GraphError(f"two tasks have the id {twice!r}: give each its own")
        self._exclusions = tuple(exclusions)
        self._connect(dependencies if isinstance(dependencies, list | tuple) else list(dependencies))
        self._holds: dict[int, list[int]] = {}
        self._held_by: dict[int, list[int]] = {}
        for number, task in enumerate(self._tasks):
            if task.children:
                for child in sorted({self._index[child] for child in task.children if child in self._index}):
                    self._hold(child, number)
        self._gates: list[Gate] = []
        self._warnings: list[str] = []
        self._layers = self._sort(self._wanted_gates(gates))
        self._order = [number for layer in self._layers for number in layer]

    # --- construction

    def _connect(self, dependencies: Sequence[Dependency]) -> None:
        index = self._index
        size = len(self._ids)
        try:
            keys = [index[each.before] * size + index[each.after] for each in dependencies]
        except KeyError:
            raise self._unknown(dependencies) from None
        known = self._dependencies = dict(zip(keys, dependencies, strict=True))
        if len(known) < len(keys):  # of several for one pair a binding one counts, else the first
            for key, each in zip(reversed(keys), reversed(dependencies), strict=True):
                if each.strength == "binding" or known[key].strength != "binding":
                    known[key] = each
        advisory = {key for key, each in known.items() if each.strength != "binding"}
        self._keys = sorted(known)
        self._before: list[list[int]] = [[] for _ in range(size)]
        self._after: list[list[int]] = [[] for _ in range(size)]
        for key in self._keys:
            if key not in advisory:
                before, after = divmod(key, size)
                self._before[after].append(before)
                self._after[before].append(after)
                if before == after:
                    raise cycle_error([self._ids[before]] * 2, self._reasons)

    def _unknown(self, dependencies: Sequence[Dependency]) -> GraphError:
        edge, name = next(
            (each, name) for each in dependencies for name in (each.before, each.after) if name not in self._index
        )
        return GraphError(f"the dependency {edge.before} → {edge.after} names {name!r}, which is no task of this graph")

    def _hold(self, holder: int, subject: int) -> None:
        self._holds.setdefault(holder, []).append(subject)
        self._held_by.setdefault(subject, []).append(holder)

    def _wanted_gates(self, gates: Iterable[Gate] | None) -> list[tuple[int, int]]:
        if gates is None:
            return sorted(
                {
                    (number, self._index[subject])
                    for number, task in enumerate(self._tasks)
                    if task.verifies
                    for subject in task.verifies
                    if subject in self._index and subject != task.id
                }
            )
        try:
            return sorted({(self._index[gate.test], self._index[gate.subject]) for gate in gates})
        except KeyError as error:
            raise GraphError(f"a gate names {error.args[0]!r}, which is no task of this graph") from None

    def _all_after(self) -> list[list[int]]:
        """Edges of every sort in one adjacency."""
        if not self._holds:
            return self._after
        return [[*targets, *self._holds.get(node, ())] for node, targets in enumerate(self._after)]

    def _sort(self, wanted: list[tuple[int, int]]) -> list[list[int]]:
        """Accept the gates that close no cycle; all tasks in layers, over edges of every sort."""
        certain = self._all_after()
        found = self._layered(certain)
        if not wanted:
            return found
        choice = _gates.choose(certain, wanted)
        for test, subject in choice.accepted:
            self._hold(test, subject)
            self._gates.append(Gate(test=self._ids[test], subject=self._ids[subject]))
        for (test, subject), path in choice.left_out:
            self._warnings.append(
                f"{self._ids[subject]} does not wait for its test {self._ids[test]} before it lands, "
                f"because the test already waits for it ({path_text(self._named(path))})"
            )
        return self._layered(choice.after)

    def _layered(self, after: Adjacency) -> list[list[int]]:
        found = layers(after)
        if sum(map(len, found)) < len(after):
            cycle = shortest_cycle(after, components(after)[0])
            raise cycle_error([self._ids[node] for node in cycle], self._reasons)
        return found

    def _reasons(self, before: str, after: str) -> Sequence[Reason]:
        found = self._dependencies.get(self._index[before] * len(self._ids) + self._index[after])
        if found is not None:
            return found.reasons
        return (Reason(rule="children", evidence=f"{after} completes only with its part {before}"),)

    # --- contents

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, sorted by id."""
        return tuple(self._tasks)

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """All dependencies, binding and advisory, sorted by (before, after)."""
        return tuple([self._dependencies[key] for key in self._keys])

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that hold, sorted by (test, subject)."""
        return tuple(self._gates)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each gate that was left out."""
        return tuple(self._warnings)

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._index

    def __repr__(self) -> str:
        edges = sum(map(len, self._before))
        return f"<ExecutionGraph {len(self)} tasks, {edges} binding dependencies, {len(self._gates)} gates>"

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
            return tuple([tuple([ids[number] for number in layer]) for layer in self._layers])
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
            return max(map(len, self._layers), default=0)
        working = {task.id for task in self._tasks if not task.children}
        return max((sum(task_id in working for task_id in phase) for phase in self.phases()), default=0)

    def redundant(self) -> list[RedundantEdge]:
        """The binding dependencies that a path implies, sorted by (before, after): removing all of them changes no order."""
        size, ids = len(self._ids), self._ids
        return [
            RedundantEdge(ids[key // size], ids[key % size], self._named(path))
            for key, path in sorted(self._redundant.items())
        ]

    def reduced(self) -> tuple[list[Dependency], list[tuple[Dependency, tuple[str | None, ...]]]]:
        """The dependencies that say something, advisory ones included, and the redundant ones each with a path that implies it; both sorted."""
        found = self._redundant
        known = self._dependencies
        if not found:
            return [known[key] for key in self._keys], []
        kept = [known[key] for key in self._keys if key not in found]
        return kept, [(known[key], self._named(path)) for key, path in sorted(found.items())]

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
        for height, layer in enumerate(self._layers):
            for number in layer:
                level[number] = height
        return reduce_edges(self._order, level, self._before)

    def _named(self, path: Sequence[int | None]) -> tuple[str | None, ...]:
        return tuple([None if node is None else self._ids[node] for node in path])

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
        """The graph as the engine sees it; what is done waits for nothing."""
        tasks, index, size = self._tasks, self._index, len(self._tasks)
        after = [list(targets) for targets in self._after]
        for number, task in enumerate(tasks):
            for child in {index[child] for child in task.children if child in index} - set(self._before[number]):
                after[child].append(number)
        subjects: list[list[int]] = [[] for _ in tasks]
        for gate in self._gates:
            subjects[index[gate.test]].append(index[gate.subject])
        groups: list[list[int]] = [[] for _ in tasks]
        for group, exclusion in enumerate(self._exclusions):
            for member in sorted({index[name] for name in exclusion.tasks if name in index}):
                groups[member].append(group)
        advisory = sorted(divmod(key, size) for key, each in self._dependencies.items() if each.strength == "advisory")
        rank = upward_ranks(after, subjects, advisory, self._wiring.duration, self._ids)
        done = [task.status in DONE for task in tasks]
        return _simulation.Jobs(
            after=[[target for target in targets if not done[target]] for targets in after],
            subjects=[[target for target in targets if not done[target]] for targets in subjects],
            idle=[over or bool(task.children) for over, task in zip(done, tasks, strict=True)],
            duration=self._wiring.duration,
            groups=groups,
            place=start_order(rank, [task.priority for task in tasks]),
        )

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
        return _drawing.mermaid(self._tasks, self._drawn(), self._gates)

    def to_dot(self) -> str:
        """A Graphviz digraph: solid edges bind, dotted ones are advisory, dashed ones are gates."""
        return _drawing.dot(self._tasks, self._drawn(), self._gates)

    def _drawn(self) -> list[Dependency]:
        return self.reduced()[0]

    def to_networkx(self) -> networkx.DiGraph[Any]:
        """A ``networkx.DiGraph``: nodes are task ids with ``task``; edges have ``kind`` (``dependency`` or ``gate``), dependencies also ``strength``
        and ``reasons``. A gate leads from the test to the subject."""
        import networkx

        graph: networkx.DiGraph[Any] = networkx.DiGraph()
        for task in self._tasks:
            graph.add_node(task.id, task=task)
        for gate in self._gates:
            graph.add_edge(gate.test, gate.subject, kind="gate")
        for edge in self.dependencies:
            graph.add_edge(edge.before, edge.after, kind="dependency", strength=edge.strength, reasons=edge.reasons)
        return graph

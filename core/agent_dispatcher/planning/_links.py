"""What tasks, dependencies and gates say together: one graph on integers, in which nothing waits for itself.

Tasks are numbered in the order of their ids, an edge from ``b`` to ``a`` is the key ``b * n + a``: equal input gives equal answers whatever order it came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ..errors import GraphError
from ..models import Dependency, Gate, Reason, Task
from . import _gates
from ._cycles import cycle_error, path_text
from ._order import Adjacency, components, layers, shortest_cycle

__all__ = ["Links"]


class Links:
    """The connections between tasks, checked and sorted once; what is read off them later, the graph works out.

    Args:
        tasks: with unique ids.
        dependencies: between these tasks; of several for one pair a binding one counts, else the first.
        gates: wanted gates; derived from ``verifies`` when ``None``.

    Attributes:
        tasks, ids: by number.
        index: number by id.
        dependencies: by key, advisory ones included.
        keys: those of the dependencies, sorted.
        before, after: the binding dependencies of each task, sorted.
        holds, held_by: tasks whose landing waits for the key's, by gates and for children, and the same from the other side.
        gates: those that close no cycle.
        warnings: one sentence for each gate that was left out.
        layers: all tasks over edges of every sort, each layer sorted.

    Raises:
        GraphError: an id is taken twice, or a dependency or gate names no task of the graph.
        CycleError: tasks wait for each other.
    """

    __slots__ = (
        "after",
        "before",
        "dependencies",
        "gates",
        "held_by",
        "holds",
        "ids",
        "index",
        "keys",
        "layers",
        "tasks",
        "warnings",
    )

    def __init__(self, tasks: Iterable[Task], dependencies: Sequence[Dependency], gates: Iterable[Gate] | None) -> None:
        self.tasks: list[Task] = sorted(tasks, key=lambda task: task.id)
        self.ids = [task.id for task in self.tasks]
        self.index = {task_id: number for number, task_id in enumerate(self.ids)}
        if len(self.index) != len(self.ids):
            twice = next(a for a, b in pairwise(self.ids) if a == b)
            raise GraphError(f"two tasks have the id {twice!r}: give each its own")
        self._connect(dependencies)
        self.holds: dict[int, list[int]] = {}
        self.held_by: dict[int, list[int]] = {}
        for number, task in enumerate(self.tasks):
            if task.children:
                for child in sorted({self.index[child] for child in task.children if child in self.index}):
                    self._hold(child, number)
        self.gates: list[Gate] = []
        self.warnings: list[str] = []
        self.layers = self._sort(self._wanted_gates(gates))

    def named(self, path: Iterable[int | None]) -> tuple[str | None, ...]:
        """The ids of tasks on a path."""
        return tuple([None if node is None else self.ids[node] for node in path])

    # --- dependencies

    def _connect(self, dependencies: Sequence[Dependency]) -> None:
        index = self.index
        size = len(self.ids)
        try:
            keys = [index[each.before] * size + index[each.after] for each in dependencies]
        except KeyError:
            raise self._unknown(dependencies) from None
        known = self.dependencies = dict(zip(keys, dependencies, strict=True))
        if len(known) < len(keys):  # of several for one pair a binding one counts, else the first
            for key, each in zip(reversed(keys), reversed(dependencies), strict=True):
                if each.strength == "binding" or known[key].strength != "binding":
                    known[key] = each
        advisory = {key for key, each in known.items() if each.strength != "binding"}
        self.keys = sorted(known)
        self.before: list[list[int]] = [[] for _ in range(size)]
        self.after: list[list[int]] = [[] for _ in range(size)]
        for key in self.keys:
            if key not in advisory:
                before, after = divmod(key, size)
                self.before[after].append(before)
                self.after[before].append(after)
                if before == after:
                    raise cycle_error([self.ids[before]] * 2, self._reasons)

    def _unknown(self, dependencies: Sequence[Dependency]) -> GraphError:
        edge, name = next(
            (each, name) for each in dependencies for name in (each.before, each.after) if name not in self.index
        )
        return GraphError(f"the dependency {edge.before} → {edge.after} names {name!r}, which is no task of this graph")

    def _reasons(self, before: str, after: str) -> Sequence[Reason]:
        found = self.dependencies.get(self.index[before] * len(self.ids) + self.index[after])
        if found is not None:
            return found.reasons
        return (Reason(rule="children", evidence=f"{after} completes only with its part {before}"),)

    # --- gates, parents, order

    def _hold(self, holder: int, subject: int) -> None:
        self.holds.setdefault(holder, []).append(subject)
        self.held_by.setdefault(subject, []).append(holder)

    def _wanted_gates(self, gates: Iterable[Gate] | None) -> list[tuple[int, int]]:
        if gates is None:
            return sorted(
                {
                    (number, self.index[subject])
                    for number, task in enumerate(self.tasks)
                    if task.verifies
                    for subject in task.verifies
                    if subject in self.index and subject != task.id
                }
            )
        try:
            return sorted({(self.index[gate.test], self.index[gate.subject]) for gate in gates})
        except KeyError as error:
            raise GraphError(f"a gate names {error.args[0]!r}, which is no task of this graph") from None

    def _all_after(self) -> list[list[int]]:
        """Edges of every sort in one adjacency."""
        if not self.holds:
            return self.after
        return [[*targets, *self.holds.get(node, ())] for node, targets in enumerate(self.after)]

    def _sort(self, wanted: list[tuple[int, int]]) -> list[list[int]]:
        """Accept the gates that close no cycle; all tasks in layers, over edges of every sort."""
        certain = self._all_after()
        found = self._layered(certain)
        if not wanted:
            return found
        choice = _gates.choose(certain, wanted)
        for test, subject in choice.accepted:
            self._hold(test, subject)
            self.gates.append(Gate(test=self.ids[test], subject=self.ids[subject]))
        for (test, subject), path in choice.left_out:
            self.warnings.append(
                f"{self.ids[subject]} does not wait for its test {self.ids[test]} before it lands, "
                f"because the test already waits for it ({path_text(self.named(path))})"
            )
        return self._layered(choice.after)

    def _layered(self, after: Adjacency) -> list[list[int]]:
        found = layers(after)
        if sum(map(len, found)) < len(after):
            cycle = shortest_cycle(after, components(after)[0])
            raise cycle_error([self.ids[node] for node in cycle], self._reasons)
        return found

"""What an edge costs: how much sooner everything could be done if that one edge were not there, others staying as they are.

Each task is two nodes, its *start* and its *landing*, so that gates and parents (which hold a landing) and dependencies (which hold a start) are edges
of one acyclic graph, and the span is its longest path::

    start ──duration──▶ landing ──dependency──▶ start of what waits for it
                           ╰──gate, part──▶ landing of what it holds

All nodes stand in a row, each behind what leads to it. Cut the row behind the node where an edge begins: every way through the graph crosses the cut
exactly once, so the longest way without that edge is the longest that crosses the cut elsewhere. One walk over all cuts with a heap of the edges that
cross gives the answer for every edge in O(edges · log edges), without taking any of them out and measuring again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from heapq import heappop, heappush

from attrs import frozen

from ..models import ExecutionPlan, Task
from ._order import topological_order

__all__ = ["EdgeCosts", "Link"]

_DONE = frozenset({"completed", "skipped", "cancelled"})
_TINY = 1e-9


@frozen(order=True)
class Link:
    """Something that makes ``after`` wait for ``before``.

    Attributes:
        kind: ``dependency`` (it starts later), ``gate`` or ``part`` (it lands later).
    """

    before: str
    after: str
    kind: str = "dependency"


class EdgeCosts:
    """The times of a plan with unlimited workers, and what each of its links costs.

    Args:
        plan: the full binding set counts, redundant dependencies included.
        keep: which binding ``(before, after)`` pairs are there at all; all when ``None``.
    """

    def __init__(self, plan: ExecutionPlan, keep: Callable[[str, str], bool] | None = None) -> None:
        self._ids = [task.id for task in plan.tasks]
        self._index = {task_id: number for number, task_id in enumerate(self._ids)}
        self.links = _links(plan, keep)
        self._duration = [_duration(task) for task in plan.tasks]
        self._rank = self._ranked()
        self._measure()

    def _ranked(self) -> list[int]:
        """The place of each task in a topological order over all links."""
        after: list[list[int]] = [[] for _ in self._ids]
        for link in self.links:
            after[self._index[link.before]].append(self._index[link.after])
        rank = [0] * len(after)
        for place, number in enumerate(topological_order(after)):
            rank[number] = place
        return rank

    def _measure(self) -> None:
        """Fill ``_down``, the seconds on the longest way to each node, and ``_up``, those from it on; nodes by their place in the row."""
        size = len(self._ids)
        self._edges: list[tuple[int, int, Link]] = sorted((*self._ends(link), link) for link in self.links)
        down, up = [0.0] * (2 * size), [0.0] * (2 * size)
        duration = [0.0] * size
        for number, place in enumerate(self._rank):
            duration[place] = self._duration[number]
        entering: list[list[int]] = [[] for _ in range(2 * size)]
        leaving: list[list[int]] = [[] for _ in range(2 * size)]
        for source, target, _ in self._edges:
            entering[target].append(source)
            leaving[source].append(target)
        for node in range(2 * size):
            longest = max((down[source] for source in entering[node]), default=0.0)
            down[node] = max(longest, down[node - 1] + duration[node // 2]) if node % 2 else longest
        for node in reversed(range(2 * size)):
            longest = max((up[target] for target in leaving[node]), default=0.0)
            up[node] = longest if node % 2 else max(longest, up[node + 1] + duration[node // 2])
        self._down, self._up = down, up

    def _ends(self, link: Link) -> tuple[int, int]:
        source = 2 * self._rank[self._index[link.before]] + 1
        target = 2 * self._rank[self._index[link.after]] + (link.kind != "dependency")
        return source, target

    @cached_property
    def span_s(self) -> float:
        """Seconds on the critical path."""
        return max(self._down, default=0.0)

    def start_s(self, task_id: str) -> float:
        """The earliest start of a task, seconds from the beginning."""
        return self._down[2 * self._rank[self._index[task_id]]]

    def slack_s(self, task_id: str) -> float:
        """How many seconds later a task may start without anything getting done later; 0 on a critical path."""
        node = 2 * self._rank[self._index[task_id]]
        return _plain(self.span_s - self._down[node] - self._up[node])

    def saved_s(self, link: Link) -> float:
        """How many seconds shorter the critical path would be without the link; 0 for one that is not there."""
        return self._saved.get(link, 0.0)

    def is_critical(self, link: Link) -> bool:
        """Whether the link lies on a critical path, maybe one of several."""
        if link not in self._saved:
            return False
        source, target = self._ends(link)
        return self._down[source] + self._up[target] >= self.span_s - _TINY

    @cached_property
    def _saved(self) -> dict[Link, float]:
        """For every link, from one walk over the cuts behind the landings."""
        size, down, up = len(self._ids), self._down, self._up
        latest_end = 0.0  # the longest way that ends at or before the cut
        later_starts = [0.0] * (size + 1)  # the longest way that begins behind it
        for place in reversed(range(size)):
            later_starts[place] = max(later_starts[place + 1], up[2 * place])
        saved: dict[Link, float] = {}
        crossing: list[tuple[float, int]] = []  # heap of (-seconds, number of the edge)
        next_edge = 0
        for place in range(size):
            cut = 2 * place + 1
            latest_end = max(latest_end, down[cut])
            begin = next_edge
            while next_edge < len(self._edges) and self._edges[next_edge][0] == cut:
                heappush(crossing, (-(down[cut] + up[self._edges[next_edge][1]]), next_edge))
                next_edge += 1
            if begin == next_edge:
                continue
            first, second = self._two_longest(crossing, cut)
            for number in range(begin, next_edge):
                other = second if first is not None and first[1] == number else first
                rest = max(latest_end, later_starts[place + 1], -other[0] if other is not None else 0.0)
                saved[self._edges[number][2]] = _plain(self.span_s - rest)
        return saved

    def _two_longest(
        self, crossing: list[tuple[float, int]], cut: int
    ) -> tuple[tuple[float, int] | None, tuple[float, int] | None]:
        """The two longest ways over the cut; edges that end before it leave the heap for good."""
        first = self._longest(crossing, cut)
        if first is None:
            return None, None
        heappop(crossing)
        second = self._longest(crossing, cut)
        heappush(crossing, first)
        return first, second

    def _longest(self, crossing: list[tuple[float, int]], cut: int) -> tuple[float, int] | None:
        while crossing and self._edges[crossing[0][1]][1] <= cut:
            heappop(crossing)
        return crossing[0] if crossing else None


def _links(plan: ExecutionPlan, keep: Callable[[str, str], bool] | None) -> tuple[Link, ...]:
    known = {task.id for task in plan.tasks}
    found = [Link(before, after) for before, after in plan.binding_edges() if keep is None or keep(before, after)]
    found += [Link(gate.test, gate.subject, "gate") for gate in plan.gates]
    found += [Link(child, task.id, "part") for task in plan.tasks for child in _children(task) if child in known]
    return tuple(found)


def _children(task: Task) -> Sequence[str]:
    return sorted(set(task.children))


def _duration(task: Task) -> float:
    return 0.0 if task.children or task.status in _DONE else task.estimate_s


def _plain(seconds: float) -> float:
    """Without what is left of rounding."""
    return seconds if seconds > _TINY else 0.0

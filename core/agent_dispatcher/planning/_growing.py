"""A graph that grows edge by edge and never gets a cycle.

It keeps its nodes in a topological order. An edge that fits it is added at once; for another only the nodes between its two ends are looked at, and
put in order anew (the algorithm of Pearce and Kelly)::

    order   … v  x  y  u …        add u -> v:  what v leads to and what leads to u change places
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ._order import Adjacency

__all__ = ["GrowingOrder"]


class GrowingOrder:
    """A directed acyclic graph of the nodes 0 to n-1.

    Args:
        after: for each node the nodes its edges lead to.
        order: all nodes in a topological order of these edges.
    """

    def __init__(self, after: Adjacency, order: Sequence[int]) -> None:
        self._after = [list(targets) for targets in after]
        self._before: list[list[int]] = [[] for _ in after]
        for node, targets in enumerate(self._after):
            for target in targets:
                self._before[target].append(node)
        self._place = [0] * len(order)
        for place, node in enumerate(order):
            self._place[node] = place

    def add(self, before: int, after: int) -> list[int] | None:
        """Add the edge, unless it would close a cycle.

        Returns:
            ``None`` when it was added; else a shortest path from ``after`` to ``before``, both included, and nothing has changed.
        """
        if self._place[after] <= self._place[before]:
            behind = self._reached(after, before)
            if before in behind:
                path = [before]
                while path[-1] != after:
                    path.append(behind[path[-1]])
                return path[::-1]
            self._reorder(before, after, behind)
        self._after[before].append(after)
        self._before[after].append(before)
        return None

    def _reached(self, start: int, goal: int) -> dict[int, int]:
        """What ``start`` leads to no later than ``goal``, each with the node it was reached from; stops at ``goal``."""
        last = self._place[goal]
        origin = {start: start}
        queue = deque(origin)
        while queue and goal not in origin:
            node = queue.popleft()
            for target in self._after[node]:
                if target not in origin and self._place[target] <= last:
                    origin[target] = node
                    queue.append(target)
        return origin

    def _reorder(self, before: int, after: int, behind: dict[int, int]) -> None:
        """Put ``before`` and what leads to it ahead of ``after`` and what is ``behind`` it, in the places they have together."""
        first = self._place[after]
        ahead = {before}
        stack = [before]
        while stack:
            for source in self._before[stack.pop()]:
                if source not in ahead and self._place[source] >= first:
                    ahead.add(source)
                    stack.append(source)
        line = [*sorted(ahead, key=self._place.__getitem__), *sorted(behind, key=self._place.__getitem__)]
        for place, node in zip(sorted([self._place[node] for node in line]), line, strict=True):
            self._place[node] = place

"""Which advisory edges would cost time if they held.

An advisory edge ``u → v`` would make ``v`` start when ``u`` has landed. It costs time when ``v`` would then start too late for what waits for it to end
within the time there is, which is the span of the binding order or more::

    landed(u) + rank(v)  >  time          rank: seconds from the start of v to the end of everything behind it

Edges are taken in groups, the surest first; within a group from the beginning of the plan to its end. One that lengthens nothing counts as an order for
all that are judged after it, so that no number of them together lengthens the path either. A group costs two passes over the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from ._order import components, topological_order
from ._schedule import Wiring, upward_ranks

__all__ = ["Edge", "lengthening"]

#: ``(before, after)``
Edge = tuple[int, int]


def lengthening(wiring: Wiring, groups: Sequence[Iterable[Edge]], time_s: float) -> dict[Edge, float]:
    """The edges that would make the critical path longer than ``time_s``, each with the seconds by which.

    Args:
        wiring: the binding order, whose span is at most ``time_s``.
        groups: edges that hold nobody, none of them twice and none in ``wiring``. One that closes a cycle over gates, children and other edges is no order and lengthens nothing.
    """
    allowed = time_s * (1 + 1e-9)
    after, left = _with(wiring, [edge for group in groups for edge in group])
    order = topological_order(after)
    known = [list(sources) for sources in wiring.before]
    onward = [list(targets) for targets in wiring.after]
    found: dict[Edge, float] = {}
    for group in groups:
        rank = upward_ranks(evolve(wiring, order=order, after=onward))
        wanted: dict[int, list[int]] = {}
        for before, following in sorted(group):
            if (before, following) not in left:
                wanted.setdefault(following, []).append(before)
        land = [0.0] * len(order)
        for node in order:
            for source in wanted.get(node, ()):
                if land[source] + rank[node] > allowed:
                    found[source, node] = land[source] + rank[node] - time_s
                else:
                    known[node].append(source)
                    onward[source].append(node)
            begin = max([land[source] for source in known[node]]) if known[node] else 0.0
            held = wiring.held_by.get(node, ())
            land[node] = max([begin + wiring.duration[node], *[land[holder] for holder in held]])
    return found


def _with(wiring: Wiring, edges: Sequence[Edge]) -> tuple[Sequence[Sequence[int]], frozenset[Edge]]:
    """Everything that orders, with those of ``edges`` that lie on no cycle; and the others."""
    certain = [[*targets, *wiring.holds.get(node, ())] for node, targets in enumerate(wiring.after)]
    after = _added(certain, edges)
    tangled: Mapping[int, int] = {}
    if len(topological_order(after)) < len(after):
        tangled = {node: number for number, nodes in enumerate(components(after)) for node in nodes}
    left = frozenset(edge for edge in edges if edge[0] in tangled and tangled[edge[0]] == tangled.get(edge[1]))
    return (_added(certain, [edge for edge in edges if edge not in left]) if left else after), left


def _added(after: Sequence[Sequence[int]], edges: Iterable[Edge]) -> list[list[int]]:
    grown = [list(targets) for targets in after]
    for before, following in edges:
        grown[before].append(following)
    return grown

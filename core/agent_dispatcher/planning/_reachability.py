"""Quick answers to "does a path lead from u to v besides the edge itself?" for many edges at once. Each costs two passes over the graph.

*Yes*, by way of a longest path (the *spine*): ``u`` reaches the spine at some place, a predecessor of ``v`` is reached from the same place or a later one::

    u ──▶ s₃ ─▶ s₄ ─▶ … ─▶ s₉ ──▶ p ──▶ v

*No*, by sketches of what can be reached: a node's sketch is an integer with one bit set for each node behind it, many nodes sharing a bit. When
``u`` reaches ``p``, the sketch of ``p`` is contained in that of ``u``; where it is not, there is no way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ._order import Adjacency

__all__ = ["Edge", "maybe_reached", "spine_ways"]

#: ``(source, target)``
Edge = tuple[int, int]

#: Bits of a sketch.
_BITS = 1024
#: Spreads neighbouring numbers over the bits (an odd number near 2³² divided by the golden ratio).
_SPREAD = 2654435761
#: The predecessors of a node are looked at one by one only if they are no more than these.
_FAN_IN = 64


def spine_ways(edges: Iterable[Edge], order: Sequence[int], level: Sequence[int], before: Adjacency) -> dict[Edge, int]:
    """Those of ``edges`` beside which a way leads over the spine, each with the last but one node of that way.

    Args:
        edges: each skips a level.
        order: all nodes in topological order.
        level: rises along every edge.
        before: for each node the nodes with an edge to it.
    """
    spine = [max(order, key=level.__getitem__)]
    while before[spine[-1]]:
        spine.append(max(before[spine[-1]], key=level.__getitem__))
    spine.reverse()
    nowhere = len(spine)
    first, last = [nowhere] * len(order), [-1] * len(order)
    for place, node in enumerate(spine):
        first[node] = last[node] = place
    for node in reversed(order):
        place = first[node]
        if place < nowhere:
            for source in before[node]:
                if first[source] > place:
                    first[source] = place
    for node in order:
        sources = before[node]
        if sources:
            last[node] = max(last[node], max([last[source] for source in sources]))
    found: dict[Edge, int] = {}
    latest: dict[int, list[int]] = {}
    for source, target in edges:
        if target not in latest:  # two, as one of them may be the source itself
            latest[target] = sorted(before[target], key=last.__getitem__)[-2:]
        via = latest[target][-1] if latest[target][-1] != source else latest[target][0]
        if via != source and first[source] <= last[via]:
            found[source, target] = via
    return found


def maybe_reached(edges: Iterable[Edge], order: Sequence[int], level: Sequence[int], before: Adjacency) -> list[Edge]:
    """``edges`` without those beside which certainly no other way leads; arguments as for :func:`spine_ways`."""
    sketch = [0] * len(order)
    for node in reversed(order):
        own = sketch[node] | 1 << (node * _SPREAD >> 12) % _BITS
        sketch[node] = own
        for source in before[node]:
            sketch[source] |= own
    left = []
    for source, target in edges:
        near = before[target]
        if len(near) > _FAN_IN:
            left.append((source, target))
            continue
        reached, low = sketch[source], level[source]
        for via in near:
            if level[via] > low and sketch[via] | reached == reached:
                left.append((source, target))
                break
    return left

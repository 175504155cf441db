"""Transitive reduction of a directed acyclic graph, fast enough for millions of edges.

An edge ``u -> v`` is redundant when another path leads from ``u`` to ``v``. On the longest-path levels of the nodes an edge to the next
level is never redundant, so only edges that skip a level are looked at. For those, the sources are taken in blocks; one sweep over the nodes per
block carries, as the bits of one integer, which sources of the block reach each node (and are it)::

    reaching(v)  =  {v} and the union of reaching(p) over the edges p -> v
    u -> v is redundant  <=>  u is in reaching(p) for an edge p -> v with p other than u

Sweeps cost a visit to each node between the first source of the block and its last target. Where edges reach far in a large graph that grows with the
square of its size. Then the quick answers of :mod:`._reachability` are asked first, and what they leave open is swept as far as :data:`_VISITS_PER_NODE`
allows, the edges of shortest reach first. Any others are *unchecked*: they may be redundant, and stay. No way is known to find them all in near-linear
time. Up to some 120,000 nodes the bound is never met, whatever the shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import field, frozen

from ._order import Adjacency
from ._reachability import Edge, maybe_reached, spine_ways

__all__ = ["Reduction", "Redundant", "reduce_edges"]

#: Sources per sweep: the memory of a sweep is at most this many bits per node.
_BLOCK = 8192
#: Sweeps may visit each node so often on average, and in any graph so many nodes.
_VISITS_PER_NODE = 4
_VISITS_FREE = 1_000_000
#: From so many visits per node on, and not below so many in all, quick answers pay.
_QUICK_PER_NODE = 2
_QUICK_FROM = 100_000
#: Edges that reach further are not swept, and the sources of one sweep lie no further apart: its memory stays below 350 MB.
_LONGEST_REACH = 150_000
#: A path is followed back so many nodes, and not through nodes with more predecessors than this.
_STEPS = 6
_FAN_IN = 64
#: With so few predecessors, asking for each pair is cheaper than counting in sets.
_FEW = 8


@frozen
class Redundant:
    """An edge implied by a path.

    Attributes:
        path: nodes from ``before`` to ``after``; ``None`` stands for a part that is not spelled out.
    """

    before: int
    after: int
    path: tuple[int | None, ...]


@frozen
class Reduction:
    """What can be left out of a graph.

    Attributes:
        redundant: edges whose removal, all at once, changes nothing about which node comes before which.
        unchecked: how many edges were not looked at to the end; none of them is in ``redundant``.
    """

    redundant: list[Redundant] = field(factory=list)
    unchecked: int = 0


def reduce_edges(order: Sequence[int], level: Sequence[int], before: Adjacency) -> Reduction:
    """The redundant edges of a graph.

    Args:
        order: all nodes in topological order.
        level: for each node a number that rises along every edge; the lower, the better.
        before: for each node the distinct nodes with an edge to it.
    """
    edges: list[Edge] = []
    for node in order:
        below = level[node] - 1
        for source in before[node]:
            if level[source] < below:
                edges.append((source, node))
    if not edges:
        return Reduction()
    position = [0] * len(order)
    for place, node in enumerate(order):
        position[node] = place
    edges.sort(key=lambda edge: position[edge[0]])
    found = []
    if _visits(edges, position) > max(_QUICK_PER_NODE * len(order), _QUICK_FROM):
        edges = maybe_reached(edges, order, level, before)
        ways = spine_ways(edges, order, level, before)
        found = [Redundant(*edge, _over(edge, via, before)) for edge, via in ways.items()]
        edges = [edge for edge in edges if edge not in ways]
    swept = _affordable(edges, position)
    leads_on = bytearray(len(order))
    for sources in before:
        for source in sources:
            leads_on[source] = 1
    for block in _blocks(swept, position):
        start = position[block[0][0]]
        stop = max([position[target] for _, target in block]) + 1
        _Sweep(before, leads_on, position, block).run(order[start:stop], found)
    return Reduction(found, len(edges) - len(swept))


def _over(edge: Edge, via: int, before: Adjacency) -> tuple[int | None, ...]:
    source, target = edge
    return (source, via, target) if source in before[via] else (source, None, via, target)


def _blocks(edges: Sequence[Edge], position: Sequence[int]) -> Iterator[Sequence[Edge]]:
    """Cut into runs of at most :data:`_BLOCK` sources; ``edges`` by position of their source."""
    start, sources, latest = 0, 0, -1
    for place, (source, _) in enumerate(edges):
        if source != latest:
            if sources == _BLOCK or position[source] - position[edges[start][0]] > _LONGEST_REACH:
                yield edges[start:place]
                start, sources = place, 0
            sources, latest = sources + 1, source
    if edges:
        yield edges[start:]


def _visits(edges: Sequence[Edge], position: Sequence[int]) -> int:
    """How many nodes the sweeps for ``edges`` would visit."""
    return sum(
        max([position[target] for _, target in block]) - position[block[0][0]] + 1 for block in _blocks(edges, position)
    )


def _affordable(edges: list[Edge], position: Sequence[int]) -> list[Edge]:
    """All, or if these are too dear those that reach least far."""
    allowed = max(_VISITS_PER_NODE * len(position), _VISITS_FREE)
    reach = _LONGEST_REACH
    while True:
        near = [edge for edge in edges if position[edge[1]] - position[edge[0]] <= reach]
        if _visits(near, position) <= allowed:
            return near
        reach = reach * 3 // 4


class _Sweep:
    """One pass over the nodes behind a block of sources."""

    def __init__(
        self, before: Adjacency, leads_on: Sequence[int], position: Sequence[int], block: Sequence[Edge]
    ) -> None:
        self.before = before
        self.leads_on = leads_on
        self.position = position
        self.block = list(dict.fromkeys(source for source, _ in block))
        self.bit = {source: 1 << index for index, source in enumerate(self.block)}
        self.wanted: dict[int, list[int]] = {}
        for source, target in block:
            self.wanted.setdefault(target, []).append(source)
        # what of the block reaches each node, itself included
        self.reached = [0] * len(before)

    def run(self, nodes: Sequence[int], found: list[Redundant]) -> None:
        """Find the redundant edges among those of the block; ``nodes`` holds all their ends."""
        before, bit, reached, leads_on, wanted = self.before, self.bit, self.reached, self.leads_on, self.wanted
        for node in nodes:
            sources = before[node]
            if node in wanted:
                look = self._few if len(sources) <= _FEW else self._many
                for candidate, via in look(sources, wanted[node]):
                    found.append(Redundant(candidate, node, self._path(candidate, via, node)))
            if leads_on[node]:  # otherwise nobody asks what reaches it
                union = 0
                for source in sources:
                    if more := reached[source]:
                        union = union | more if union else more
                reached[node] = union | bit[node] if node in bit else union

    def _few(self, sources: Sequence[int], wanted: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Those of ``wanted`` that reach another of ``sources``, and the nearest such one."""
        for candidate in wanted:
            mark = self.bit[candidate]
            via = [source for source in sources if source != candidate and self.reached[source] & mark]
            if via:
                yield candidate, next((source for source in via if self._next_to(candidate, source)), via[0])

    def _many(self, sources: Sequence[int], wanted: Sequence[int]) -> Iterator[tuple[int, int]]:
        """As :meth:`_few`, by counting: a candidate is in its own set, and in a later one only if it reaches that source."""
        mask = once = twice = 0
        for candidate in wanted:
            mask |= self.bit[candidate]
        for source in sorted(sources, key=self.position.__getitem__):
            if more := self.reached[source] & mask:
                new = once & more & ~twice
                once |= more
                twice |= new
                while new:
                    lowest = new & -new
                    new ^= lowest
                    yield self.block[lowest.bit_length() - 1], source

    def _next_to(self, source: int, node: int) -> bool:
        sources = self.before[node]
        return len(sources) <= _FAN_IN and source in sources

    def _path(self, source: int, via: int, node: int) -> tuple[int | None, ...]:
        """From ``source`` over ``via`` to ``node``; a long way is cut short."""
        path: list[int | None] = [node, via]
        mark = self.bit[source]
        for _ in range(_STEPS):
            earlier = self.before[via]
            if len(earlier) > _FAN_IN:
                break
            if source in earlier:
                return (source, *reversed(path))
            via = next(each for each in earlier if self.reached[each] & mark)
            path.append(via)
        return (source, None, *reversed(path))

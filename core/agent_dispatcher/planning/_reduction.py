"""Transitive reduction of a directed acyclic graph, fast enough for hundreds of thousands of edges.

An edge ``u -> v`` is redundant when another path leads from ``u`` to ``v``. On the longest-path levels of the nodes an edge to the next
level is never redundant, so only edges that skip a level are looked at. For those, the sources are taken in blocks; one sweep over the nodes per
block carries, as the bits of one integer, which sources of the block reach each node (and are it)::

    reaching(v)  =  {v} and the union of reaching(p) over the edges p -> v
    u -> v is redundant  <=>  u is in reaching(p) for an edge p -> v with p other than u
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from ._order import Adjacency

__all__ = ["Redundant", "redundant_edges"]

#: Sources per sweep: the memory of a sweep is at most this many bits per node.
_BLOCK = 8192
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


def redundant_edges(order: Sequence[int], before: Adjacency) -> list[Redundant]:
    """The edges whose removal, all at once, changes nothing about which node comes before which.

    Args:
        order: all nodes in topological order.
        before: for each node the distinct nodes with an edge to it.
    """
    level = [0] * len(order)
    leads_on = bytearray(len(order))
    skipping: dict[int, list[int]] = {}
    for node in order:
        sources = before[node]
        if sources:
            top = max([level[source] for source in sources])
            level[node] = top + 1
            for source in sources:
                leads_on[source] = 1
                if level[source] < top:
                    skipping.setdefault(source, []).append(node)
    if not skipping:
        return []
    position = [0] * len(order)
    for place, node in enumerate(order):
        position[node] = place
    sources = sorted(skipping, key=position.__getitem__)
    found: list[Redundant] = []
    for first in range(0, len(sources), _BLOCK):
        block = sources[first : first + _BLOCK]
        start = position[block[0]]
        stop = max([position[target] for source in block for target in skipping[source]]) + 1
        _Sweep(before, leads_on, position, block).run(order[start:stop], skipping, found)
    return found


class _Sweep:
    """One pass over the nodes behind a block of sources."""

    def __init__(
        self, before: Adjacency, leads_on: Sequence[int], position: Sequence[int], block: Sequence[int]
    ) -> None:
        self.before = before
        self.leads_on = leads_on
        self.position = position
        self.block = block
        self.bit = {source: 1 << index for index, source in enumerate(block)}
        # what of the block reaches each node, itself included
        self.reached = [0] * len(before)

    def run(self, nodes: Sequence[int], skipping: dict[int, list[int]], found: list[Redundant]) -> None:
        """Find the redundant edges that start at a node of the block; ``nodes`` holds all their ends."""
        wanted: dict[int, list[int]] = {}
        for source in self.block:
            for target in skipping[source]:
                wanted.setdefault(target, []).append(source)
        before, bit, reached, leads_on = self.before, self.bit, self.reached, self.leads_on
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

"""Transitive reduction of a directed acyclic graph, fast enough for hundreds of thousands of edges.

An edge ``u -> v`` is redundant when another path leads from ``u`` to ``v``. On the longest-path levels of the nodes an edge to the next
level is never redundant, so only edges that skip a level are looked at. For those, the sources are taken in blocks; one sweep over the nodes per
block carries, as the bits of one integer, which sources of the block reach each node::

    reached by v = OR over the edges p -> v of (reached by p, and p itself)
    u -> v is redundant  <=>  u is in OR over the edges p -> v of (reached by p)
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ._order import Adjacency

__all__ = ["Redundant", "redundant_edges"]

#: Sources per sweep: the memory of a sweep is at most this many bits per node.
_BLOCK = 8192
#: A path is followed back so many nodes, and not through nodes with more predecessors than this.
_STEPS = 6
_FAN_IN = 64


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
    skipping: dict[int, list[int]] = {}
    for node in order:
        sources = before[node]
        if sources:
            top = max([level[source] for source in sources])
            level[node] = top + 1
            if len(sources) > 1:
                for source in sources:
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
        start = position[block[0]] + 1
        stop = max(position[target] for source in block for target in skipping[source]) + 1
        _sweep(order[start:stop], before, block, skipping, found)
    return found


def _sweep(
    nodes: Sequence[int],
    before: Adjacency,
    block: Sequence[int],
    skipping: dict[int, list[int]],
    found: list[Redundant],
) -> None:
    """Find the redundant edges that start at a node of ``block`` and end at one of ``nodes``."""
    bit = {source: 1 << index for index, source in enumerate(block)}
    wanted: dict[int, int] = {}
    for source in block:
        for target in skipping[source]:
            wanted[target] = wanted.get(target, 0) | bit[source]
    direct = [0] * len(before)
    reached = [0] * len(before)
    for node in nodes:
        through = 0
        own = 0
        for source in before[node]:
            through |= reached[source]
            if source in bit:
                own |= bit[source]
        if through and node in wanted:
            hits = through & wanted[node]
            if hits:
                _explain(node, hits, before, block, direct, reached, found)
        if own:
            direct[node] = own
        reached[node] = through | own


def _explain(
    node: int,
    hits: int,
    before: Adjacency,
    block: Sequence[int],
    direct: Sequence[int],
    reached: Sequence[int],
    found: list[Redundant],
) -> None:
    """Record each source in ``hits`` with a path to ``node``: over one other node if there is such a path."""
    for known in (direct, reached):
        for via in before[node]:
            here = known[via] & hits
            hits ^= here
            while here:
                lowest = here & -here
                here ^= lowest
                source = block[lowest.bit_length() - 1]
                found.append(Redundant(source, node, _path(source, lowest, via, node, before, direct, reached)))
            if not hits:
                return


def _path(
    source: int,
    bit: int,
    via: int,
    node: int,
    before: Adjacency,
    direct: Sequence[int],
    reached: Sequence[int],
) -> tuple[int | None, ...]:
    """From ``source`` over ``via`` to ``node``; a long way is cut short."""
    path: list[int | None] = [node, via]
    for _ in range(_STEPS):
        if direct[via] & bit:
            break
        if len(before[via]) > _FAN_IN:
            path.append(None)
            break
        via = next(earlier for earlier in before[via] if reached[earlier] & bit)
        path.append(via)
    else:
        if not direct[via] & bit:
            path.append(None)
    path.append(source)
    return tuple(reversed(path))

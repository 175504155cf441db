"""When the nodes of a graph can start, end and land, and how urgent each is. Pure arithmetic on integers and durations.

A node *starts* when all before it have landed, *ends* after its duration and *lands* when, besides, all that hold it have landed. A
node that is held is the subject of a gate (its test holds it), or a parent (its children do)::

    test ──────────╮ holds
    subject ───────┴─ lands ──▶ dependent
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from ._order import Adjacency

__all__ = ["Times", "Wiring", "levels", "longest_path", "times", "upward_ranks"]


@frozen(kw_only=True)
class Wiring:
    """A graph of nodes 0 to n-1.

    Attributes:
        before, after: per node, over its dependencies.
        holds: nodes whose landing waits for the key's landing.
        held_by: the same from the other side.
        duration: seconds, 0 for what needs nobody.
        order: topological over dependencies and holds.
    """

    before: Adjacency
    after: Adjacency
    holds: Mapping[int, Sequence[int]]
    held_by: Mapping[int, Sequence[int]]
    duration: Sequence[float]
    order: Sequence[int]


@frozen
class Times:
    """Earliest times with unlimited workers, seconds from the beginning."""

    start: list[float]
    end: list[float]
    land: list[float]

    @property
    def span(self) -> float:
        """The least time in which everything can land."""
        return max(self.land, default=0.0)


def levels(wiring: Wiring, *, holds: bool = True) -> list[int]:
    """The earliest step of each node, from 0; with ``holds`` also those wait that depend on something held."""
    level = [0] * len(wiring.order)
    landed = level if not holds else [0] * len(wiring.order)
    for node in wiring.order:
        sources = wiring.before[node]
        step = 1 + max([landed[source] for source in sources]) if sources else 0
        level[node] = step
        if holds:
            held = wiring.held_by.get(node)
            landed[node] = max(step, max(landed[holder] for holder in held)) if held else step
    return level


def times(wiring: Wiring) -> Times:
    """Earliest start, end and landing of each node."""
    count = len(wiring.order)
    start, end, land = [0.0] * count, [0.0] * count, [0.0] * count
    for node in wiring.order:
        sources = wiring.before[node]
        if sources:
            start[node] = max([land[source] for source in sources])
        end[node] = land[node] = start[node] + wiring.duration[node]
        held = wiring.held_by.get(node)
        if held:
            land[node] = max(end[node], max(land[holder] for holder in held))
    return Times(start, end, land)


def upward_ranks(wiring: Wiring) -> list[float]:
    """For each node the seconds from its start to the end of everything that waits for it, along the longest way."""
    rank = [0.0] * len(wiring.order)
    tail = [0.0] * len(wiring.order)
    for node in reversed(wiring.order):
        targets = wiring.after[node]
        rest = max([rank[target] for target in targets]) if targets else 0.0
        held = wiring.holds.get(node)
        if held:
            rest = max(rest, max(tail[subject] for subject in held))
        tail[node] = rest
        rank[node] = rest + wiring.duration[node]
    return rank


def longest_path(wiring: Wiring, when: Times) -> list[int]:
    """Nodes whose durations add up to the span, each kept waiting by the one before it; of equals the lowest numbers."""
    if not when.land:
        return []
    node = when.land.index(when.span)
    path: list[int] = []
    while True:
        held = wiring.held_by.get(node, ())
        if held and when.end[node] < when.land[node]:
            node = min(holder for holder in held if when.land[holder] == when.land[node])
            continue
        path.append(node)
        late = [source for source in wiring.before[node] if when.land[source] == when.start[node]]
        if not late:
            return path[::-1]
        node = min(late)

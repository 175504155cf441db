"""Placing: nothing overlaps, crossings go away, long edges keep clear of boxes."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher_builtins.reporters.html.layout import Size, crossings, place

SIZE = Size()


def test_edges_that_cross_are_untangled() -> None:
    """Two parallel edges drawn in the wrong order are put right."""
    placed = place([[0, 1], [2, 3]], [(0, 3), (1, 2)], SIZE)
    assert (placed.y[0] < placed.y[1]) == (placed.y[3] < placed.y[2])


def test_crossings_are_counted() -> None:
    """Three edges that all cross each other are three crossings; a fan is none."""
    after = [[5], [4], [3], [], [], []]
    assert crossings([0, 1, 2], [3, 4, 5], after) == 3
    assert crossings([0], [3, 4, 5], [[3, 4, 5], [], [], [], [], []]) == 0


def test_what_belongs_together_stays_together() -> None:
    """A subject and its test are neighbours, wherever their edges pull them."""
    together = {1: 1, 4: 1}
    placed = place([[0], [1, 2, 3, 4]], [(0, 2), (0, 3), (0, 1)], SIZE, together=together)
    between = [n for n in (2, 3) if min(placed.y[1], placed.y[4]) < placed.y[n] < max(placed.y[1], placed.y[4])]
    assert between == []


def test_a_long_edge_goes_around_the_boxes_between() -> None:
    """The way past a column does not touch a box of it."""
    placed = place([[0], [1], [2]], [(0, 1), (1, 2), (0, 2)], SIZE)
    ((_, entry), (_, leave)) = placed.joints[0, 2]
    assert entry == leave
    assert abs(entry - placed.y[1]) >= SIZE.height / 2


@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 9), st.booleans())
@settings(deadline=None, max_examples=60)
def test_boxes_never_overlap(seed: int, columns: int, most: int, level: bool) -> None:
    """Whatever the graph, boxes of a column keep their distance and everything lies inside the drawing."""
    chance = random.Random(seed)
    nodes: list[list[int]] = []
    count = 0
    for _ in range(columns):
        size = chance.randint(1, most)
        nodes.append(list(range(count, count + size)))
        count += size
    edges = [
        (a, b)
        for i, left in enumerate(nodes)
        for right in nodes[i + 1 :]
        for a in left
        for b in right
        if chance.random() < 0.2
    ]
    placed = place(nodes, edges, SIZE, level=level)
    for column in nodes:
        heights = sorted(placed.y[node] for node in column)
        assert all(below - above >= SIZE.height + SIZE.gap - 1e-6 for above, below in pairwise(heights))
    assert all(SIZE.height / 2 - 1e-6 <= y <= placed.height - SIZE.height / 2 + 1e-6 for y in placed.y)
    assert all(0 < x < placed.width for x in placed.x)

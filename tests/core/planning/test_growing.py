"""A graph that grows edge by edge and never gets a cycle."""

from __future__ import annotations

from itertools import pairwise

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.planning._growing import GrowingOrder


@given(
    st.integers(1, 9).flatmap(
        lambda size: st.tuples(st.just(size), st.lists(st.tuples(*[st.integers(0, size - 1)] * 2)))
    )
)
@settings(deadline=None, max_examples=300)
def test_an_edge_is_added_unless_it_closes_a_cycle(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    """And then a shortest path the other way is given, and the graph stays as it was."""
    size, edges = drawn
    growing = GrowingOrder([[] for _ in range(size)], range(size))
    known = networkx.DiGraph()
    known.add_nodes_from(range(size))
    for before, after in edges:
        path = growing.add(before, after)
        if networkx.has_path(known, after, before):
            assert path is not None
            assert (path[0], path[-1]) == (after, before)
            assert len(path) - 1 == networkx.shortest_path_length(known, after, before)
            assert all(known.has_edge(*edge) for edge in pairwise(path))
        else:
            assert path is None
            known.add_edge(before, after)


def test_what_is_there_from_the_beginning_counts() -> None:
    """Edges given with the order close cycles like those that are added."""
    growing = GrowingOrder([[1], [2], []], [0, 1, 2])
    assert growing.add(2, 0) == [0, 1, 2]
    assert growing.add(0, 2) is None

"""The reduction on graphs that make its blocks and shortcuts meet."""

from __future__ import annotations

from itertools import pairwise

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.planning import _reachability, _reduction
from agent_dispatcher.planning._order import layers


def reduced(before: list[list[int]], after: list[list[int]]) -> _reduction.Reduction:
    found = layers(after)
    level = {node: height for height, layer in enumerate(found) for node in layer}
    order = [node for layer in found for node in layer]
    return _reduction.reduce_edges(order, [level[node] for node in range(len(order))], before)


@pytest.mark.parametrize("block", [1, 3, 8192])
@pytest.mark.parametrize("few", [0, 8])
@given(st.integers(2, 30), st.data())
@settings(deadline=None, max_examples=40)
def test_every_block_size_and_both_ways_of_counting_agree_with_networkx(
    block: int, few: int, size: int, data: st.DataObject
) -> None:
    """Where blocks end, and how many predecessors a node has, changes nothing."""
    name = data.draw(st.permutations(range(size)))
    pairs = [(name[a], name[b]) for b in range(size) for a in range(b)]
    chosen = sorted(data.draw(st.sets(st.sampled_from(pairs), min_size=1, max_size=120)))
    before: list[list[int]] = [[] for _ in range(size)]
    after: list[list[int]] = [[] for _ in range(size)]
    for a, b in chosen:
        before[b].append(a)
        after[a].append(b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reduction, "_BLOCK", block)
        patch.setattr(_reduction, "_FEW", few)
        found = reduced(before, after).redundant
    kept = set(chosen) - {(edge.before, edge.after) for edge in found}
    assert kept == set(networkx.transitive_reduction(networkx.DiGraph(chosen)).edges())
    for edge in found:
        known = [node for node in edge.path if node is not None]
        assert (known[0], known[-1]) == (edge.before, edge.after)


@st.composite
def drawn(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[list[int]], list[list[int]]]:
    """Edges of an acyclic graph, and its adjacency both ways."""
    size = draw(st.integers(3, 24))
    name = draw(st.permutations(range(size)))
    pairs = [(name[a], name[b]) for b in range(size) for a in range(b)]
    chosen = sorted(draw(st.sets(st.sampled_from(pairs), min_size=1, max_size=80)))
    before: list[list[int]] = [[] for _ in range(size)]
    after: list[list[int]] = [[] for _ in range(size)]
    for a, b in chosen:
        before[b].append(a)
        after[a].append(b)
    return chosen, before, after


@pytest.mark.parametrize("bits", [1, 7, 1024])
@pytest.mark.parametrize("fan_in", [1, 64])
@given(drawn())
@settings(deadline=None, max_examples=60)
def test_quick_answers_change_nothing(
    bits: int, fan_in: int, graph: tuple[list[tuple[int, int]], list[list[int]], list[list[int]]]
) -> None:
    """However coarse the sketches are, the same edges are found, and the ways that are shown exist."""
    chosen, before, after = graph
    whole = networkx.DiGraph(chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reduction, "_QUICK_PER_NODE", 0)
        patch.setattr(_reduction, "_QUICK_FROM", -1)
        patch.setattr(_reachability, "_BITS", bits)
        patch.setattr(_reachability, "_FAN_IN", fan_in)
        found = reduced(before, after)
    kept = set(chosen) - {(edge.before, edge.after) for edge in found.redundant}
    assert kept == set(networkx.transitive_reduction(whole).edges())
    assert found.unchecked == 0
    for edge in found.redundant:
        for one, other in pairwise(node for node in edge.path if node is not None):
            assert networkx.has_path(whole, one, other)
        assert (edge.path[0], edge.path[-1]) == (edge.before, edge.after)
        assert len(edge.path) > 2


@given(drawn(), st.integers(0, 40), st.booleans())
@settings(deadline=None, max_examples=150)
def test_what_is_too_dear_stays_and_is_counted(
    graph: tuple[list[tuple[int, int]], list[list[int]], list[list[int]]], visits: int, quick: bool
) -> None:
    """With little to spend fewer redundant edges are found, never a wrong one, and no more are missing than is said."""
    chosen, before, after = graph
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reduction, "_VISITS_PER_NODE", 0)
        patch.setattr(_reduction, "_VISITS_FREE", visits)
        if quick:
            patch.setattr(_reduction, "_QUICK_PER_NODE", 0)
            patch.setattr(_reduction, "_QUICK_FROM", -1)
        found = reduced(before, after)
    expected = set(chosen) - set(networkx.transitive_reduction(networkx.DiGraph(chosen)).edges())
    redundant = {(edge.before, edge.after) for edge in found.redundant}
    assert redundant <= expected
    assert len(expected - redundant) <= found.unchecked


def test_what_cannot_be_afforded_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two redundant edges the one of shorter reach is found with little to spend, and none with nothing."""
    size = 12
    before = [[], *([node - 1] for node in range(1, size))]
    before[5].append(3)
    before[11].append(0)
    monkeypatch.setattr(_reduction, "_VISITS_PER_NODE", 0)
    monkeypatch.setattr(_reduction, "_VISITS_FREE", 5)
    found = _reduction.reduce_edges(range(size), range(size), before)
    assert ([(each.before, each.after) for each in found.redundant], found.unchecked) == ([(3, 5)], 1)
    monkeypatch.setattr(_reduction, "_VISITS_FREE", 0)
    assert _reduction.reduce_edges(range(size), range(size), before) == _reduction.Reduction([], 2)


def test_an_edge_is_no_way_beside_itself() -> None:
    """Also where it skips levels only because of gates, and lies on the spine."""
    assert _reachability.spine_ways([(0, 1)], [0, 1], [0, 5], [[], [0]]) == {}
    assert _reachability.maybe_reached([(0, 1)], [0, 1], [0, 5], [[], [0]]) == []


def test_a_long_way_is_cut_short() -> None:
    """A path of many steps names the end of it and shows that something is left out."""
    size = 50
    before = [[]] + [[node - 1] for node in range(1, size)]
    before[size - 1] = [0, size - 2]
    found = _reduction.reduce_edges(range(size), range(size), before).redundant
    assert len(found) == 1
    assert found[0].path[:2] == (0, None)
    assert found[0].path[-2:] == (48, 49)
    assert len(found[0].path) < 12

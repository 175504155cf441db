"""The reduction on graphs that make its blocks and shortcuts meet."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.planning import _reduction
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

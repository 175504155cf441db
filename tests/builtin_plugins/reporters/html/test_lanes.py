"""The board: every box has a place of its own in its lane and phase, and neighbours end up near each other."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher_builtins.reporters.html import lanes
from agent_dispatcher_builtins.reporters.html.lanes import Board, arrange


def length(board: Board, lane: list[int], edges: list[tuple[int, int]]) -> int:
    """How far apart the ends of edges are, in rows."""
    top, at = {}, 0
    for number in board.lanes:
        top[number] = at
        at += board.rows[number] + 1
    return sum(abs(top[lane[a]] + board.row[a] - top[lane[b]] - board.row[b]) for a, b in edges)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=80), st.integers(0, 1000))
def test_no_two_boxes_share_a_place(nodes: list[tuple[int, int]], seed: int) -> None:
    """Whatever the plan: within its lane each box has a row and column of its own, in the columns of its phase, and lanes are tall enough."""
    groups = sorted({lane for _, lane in nodes})
    phase, lane = [each for each, _ in nodes], [groups.index(each) for _, each in nodes]
    dice = random.Random(seed)
    edges = [
        (a, b) for a in range(len(nodes)) for b in range(len(nodes)) if phase[a] < phase[b] and dice.random() < 0.1
    ]
    board = arrange(phase, lane, edges)
    places = list(zip(lane, board.column, board.row, strict=True))
    assert len(set(places)) == len(nodes)
    for node, (_, column, row) in enumerate(places):
        assert board.columns[phase[node]] <= column < board.columns[phase[node] + 1]
        assert row < board.rows[lane[node]]
    assert sorted(board.lanes) == list(range(len(groups)))


def test_boxes_stand_beside_what_they_wait_for() -> None:
    """Two phases joined pairwise, the second one shuffled: sorting makes every edge level."""
    dice = random.Random(1)
    order = list(range(8))
    dice.shuffle(order)
    edges = [(number, 8 + place) for place, number in enumerate(order)]
    board = arrange([0] * 8 + [1] * 8, [0] * 16, edges)
    assert length(board, [0] * 16, edges) == 0


def test_sorting_never_makes_it_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all orders that were tried the one with the shortest edges is kept: another sweep is never worse than none."""
    for seed in range(20):
        dice = random.Random(seed)
        phase = sorted(dice.randrange(5) for _ in range(60))
        lane = [dice.randrange(3) for _ in range(60)]
        edges = [(a, b) for a in range(60) for b in range(60) if phase[a] + 1 == phase[b] and dice.random() < 0.1]
        found = []
        for sweeps in range(9):
            monkeypatch.setattr(lanes, "_SWEEPS", sweeps)
            found.append(length(arrange(phase, lane, edges), lane, edges))
        assert found == sorted(found, reverse=True)
        assert found[-1] < found[0]


def test_early_lanes_come_first() -> None:
    """A reader goes from the upper left to the lower right."""
    assert arrange([2, 0, 1, 0], [0, 1, 2, 1], []).lanes == (1, 2, 0)


def test_ten_times_the_tasks_take_about_ten_times_as_long(growth: Callable[..., float]) -> None:
    """The layout grows with boxes and edges; with their square each box would cost ten times as much."""

    def prepare(size: int) -> Callable[[], object]:
        dice = random.Random(size)
        phase = [number * 40 // size for number in range(size)]
        lane = [dice.randrange(12) for _ in range(size)]
        edges = [(dice.randrange(max(1, number - size // 20)), number) for number in range(1, size) for _ in range(3)]
        return lambda: arrange(phase, lane, edges)

    assert growth(prepare, 2_000, 20_000) < 4

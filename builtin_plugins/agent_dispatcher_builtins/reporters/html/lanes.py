"""Where the boxes of a board go: a lane for each group, a column for each phase. Pure arithmetic on integers; knows nothing of tasks.

Lanes lie below each other and can be folded one by one, so a box has a place within its lane; whoever draws adds up the heights of the lanes above::

            phase 1     phase 2     phase 3
    lane A  [0] ─────▶ [1]
                    ╲
    lane B           ╰▶ [2] ─────▶ [3]
                                   [4]

The order within a cell (a lane in a column) comes from barycenter sweeps: each box moves towards the middle of its neighbours in the columns before, then
behind, and the order with the shortest edges is kept. A sweep costs as much as there are boxes and edges, sorting aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

__all__ = ["Board", "arrange"]

_SWEEPS = 8
#: A cell with more boxes than this stands in several columns.
_CELL_ROWS = 8


@frozen(kw_only=True)
class Board:
    """Places in whole boxes: a box at row 2, column 5 is the third of its lane in the sixth column of the board.

    Attributes:
        column: per node.
        row: per node, within its lane.
        lanes: the lanes from top to bottom.
        rows: per lane, as many as it needs when it is not folded.
        columns: per phase, the first column of the board that belongs to it; the last entry is the number of columns.
    """

    column: tuple[int, ...]
    row: tuple[int, ...]
    lanes: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]


def arrange(phase: Sequence[int], lane: Sequence[int], edges: Sequence[tuple[int, int]]) -> Board:
    """Put every node somewhere.

    Args:
        phase, lane: per node, each numbered from 0.
        edges: pairs of nodes that should be near each other.
    """
    cells: dict[tuple[int, int], list[int]] = {}
    for node in range(len(phase)):
        cells.setdefault((lane[node], phase[node]), []).append(node)
    lanes = _lane_order(phase, lane)
    rows = [0] * len(lanes)
    for (number, _), members in cells.items():
        rows[number] = max(rows[number], min(len(members), _CELL_ROWS))
    top: dict[int, int] = {}
    at = 0
    for number in lanes:
        top[number] = at
        at += rows[number] + 1
    _sort(cells, top, phase, edges)
    wide = [1] * (max(phase, default=-1) + 1)
    for (_, number), members in cells.items():
        wide[number] = max(wide[number], -(-len(members) // _CELL_ROWS))
    columns = [0]
    for each in wide:
        columns.append(columns[-1] + each)
    column, row = [0] * len(phase), [0] * len(phase)
    for (_, number), members in cells.items():
        for place, node in enumerate(members):
            part, row[node] = _split(place, len(members))
            column[node] = columns[number] + part
    return Board(column=tuple(column), row=tuple(row), lanes=tuple(lanes), rows=tuple(rows), columns=tuple(columns))


def _split(place: int, count: int) -> tuple[int, int]:
    """Column and row within a cell; its columns are filled evenly."""
    parts = -(-count // _CELL_ROWS)
    height = -(-count // parts)
    return place // height, place % height


def _lane_order(phase: Sequence[int], lane: Sequence[int]) -> list[int]:
    """From the lane that is earliest on the whole to the latest; of equals the first named."""
    total: dict[int, int] = {}
    count: dict[int, int] = {}
    for node, number in enumerate(lane):
        total[number] = total.get(number, 0) + phase[node]
        count[number] = count.get(number, 0) + 1
    return sorted(total, key=lambda number: (total[number] / count[number], number))


def _sort(
    cells: dict[tuple[int, int], list[int]],
    top: Mapping[int, int],
    phase: Sequence[int],
    edges: Sequence[tuple[int, int]],
) -> None:
    """Order the nodes of every cell in place."""
    before: list[list[int]] = [[] for _ in phase]
    after: list[list[int]] = [[] for _ in phase]
    for a, b in edges:
        before[b].append(a)
        after[a].append(b)
    height = [0.0] * len(phase)

    def place(key: tuple[int, int]) -> None:
        members = cells[key]
        for number, node in enumerate(members):
            height[node] = top[key[0]] + _split(number, len(members))[1]

    for key in cells:
        place(key)
    by_phase = sorted(cells, key=lambda key: (key[1], top[key[0]]))
    best, shortest = {key: list(nodes) for key, nodes in cells.items()}, _length(edges, height)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else after
        for key in by_phase if forward else reversed(by_phase):
            middle = {
                node: sum(height[other] for other in near[node]) / len(near[node]) if near[node] else height[node]
                for node in cells[key]
            }
            cells[key].sort(key=lambda node: (middle[node], node))
            place(key)
        length = _length(edges, height)
        if length < shortest:
            best, shortest = {key: list(nodes) for key, nodes in cells.items()}, length
    cells.update(best)


def _length(edges: Sequence[tuple[int, int]], height: Sequence[float]) -> float:
    return sum(abs(height[a] - height[b]) for a, b in edges)

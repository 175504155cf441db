"""Where the boxes of a layered graph go. Pure arithmetic on integers; knows nothing of tasks.

Columns run from left to right. A long edge passes through every column it crosses at a *joint*; edges of one end share their joints::

    a ──▶ b ──▶ d
     ╲          ▲
      ╰──○──────╯      ○ is a joint of the edge a → d

The order within a column comes from barycenter sweeps (the order with the fewest crossings is kept), the heights from moving every node
towards its neighbours as far as the order and the distances allow (a least-squares fit, solved exactly by pooling adjacent violators).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from attrs import define, frozen

__all__ = ["Placed", "Size", "crossings", "place"]

#: With more joints than this, long edges are drawn straight.
_MOST_JOINTS = 2500
_SWEEPS = 8
_FITS = 8


@frozen(kw_only=True)
class Size:
    """Measures in units of the drawing."""

    width: float = 190.0
    height: float = 44.0
    gap: float = 14.0
    column_gap: float = 64.0
    joint: float = 10.0


@frozen(kw_only=True)
class Placed:
    """Centres of nodes and the points between them.

    Attributes:
        x, y: per node.
        joints: for each edge the points it passes through between its ends, maybe none.
        left: left border of each column, in order.
        width, height: of everything.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    joints: Mapping[tuple[int, int], tuple[tuple[float, float], ...]]
    left: tuple[float, ...]
    width: float
    height: float


@define
class _Net:
    """Nodes and joints by column, with the short edges between neighbouring columns."""

    columns: list[list[int]]
    left: list[list[int]]
    right: list[list[int]]
    paths: dict[tuple[int, int], list[int]]
    count: int


def place(
    columns: Sequence[Sequence[int]],
    edges: Sequence[tuple[int, int]],
    size: Size,
    *,
    together: Mapping[int, int] | None = None,
    level: bool = True,
) -> Placed:
    """Put every node somewhere.

    Args:
        columns: the nodes 0 to n-1, each in exactly one column.
        edges: from a node to one of a later column; others are not used for placing.
        together: nodes of one column with the same number stay beside each other, in their order.
        level: move nodes to the height of their neighbours; else every column begins at the top, so that a drawing that is
            far taller than what is seen of it at once shows something at once.
    """
    net = _net(columns, edges)
    _order(net, together or {})
    y = _heights(net, size, _FITS if level else 0)
    shift = size.height / 2 - min((y[node] for column in net.columns for node in column), default=0.0)
    pitch = size.width + size.column_gap
    column_of = {node: number for number, column in enumerate(net.columns) for node in column}
    x = {node: column * pitch + size.width / 2 for node, column in column_of.items()}
    joints = {}
    for edge, path in net.paths.items():
        points = []
        for joint in path:
            height = y[joint] + shift
            points += [(x[joint] - size.width / 2, height), (x[joint] + size.width / 2, height)]
        joints[edge] = tuple(points)
    return Placed(
        x=tuple(x[node] for node in range(net.count)),
        y=tuple(y[node] + shift for node in range(net.count)),
        joints=joints,
        left=tuple(number * pitch for number in range(len(columns))),
        width=max(len(columns) * pitch - size.column_gap, 0.0),
        height=max((y[node] + shift for column in net.columns for node in column), default=0.0) + size.height / 2,
    )


def _net(columns: Sequence[Sequence[int]], edges: Sequence[tuple[int, int]]) -> _Net:
    column_of = {node: number for number, column in enumerate(columns) for node in column}
    count = len(column_of)
    forward = [(a, b) for a, b in edges if column_of[a] < column_of[b]]
    long = [(a, b) for a, b in forward if column_of[b] - column_of[a] > 1]
    if sum(column_of[b] - column_of[a] - 1 for a, b in long) > _MOST_JOINTS:
        forward = [edge for edge in forward if column_of[edge[1]] - column_of[edge[0]] == 1]
        long = []
    net = _Net([list(column) for column in columns], [[] for _ in range(count)], [[] for _ in range(count)], {}, count)
    leaving = Counter(a for a, _ in long)
    entering = Counter(b for _, b in long)
    shared: dict[tuple[bool, int, int], int] = {}

    def joint(by_source: bool, end: int, column: int) -> int:
        key = (by_source, end, column)
        if key not in shared:
            shared[key] = len(net.left)
            net.left.append([])
            net.right.append([])
            net.columns[column].append(shared[key])
        return shared[key]

    linked: set[tuple[int, int]] = set()
    for a, b in forward:
        by_source = leaving[a] >= entering[b]
        path = [joint(by_source, a if by_source else b, column) for column in range(column_of[a] + 1, column_of[b])]
        net.paths[a, b] = path
        for one, other in pairwise([a, *path, b]):
            if (one, other) not in linked:
                linked.add((one, other))
                net.right[one].append(other)
                net.left[other].append(one)
    return net


def _order(net: _Net, together: Mapping[int, int]) -> None:
    """Sort the columns by the middle of their neighbours, to and fro; keep the best order seen."""
    for column in net.columns:
        column[:] = [node for nodes in _bundled(column, together) for node in nodes]
    best = [list(column) for column in net.columns]
    fewest = _all_crossings(net)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        neighbours = net.left if rightwards else net.right
        position = {node: float(rank) for column in net.columns for rank, node in enumerate(column)}
        for column in net.columns if rightwards else reversed(net.columns):
            _sort_column(column, neighbours, position, together)
            position.update((node, float(rank)) for rank, node in enumerate(column))
        found = _all_crossings(net)
        if found < fewest:
            fewest, best = found, [list(column) for column in net.columns]
    net.columns[:] = best


def _sort_column(
    column: list[int], neighbours: Sequence[Sequence[int]], position: Mapping[int, float], together: Mapping[int, int]
) -> None:
    middle = {
        node: sum(position[other] for other in neighbours[node]) / len(neighbours[node])
        if neighbours[node]
        else position[node]
        for node in column
    }
    bundles = _bundled(column, together)
    of_bundle = [sum(middle[node] for node in nodes) / len(nodes) for nodes in bundles]
    order = sorted(range(len(bundles)), key=lambda number: (of_bundle[number], number))
    column[:] = [node for number in order for node in bundles[number]]


def _bundled(column: Sequence[int], together: Mapping[int, int]) -> list[list[int]]:
    """The nodes of a column by what belongs together, each bundle where its first node was."""
    bundles: dict[int, list[int]] = {}
    for node in column:
        bundles.setdefault(together.get(node, -1 - node), []).append(node)
    return list(bundles.values())


def _all_crossings(net: _Net) -> int:
    return sum(crossings(left, right, net.right) for left, right in pairwise(net.columns))


def crossings(left: Sequence[int], right: Sequence[int], after: Sequence[Sequence[int]]) -> int:
    """How many pairs of edges between two neighbouring columns cross (counted with a Fenwick tree)."""
    rank = {node: number for number, node in enumerate(right, 1)}
    tree = [0] * (len(right) + 1)
    found = seen = 0
    for node in left:
        ends = sorted(rank[other] for other in after[node] if other in rank)
        for end in ends:
            at, below = end, 0
            while at:
                below += tree[at]
                at &= at - 1
            found += seen - below
        for end in ends:
            seen += 1
            while end < len(tree):
                tree[end] += 1
                end += end & -end
    return found


def _heights(net: _Net, size: Size, fits: int) -> dict[int, float]:
    """The vertical centre of every node and joint."""

    def tall(node: int) -> float:
        return size.height + size.gap if node < net.count else size.joint

    y: dict[int, float] = {}
    offsets: list[list[float]] = []
    for column in net.columns:
        at, row = 0.0, []
        for node in column:
            at += tall(node) / 2
            row.append(at)
            at += tall(node) / 2
        offsets.append(row)
        middle = at / 2 if fits else 0.0
        y.update((node, offset - middle) for node, offset in zip(column, row, strict=True))
    for fit in range(fits):
        order = range(len(net.columns)) if fit % 2 == 0 else range(len(net.columns) - 1, -1, -1)
        for number in order:
            column = net.columns[number]
            wanted, weights = [], []
            for node, offset in zip(column, offsets[number], strict=True):
                near = net.left[node] + net.right[node]
                aim = sum(y[other] for other in near) / len(near) if near else y[node]
                wanted.append(aim - offset)
                weights.append(float(len(near)) if near else 0.1)
            fitted = _increasing(wanted, weights)
            y.update((node, base + offset) for node, base, offset in zip(column, fitted, offsets[number], strict=True))
    return y


def _increasing(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The values that never decrease and are nearest to ``wanted`` by weighted squares."""
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(wanted, weights, strict=True):
        mean, heavy, length = value, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, mass, count = blocks.pop()
            mean = (before * mass + mean * heavy) / (mass + heavy)
            heavy += mass
            length += count
        blocks.append((mean, heavy, length))
    return [mean for mean, _, length in blocks for _ in range(length)]

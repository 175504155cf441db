"""Orders and cycles of a directed graph whose nodes are the integers 0 to n-1. Knows nothing of tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

__all__ = ["Adjacency", "components", "layers", "shortest_cycle", "shortest_path", "topological_order"]

#: For each node the nodes its edges lead to.
Adjacency = Sequence[Sequence[int]]


def layers(after: Adjacency) -> list[list[int]]:
    """Nodes by the number of edges on the longest way to them, each layer sorted.

    Returns:
        Layers that hold all nodes; fewer when there is a cycle: then those that neither lie on one nor behind one.
    """
    waiting = [0] * len(after)
    for targets in after:
        for target in targets:
            waiting[target] += 1
    layer = [node for node, count in enumerate(waiting) if not count]
    found: list[list[int]] = []
    while layer:
        found.append(layer)
        freed = []
        for node in layer:
            for target in after[node]:
                waiting[target] -= 1
                if not waiting[target]:
                    freed.append(target)
        freed.sort()
        layer = freed
    return found


def topological_order(after: Adjacency) -> list[int]:
    """Every node behind all that lead to it, layer by layer, then by number; fewer than all when there is a cycle (see :func:`layers`)."""
    return [node for layer in layers(after) for node in layer]


def components(after: Adjacency) -> list[list[int]]:
    """Sets of nodes that all reach each other, of two nodes or more; each sorted, ordered by first node.

    Tarjan's algorithm without recursion, so that depth costs no stack.
    """
    unseen = -1
    number = [unseen] * len(after)
    low = [0] * len(after)
    on_stack = bytearray(len(after))
    stack: list[int] = []
    found: list[list[int]] = []
    counter = 0
    for root in range(len(after)):
        if number[root] != unseen:
            continue
        number[root] = low[root] = counter
        counter += 1
        stack.append(root)
        on_stack[root] = 1
        path = [(root, iter(after[root]))]
        while path:
            node, targets = path[-1]
            for target in targets:
                if number[target] == unseen:
                    number[target] = low[target] = counter
                    counter += 1
                    stack.append(target)
                    on_stack[target] = 1
                    path.append((target, iter(after[target])))
                    break
                if on_stack[target]:
                    low[node] = min(low[node], number[target])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == number[node]:
                    members = []
                    while True:
                        member = stack.pop()
                        on_stack[member] = 0
                        members.append(member)
                        if member == node:
                            break
                    if len(members) > 1:
                        found.append(sorted(members))
    return sorted(found)


def shortest_path(after: Adjacency, source: int, target: int, within: Iterable[int] | None = None) -> list[int] | None:
    """A path of fewest edges (at least one) from ``source`` to ``target``, both included; ``None`` if there is none.

    Args:
        within: the nodes the path may use; all when ``None``.
    """
    allowed = None if within is None else set(within)
    origin: dict[int, int] = {}
    queue = deque([source])
    while queue:
        node = queue.popleft()
        for following in after[node]:
            if following in origin or (allowed is not None and following not in allowed):
                continue
            origin[following] = node
            if following == target:
                path = [target]
                while True:
                    path.append(origin[path[-1]])
                    if path[-1] == source:
                        return path[::-1]
            queue.append(following)
    return None


def shortest_cycle(after: Adjacency, component: Sequence[int]) -> list[int]:
    """A shortest cycle through the first node of a component; that node stands at both ends."""
    cycle = shortest_path(after, component[0], component[0], component)
    assert cycle is not None, "the nodes of a component reach each other"
    return cycle

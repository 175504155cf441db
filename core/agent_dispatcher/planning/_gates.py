"""Which of the wanted gates can hold beside the order there is."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ._order import Adjacency, components, shortest_path, topological_order

__all__ = ["Choice", "choose"]

Gate = tuple[int, int]


@frozen(kw_only=True)
class Choice:
    """Gates as ``(test, subject)``.

    Attributes:
        accepted: those that close no cycle, in the given order.
        left_out: the others, each with the path from the subject to its test.
        after: the certain order with the accepted gates in it.
    """

    accepted: tuple[Gate, ...]
    left_out: tuple[tuple[Gate, tuple[int, ...]], ...]
    after: Adjacency


def choose(certain: Adjacency, gates: Sequence[Gate]) -> Choice:
    """Accept gates one after the other, each unless it closes a cycle with the certain order and the gates accepted before it.

    Args:
        certain: the order that stands whatever happens to the gates; without cycles.
    """
    wanted = [list(targets) for targets in certain]
    for test, subject in gates:
        wanted[test].append(subject)
    if len(topological_order(wanted)) == len(wanted):
        return Choice(accepted=tuple(gates), left_out=(), after=wanted)
    tangled = components(wanted)
    component_of = {node: number for number, nodes in enumerate(tangled) for node in nodes}
    after = [list(targets) for targets in certain]
    accepted: list[Gate] = []
    left_out: list[tuple[Gate, tuple[int, ...]]] = []
    for test, subject in gates:
        here = component_of.get(test)
        path = None
        if test == subject:
            path = [test]
        elif here is not None and here == component_of.get(subject):
            path = shortest_path(after, subject, test, tangled[here])
        if path is None:
            after[test].append(subject)
            accepted.append((test, subject))
        else:
            left_out.append(((test, subject), tuple(path)))
    return Choice(accepted=tuple(accepted), left_out=tuple(left_out), after=after)

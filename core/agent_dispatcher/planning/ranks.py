"""The order in which ready tasks are taken: by upward rank over estimated durations. The engine starts tasks in it, and planning simulates it.

The upward rank of a task is the time from its start to the end of the run if nothing had to wait for an agent: its own estimate plus the
largest of what follows. A gate ``test → subject`` is followed too, but the test holds only the *end* of the subject, so the subject's own
estimate is not counted behind it::

    rank(t) = estimate(t) + max( rank(s) for t → s ,  rank(s) - estimate(s) for gates t → s ,  0 )
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

from ..errors import CycleError
from ..models import Task

__all__ = ["DONE", "start_order", "topological_order", "upward_ranks", "working_time"]

#: Statuses of tasks on which no agent will work.
DONE = frozenset({"completed", "skipped", "cancelled"})


def working_time(task: Task) -> float:
    """Estimated seconds an agent is still needed for: none for a parent, and for what is done."""
    return 0.0 if task.children or task.status in DONE else task.estimate_s


def topological_order(
    after: Sequence[Sequence[int]],
    gates: Sequence[Sequence[int]],
    names: Sequence[str],
    hints: Mapping[int, Sequence[int]] | None = None,
) -> list[int]:
    """All indices so that every edge and gate points forward.

    Args:
        after: index to the indices that wait for it.
        gates: index of a test to its subjects.
        names: index to task id, for the message.
        hints: like ``after``, but followed only as long as that closes no cycle.

    Raises:
        CycleError: tasks wait for each other, with the path.
    """
    hints = hints or {}
    left, hinted = [0] * len(names), [0] * len(names)
    for targets in (*after, *gates):
        for target in targets:
            left[target] += 1
    for targets in hints.values():
        for target in targets:
            hinted[target] += 1
    order = [index for index, count in enumerate(left) if not count and not hinted[index]]
    held = [index for index, count in enumerate(left) if not count and hinted[index]]
    heapify(held)
    place = 0
    while place < len(order) or held:
        if place == len(order):
            index = heappop(held)  # everything left waits for a hint: pass over those of the first
            if hinted[index] <= 0:
                continue
            hinted[index] = 0
            order.append(index)
        index = order[place]
        place += 1
        for target in (*after[index], *gates[index]) if gates[index] else after[index]:
            left[target] -= 1
            if not left[target]:
                if hinted[target] > 0:
                    heappush(held, target)
                else:
                    order.append(target)
        for target in hints.get(index, ()) if hints else ():
            hinted[target] -= 1
            if not hinted[target] and not left[target]:
                order.append(target)
    if len(order) < len(names):
        path = [names[index] for index in _cycle(after, gates, left)]
        raise CycleError(
            f"tasks wait for each other: {' → '.join(path)}; remove one of these dependencies or gates from the plan",
            path,
        )
    return order


def _cycle(after: Sequence[Sequence[int]], gates: Sequence[Sequence[int]], left: Sequence[int]) -> list[int]:
    """One cycle among the indices that still wait, the first repeated at the end."""
    before: dict[int, int] = {}
    for index, count in enumerate(left):
        if count:
            for target in (*after[index], *gates[index]):
                if left[target]:
                    before.setdefault(target, index)
    path: list[int] = [min(before)]
    seen = {path[0]}
    while before[path[-1]] not in seen:
        path.append(before[path[-1]])
        seen.add(path[-1])
    start = path.index(before[path[-1]])
    cycle = [path[start], *reversed(path[start:])]
    return cycle


def upward_ranks(
    after: Sequence[Sequence[int]],
    gates: Sequence[Sequence[int]],
    advisory: Iterable[tuple[int, int]],
    estimates: Sequence[float],
    names: Sequence[str],
) -> list[float]:
    """Seconds from each task's start to the end of the run; advisory edges count where they close no cycle.

    Raises:
        CycleError: see :func:`topological_order`.
    """
    hints: dict[int, list[int]] = {}
    for before, later in advisory:
        hints.setdefault(before, []).append(later)
    order = topological_order(after, gates, names, hints)
    place = _places(order) if hints else []
    ranks = [0.0] * len(order)
    tails = [0.0] * len(order)
    for index in reversed(order):
        tail = 0.0
        for target in after[index]:
            if ranks[target] > tail:
                tail = ranks[target]
        for target in gates[index]:
            if tails[target] > tail:
                tail = tails[target]
        for target in hints.get(index, ()) if hints else ():
            if place[target] > place[index] and ranks[target] > tail:
                tail = ranks[target]
        tails[index] = tail
        ranks[index] = tail + estimates[index]
    return ranks


def start_order(ranks: Sequence[float], priorities: Sequence[float]) -> list[int]:
    """Index to place in line: highest rank first, then highest priority, then the order of the plan."""
    keys = [(-rank, -priority) for rank, priority in zip(ranks, priorities, strict=True)]
    return _places(sorted(range(len(ranks)), key=keys.__getitem__))


def _places(line: Sequence[int]) -> list[int]:
    """Index to its place in ``line``."""
    places = [0] * len(line)
    for position, index in enumerate(line):
        places[index] = position
    return places

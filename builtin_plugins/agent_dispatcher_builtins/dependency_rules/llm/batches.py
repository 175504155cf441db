"""Which tasks a model is asked about together."""

from __future__ import annotations

from collections.abc import Sequence

from agent_dispatcher.models import Task

__all__ = ["batches"]


def batches(tasks: Sequence[Task], most: int) -> list[tuple[Task, ...]]:
    """Batches of at most ``most`` tasks, so that every two tasks meet in one; those of one group meet in the first.

    Tasks are ordered by group and id, which a source's numbering has no part in: in which order they were listed is no evidence, and the model is not shown it.
    """
    ordered = sorted(tasks, key=lambda task: (task.group, task.id))
    if len(ordered) <= most:
        return [tuple(ordered)]
    half = max(1, most // 2)
    blocks = [tuple(ordered[start : start + half]) for start in range(0, len(ordered), half)]
    pairs = [(first, second) for first in range(len(blocks)) for second in range(first + 1, len(blocks))]
    pairs.sort(key=lambda pair: (pair[1] - pair[0], pair[0]))
    return [(*blocks[first], *blocks[second]) for first, second in pairs]

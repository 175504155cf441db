"""A graph as the engine sees it, for the simulation: what is done waits for nothing, exclusions count, and the order of starting is the engine's own."""

from __future__ import annotations

from collections.abc import Sequence

from ..models import Exclusion
from ._links import Links
from ._simulation import Jobs
from .ranks import DONE, start_order, upward_ranks

__all__ = ["jobs"]


def jobs(links: Links, exclusions: Sequence[Exclusion], duration: Sequence[float]) -> Jobs:
    """What there is to do in a graph.

    Args:
        duration: seconds of work of each task, by number.
    """
    tasks, index, size = links.tasks, links.index, len(links.tasks)
    after = [list(targets) for targets in links.after]
    for number, task in enumerate(tasks):
        for child in {index[child] for child in task.children if child in index} - set(links.before[number]):
            after[child].append(number)
    subjects: list[list[int]] = [[] for _ in tasks]
    for gate in links.gates:
        subjects[index[gate.test]].append(index[gate.subject])
    groups: list[list[int]] = [[] for _ in tasks]
    for group, exclusion in enumerate(exclusions):
        for member in sorted({index[name] for name in exclusion.tasks if name in index}):
            groups[member].append(group)
    advisory = sorted(divmod(key, size) for key, each in links.dependencies.items() if each.strength == "advisory")
    rank = upward_ranks(after, subjects, advisory, duration, links.ids)
    done = [task.status in DONE for task in tasks]
    return Jobs(
        after=[[target for target in targets if not done[target]] for targets in after],
        subjects=[[target for target in targets if not done[target]] for targets in subjects],
        idle=[over or bool(task.children) for over, task in zip(done, tasks, strict=True)],
        duration=duration,
        groups=groups,
        place=start_order(rank, [task.priority for task in tasks]),
    )

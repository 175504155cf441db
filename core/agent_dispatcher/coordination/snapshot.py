"""The engine at one moment, for people: who runs, who is next, who waits for what. Nothing follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from ..models import TASK_STATUSES, ExecutionPlan
from .board import HELD, LANDING, QUEUED, READY, RESTING, RUNNING, SEALED, Board

__all__ = ["Snapshot", "take_snapshot"]


@frozen(kw_only=True)
class Snapshot:
    """All names are task ids.

    Attributes:
        statuses: of every task, in the order of the plan.
        attempts: number of the last attempt, of the tasks that had one.
        running: an agent is at work on them, in the order of the plan.
        ready: could be started if there were a place, the first to start first.
        short: are ready, and wait for a named resource, or for a language-model backend to answer again: task -> which.
        excluded: are ready, and wait for a task that must not run at the same time: task -> (resource, who holds it).
        resting: wait before another attempt.
        gated: are sealed and wait for a test to land.
        lane: are sealed and wait to land, the first to land first.
        landing: are being merged and checked, the most urgent first.
        held: are sealed and wait for a person.
        holders: (resource of an exclusion, the task that holds it).
        stopping: ``drain``, ``interrupt`` or ``cancel``; ``""`` while new work begins.
    """

    statuses: Mapping[str, str] = field(factory=dict)
    attempts: Mapping[str, int] = field(factory=dict)
    running: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    excluded: Mapping[str, tuple[str, str]] = field(factory=dict)
    short: Mapping[str, str] = field(factory=dict)
    resting: tuple[str, ...] = ()
    gated: tuple[str, ...] = ()
    lane: tuple[str, ...] = ()
    landing: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    holders: tuple[tuple[str, str], ...] = ()
    stopping: str = ""


def take_snapshot(
    plan: ExecutionPlan,
    board: Board,
    *,
    place: Sequence[int],
    groups: Sequence[tuple[int, ...]],
    holders: Sequence[int],
    stopping: str,
    short_of: Callable[[int], str] = lambda index: "",
) -> Snapshot:
    """What the engine knows, in words.

    Args:
        place: index to place in the order of starting (and of landing).
        groups: index to the numbers of the exclusions the task takes part in.
        holders: number of an exclusion to the index of the task that holds it, -1 for nobody.
        short_of: what there is too little of for a ready task, ``""`` for nothing.
    """
    names = [task.id for task in plan.tasks]
    order = sorted(range(len(names)), key=place.__getitem__)

    def of(phase: int, indices: Sequence[int] = range(len(names))) -> tuple[str, ...]:
        return tuple(names[index] for index in indices if board.phase[index] == phase)

    ready, excluded, short = [], {}, {}
    for index in order:
        if board.state[index] != READY:
            continue
        taken = [(group, holders[group]) for group in groups[index] if holders[group] >= 0]
        if taken:
            excluded[names[index]] = plan.exclusions[taken[0][0]].resource, names[taken[0][1]]
        elif lacking := short_of(index):
            short[names[index]] = lacking
        else:
            ready.append(names[index])
    return Snapshot(
        statuses={name: TASK_STATUSES[state] for name, state in zip(names, board.state, strict=True)},
        attempts={name: count for name, count in zip(names, board.attempt, strict=True) if count},
        running=of(RUNNING),
        ready=tuple(ready),
        excluded=excluded,
        short=short,
        resting=of(RESTING),
        gated=of(SEALED, [index for index, task in enumerate(plan.tasks) if not task.children]),
        lane=of(QUEUED, order),
        landing=of(LANDING, order),
        held=of(HELD),
        holders=tuple((plan.exclusions[group].resource, names[one]) for group, one in enumerate(holders) if one >= 0),
        stopping=stopping,
    )

"""What the engine knows of each task at a moment, by index; and how it is carried over when a patch changes what the indices mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field

from .structure import Structure

__all__ = [
    "BLOCKED",
    "CANCELLED",
    "COMPLETED",
    "FAILED",
    "HELD",
    "IDLE",
    "IN_PROGRESS",
    "LANDING",
    "PENDING",
    "QUEUED",
    "READY",
    "RESTING",
    "RUNNING",
    "SEALED",
    "SKIPPED",
    "Board",
]

#: Task states are places in TASK_STATUSES.
PENDING, READY, IN_PROGRESS, COMPLETED, FAILED, CANCELLED, BLOCKED, SKIPPED = range(8)
#: Phases of the current attempt. A resting task waits for RetryDue, a held one for a person.
IDLE, RUNNING, SEALED, QUEUED, LANDING, RESTING, HELD = range(7)


@define
class Board:
    """Lists by the index of a task.

    Attributes:
        state, phase: see above.
        attempt: number of the last attempt.
        failures: attempts that count against the limit.
        poisoned: task -> attempts that their agent did not survive.
        fallen: task -> how many of its fallback agent types were turned to.
        choice: which of its candidates is asked next.
        agent_type: who does it or is to do it, where that is not the choice.
        freely: in progress, and what it excludes was given up.
        waiting: how many tasks it waits for; all of them, until the engine takes off those that are completed.
        gates: how many tests its landing waits for; the same.
        doomed: task in the middle of something -> the test that ended badly: it is blocked when that is over.
        kept: blocked tasks whose work is sealed.
        blocked_by: blocked task -> one that it is blocked by.
    """

    state: list[int]
    phase: list[int]
    attempt: list[int]
    failures: list[int]
    choice: list[int]
    agent_type: list[str | None]
    freely: list[bool]
    waiting: list[int]
    gates: list[int]
    doomed: dict[int, int]
    kept: set[int]
    blocked_by: dict[int, str]
    poisoned: dict[int, int] = field(factory=dict)
    fallen: dict[int, int] = field(factory=dict)

    @classmethod
    def fresh(cls, shape: Structure) -> Board:
        """Nothing has happened."""
        count = len(shape.names)
        return cls(
            state=[PENDING] * count,
            phase=[IDLE] * count,
            attempt=[0] * count,
            failures=[0] * count,
            choice=[0] * count,
            agent_type=[None] * count,
            freely=[False] * count,
            waiting=_sources(shape.after, count),
            gates=_sources(shape.subjects, count),
            doomed={},
            kept=set(),
            blocked_by={},
        )

    def carried(self, old: Mapping[str, int], shape: Structure) -> Board:
        """The same for another structure: what is known of a task goes with its name, who waits for whom is counted anew.

        Args:
            old: task id to its index here.
        """
        new = Board.fresh(shape)
        for name, index in shape.ids.items():
            before = old.get(name)
            if before is None:
                continue
            new.state[index], new.phase[index] = self.state[before], self.phase[before]
            new.attempt[index], new.failures[index] = self.attempt[before], self.failures[before]
            new.choice[index], new.agent_type[index] = self.choice[before], self.agent_type[before]
            new.freely[index] = self.freely[before]
            if before in self.kept:
                new.kept.add(index)
            if before in self.blocked_by:
                new.blocked_by[index] = self.blocked_by[before]
            if before in self.poisoned:
                new.poisoned[index] = self.poisoned[before]
            if before in self.fallen:
                new.fallen[index] = self.fallen[before]
        return new

    def begin_again(self, tasks: Iterable[int]) -> list[int]:
        """Give tasks that were split or re-routed another beginning; returns those of them that had failed."""
        failed = []
        for index in tasks:
            if self.state[index] == FAILED:
                self.state[index], self.failures[index] = PENDING, 0
                self.poisoned.pop(index, None)
                failed.append(index)
            self.choice[index], self.agent_type[index] = 0, None
            self.fallen.pop(index, None)
        return failed

    def open_again(self, parent: Sequence[bool]) -> list[int]:
        """Decide anew what waits, is ready, or is blocked; returns sealed work, in line for landing or behind a gate that may be gone.

        Args:
            parent: whether a task has no work of its own.
        """
        sealed = []
        for index, state in enumerate(self.state):
            if state in (READY, BLOCKED) or (parent[index] and state in (PENDING, IN_PROGRESS)):
                self.state[index], self.phase[index] = PENDING, IDLE
            elif self.phase[index] in (QUEUED, SEALED):
                sealed.append(index)
        return sealed


def _sources(after: Sequence[Sequence[int]], count: int) -> list[int]:
    """How many lists name each index."""
    sources = [0] * count
    for targets in after:
        for target in targets:
            sources[target] += 1
    return sources

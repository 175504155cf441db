"""Who holds what: tasks that exclude each other take their resources all at once, or wait parked until one is given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

__all__ = ["Exclusions"]


class Exclusions:
    """The resources of a run, by number.

    Args:
        count: how many there are.
        groups: index of a task to the numbers of the resources it needs.
        place: index of a task to its place in the order of starting.
        line_up: puts a place back in line; ``False`` when its task is not to be started (any more).
    """

    def __init__(
        self, count: int, groups: Sequence[tuple[int, ...]], place: Sequence[int], line_up: Callable[[int], bool]
    ) -> None:
        self._groups = groups
        self._place = place
        self._line_up = line_up
        self._holder = [-1] * count
        self._parked: list[list[int]] = [[] for _ in range(count)]

    def take(self, index: int) -> bool:
        """Take all the task's resources, or park it on one that is held."""
        groups = self._groups[index]
        for group in groups:
            if self._holder[group] >= 0:
                heappush(self._parked[group], self._place[index])
                self.pass_on(index)
                return False
        for group in groups:
            self._holder[group] = index
        return True

    def hold(self, index: int) -> None:
        """Give work in progress what it has a right to, as far as nobody else has it."""
        for group in self._groups[index]:
            if self._holder[group] < 0:
                self._holder[group] = index

    def holds(self, index: int) -> bool:
        """Whether the task holds all it needs; so does one that needs nothing."""
        return all(self._holder[group] == index for group in self._groups[index])

    def holders(self) -> tuple[int, ...]:
        """Number of a resource to the index of the task that has it, -1 for nobody."""
        return tuple(self._holder)

    def release(self, index: int) -> None:
        """Give up what the task holds and wake one task for each."""
        for group in self._groups[index]:
            if self._holder[group] == index:
                self._holder[group] = -1
                self._wake(group)

    def pass_on(self, index: int) -> None:
        """The task leaves the line without taking anything: let the next in for what it was woken for."""
        for group in self._groups[index]:
            self._wake(group)

    def _wake(self, group: int) -> None:
        """If the resource is free, line up the first task parked on it. So there is always one in line while it is free."""
        parked = self._parked[group]
        while parked and self._holder[group] < 0:
            if self._line_up(heappop(parked)):
                return

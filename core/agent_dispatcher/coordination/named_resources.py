"""Counting resources: what tasks need while an agent is at work on them, and there is only so much of.

Some the configuration gives (``gpu: 2``, ``port: 4``, ``memory_gb: 16``). A language-model backend is one too: without limit while it answers, of
size zero while its circuit is open, of size one while it is tried again. A task takes all it needs at once, or waits parked on one thing that
is short; others that fit go past it. One that was passed often enough is let go first: what it needs is set aside (ageing), so that many small
tasks cannot keep a large one waiting for ever.

::

    line ──▶ fits ──▶ takes all ──▶ gives back when the attempt is sealed or has ended
              │ no                       │
              ▼                          ▼
            parked ◀── the first of each size that would fit now is put back in line ──┘
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush

__all__ = ["PATIENCE", "NamedResources", "Needs"]

#: Amounts by name of a resource.
Needs = Mapping[str, int]

#: So many tasks may go past one that waits for a resource; then it is let go first.
PATIENCE = 10


class NamedResources:
    """What there is of each resource, who has it, and who waits for it. Tasks go by their index.

    Args:
        capacity: resource to how much there is of it; ``None``: without limit.
        place: index of a task to its place in the order of starting.
        at_place: the way back.
        line_up: puts a place back in line; ``False`` when its task is not to be started (any more).
    """

    def __init__(
        self,
        capacity: Mapping[str, int | None],
        place: Sequence[int],
        at_place: Sequence[int],
        line_up: Callable[[int], bool],
    ) -> None:
        self._capacity = dict(capacity)
        self._place = place
        self._at_place = at_place
        self._line_up = line_up
        self._used = dict.fromkeys(self._capacity, 0)
        self._held: dict[int, Needs] = {}
        self._asked: dict[int, Needs] = {}
        self._parked: dict[str, dict[int, list[int]]] = {name: {} for name in self._capacity}
        self._passed: dict[int, int] = {}
        self._first = -1

    # --- taking and giving back -----------------------------------------------------------------------------------

    def short_of(self, index: int, needs: Needs) -> str:
        """What there is too little of for the task now; ``""`` when it can take all it needs."""
        for name, amount in needs.items():
            if not self._fits(name, amount, index):
                return name
        return ""

    def take(self, index: int, needs: Needs) -> None:
        """Take it all; :meth:`short_of` said that it fits."""
        self._asked.pop(index, None)
        self._passed.pop(index, None)
        self._held[index] = needs
        for name, amount in needs.items():
            self._used[name] += amount
        if index == self._first:
            self._first = -1
            self._wake_all()
            return
        for name in needs:
            self._go_past(name, index)
            self._wake(name)

    def park(self, index: int, needs: Needs) -> None:
        """Let the task wait for what is short, and the next in for what it was put back in line for."""
        name = self.short_of(index, needs)
        before = self._asked.get(index)
        self._asked[index] = needs
        heappush(self._parked[name].setdefault(needs[name], []), self._place[index])
        for other in dict.fromkeys((*needs, *(before or ()))):
            self._wake(other)

    def pass_on(self, index: int) -> None:
        """The task leaves the line without taking anything: let the next in for what it was put back for."""
        needs = self._asked.pop(index, {})
        if index == self._first:
            self.forget(index)
        for name in needs:
            self._wake(name)

    def release(self, index: int) -> None:
        """Give back what the task has."""
        needs = self._held.pop(index, None)
        if needs is None:
            return
        for name, amount in needs.items():
            self._used[name] -= amount
        for name in needs:
            self._wake(name)

    def forget(self, index: int) -> None:
        """The task will not start: nothing is set aside for it."""
        self._passed.pop(index, None)
        if index == self._first:
            self._first = -1
            self._wake_all()

    def hold(self, index: int, needs: Needs) -> None:
        """The task is at work already; it has what it needs, also where there is less by now."""
        self._held[index] = needs
        for name, amount in needs.items():
            self._used[name] += amount

    def resize(self, name: str, capacity: int | None) -> None:
        """From now on there is so much of it. Who has some keeps it."""
        self._capacity[name] = capacity
        self._wake_all()

    # --- what is known --------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether there is a resource of that name, however little of it."""
        return name in self._capacity

    def used(self) -> dict[str, int]:
        """Resource to how much of it is taken."""
        return dict(self._used)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _fits(self, name: str, amount: int, index: int) -> bool:
        capacity = self._capacity[name]
        if capacity is None:
            return True
        aside = 0
        if self._first >= 0 and index != self._first:
            aside = self._set_aside().get(name, 0)
        return self._used[name] + amount + aside <= capacity

    def _set_aside(self) -> Needs:
        """What the task that was passed too often needs; nothing while it could not start for another reason than others' work."""
        needs = self._asked.get(self._first, {})
        for name, amount in needs.items():
            capacity = self._capacity[name]
            if capacity is not None and capacity < amount:
                return {}
        return needs

    def _go_past(self, name: str, index: int) -> None:
        """Count that the task went past those that wait for the resource and come before it in the order."""
        for heap in self._parked[name].values():
            if not heap or heap[0] >= self._place[index]:
                continue
            passed = self._at_place[heap[0]]
            if passed not in self._asked or passed in self._held:
                continue
            self._passed[passed] = self._passed.get(passed, 0) + 1
            if self._passed[passed] > PATIENCE and self._first < 0:
                self._first = passed

    def _wake(self, name: str) -> None:
        """Put the first of each size that would fit back in line. So there is always one in line of each size that fits."""
        first = self._first
        if (
            first >= 0
            and not self.short_of(first, self._asked.get(first, {}))
            and not self._line_up(self._place[first])
        ):
            self.forget(first)
            return
        for amount, heap in self._parked[name].items():
            while heap and self._fits(name, amount, -1):
                if self._line_up(heappop(heap)):
                    break

    def _wake_all(self) -> None:
        for name in self._parked:
            self._wake(name)

"""Ageing: a ready task is not passed for ever by tasks that came later.

A plan without patches has an end, and so has every wait in it. But patches can bring more urgent tasks again and again. So it is counted how many tasks that
patches brought have gone past one that was ready already; after :data:`PATIENCE` of them it comes first, those that were passed most often before the others.
It is counted when a patch comes: only then can the order change, and a run without patches pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

__all__ = ["PATIENCE", "Ageing"]

#: So many tasks that patches brought may go past one that is ready.
PATIENCE = 10


class Ageing:
    """Counts. Tasks go by their ids, since a patch changes their indices. A process that resumes a run begins to count anew."""

    def __init__(self) -> None:
        self._passed: dict[str, int] = {}
        self._brought: list[str] = []

    def patched(
        self,
        ready: Sequence[str],
        has_begun: Callable[[str], bool],
        place: Callable[[str], int],
        brought: Iterable[str],
    ) -> list[str]:
        """A patch is about to change the plan.

        Args:
            ready: the tasks that are ready now.
            has_begun: whether a task was begun since it is in the plan; ``False`` for one that is gone.
            place: of a task of the plan as it was, in its order of starting.
            brought: the tasks that the patch brings.

        Returns:
            Those of the ready ones that come before all others from now on, in this order.
        """
        begun = sorted(place(name) for name in self._brought if has_begun(name))
        self._passed = {name: self._passed_by(name, begun, place(name)) for name in ready}
        self._brought = [*(name for name in self._brought if not has_begun(name)), *brought]
        first = [name for name in ready if self._passed[name] >= PATIENCE]
        return sorted(first, key=lambda name: (-self._passed[name], place(name)))

    def _passed_by(self, name: str, begun: Sequence[int], own: int) -> int:
        """How many went past it until now; of one that was not ready at the last patch nobody knows of any."""
        before = self._passed.get(name)
        return 0 if before is None else before + sum(place < own for place in begun)

"""The plan's revisions in one run: whether a patch becomes the next one, and how much agents may still change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import Problem
from ..models import ExecutionPlan
from ..planning.patching import AgentLimits, apply_patch
from .transitions import PatchAsked, PatchRefused, PlanPatched

__all__ = ["Revisions"]

#: Statuses of a task that got nowhere and is not tried again.
_OVER = frozenset({"failed", "blocked", "cancelled", "skipped"})


class Revisions:
    """Counts what patches did.

    Args:
        max_patches: patches of agents that are taken; those of people are not counted.
        max_patched_tasks: tasks that patches of agents may bring.
    """

    def __init__(self, max_patches: int, max_patched_tasks: int) -> None:
        self._patches_left = max_patches
        self._tasks_left = max_patched_tasks
        self._number = 0
        self._brought: set[str] = set()
        self._retired: set[str] = set()

    def remember(self, patches: Iterable[Mapping[str, Any]]) -> None:
        """Take over what a log has (data of every ``plan.patched``)."""
        for data in patches:
            self._count(data["added"], data["removed"], of_agent=data["task"] is not None)

    def decide(self, asked: PatchAsked, plan: ExecutionPlan, statuses: Mapping[str, str]) -> PlanPatched | PatchRefused:
        """Apply all of it, or nothing and say why.

        Args:
            statuses: task id to status; that of a blocked task whose work is sealed is ``in_progress``.
        """
        limits = None
        if asked.task is not None and statuses.get(asked.task) in _OVER:
            what = f"task {asked.task} is {statuses[asked.task]}: what its agent asked for would help nobody"
            return PatchRefused(asked=asked, problems=(Problem(what),))
        if asked.task is not None:
            limits = AgentLimits(
                patches_left=self._patches_left, tasks_left=self._tasks_left, brought=frozenset(self._brought)
            )
        found = apply_patch(
            plan,
            statuses,
            asked.patch,
            candidates=asked.candidates,
            agent=limits,
            retired=self._retired,
            objections=asked.problems,
        )
        if isinstance(found, tuple):
            return PatchRefused(asked=asked, problems=found)
        patch = found.patch
        self._count([task.id for task in patch.new_tasks], patch.remove, of_agent=limits is not None)
        return PlanPatched(asked=asked, patch=patch, plan=found.plan, revision=self._number, warnings=found.warnings)

    def _count(self, added: Iterable[str], removed: Iterable[str], *, of_agent: bool) -> None:
        added = set(added)
        self._number += 1
        self._brought |= added
        self._retired.update(removed)
        if of_agent:
            self._patches_left -= 1
            self._tasks_left -= len(added)

"""What a process gives its engine beside the plan and the log. It is recorded, so that the run can be replayed without asking a configuration,
a plugin or a model again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict, evolve, field, frozen

from ..models import ExecutionPlan
from .demand import Demand

__all__ = ["Beginning"]


@frozen(kw_only=True)
class Beginning:
    """The arguments of :class:`agent_dispatcher.coordination.engine.Engine` that no event holds; see there."""

    concurrency: int = 1
    max_attempts: int = 3
    attempts_by_type: Mapping[str, int] = field(factory=dict)
    candidates: Mapping[str, tuple[str, ...]] = field(factory=dict)
    skipped: Mapping[str, str] = field(factory=dict)
    priorities: Mapping[str, float] = field(factory=dict)
    max_patches: int = 20
    max_patched_tasks: int = 100
    max_batch: int = 1
    demand: Demand | None = None
    fallbacks: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def options(self) -> dict[str, Any]:
        """As keyword arguments of the engine."""
        return asdict(self, recurse=False)

    def to_data(self, plan: ExecutionPlan) -> dict[str, Any]:
        """``data`` of ``run.prepared``. Tasks of one type mostly have the same candidates: those stand there once.

        Args:
            plan: the plan as the engine is given it.
        """
        by_type: dict[str, tuple[str, ...]] = {}
        by_task: dict[str, list[str]] = {}
        for task in plan.tasks:
            own = self.candidates.get(task.id, ())
            if own != (by_type.setdefault(task.type, own) if own else by_type.get(task.type, ())):
                by_task[task.id] = list(own)
        return {
            "concurrency": self.concurrency,
            "max_attempts": self.max_attempts,
            "attempts_by_type": dict(self.attempts_by_type),
            "candidates": {"by_type": {type: list(own) for type, own in by_type.items()}, "by_task": by_task},
            "left_out": [task.id for task in plan.tasks if task.status == "skipped"],
            "skipped": dict(self.skipped),
            "priorities": dict(self.priorities),
            "max_patches": self.max_patches,
            "max_patched_tasks": self.max_patched_tasks,
            "max_batch": self.max_batch,
            "demand": self.demand.to_data() if self.demand is not None else None,
            "fallbacks": {name: list(types) for name, types in self.fallbacks.items()},
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], plan: ExecutionPlan) -> tuple[Beginning, ExecutionPlan]:
        """What :meth:`to_data` wrote, and the plan as it was given.

        Args:
            plan: the plan of the run with every patch of that time in it.
        """
        left_out, by_type, by_task = set(data["left_out"]), data["candidates"]["by_type"], data["candidates"]["by_task"]
        wrong = {task.id for task in plan.tasks if (task.status == "skipped") != (task.id in left_out)}
        if wrong:
            tasks = (
                evolve(task, status="skipped" if task.id in left_out else "pending") if task.id in wrong else task
                for task in plan.tasks
            )
            plan = evolve(plan, tasks=tuple(tasks))
        candidates = {task.id: tuple(by_task.get(task.id, by_type.get(task.type, ()))) for task in plan.tasks}
        beginning = cls(
            concurrency=data["concurrency"],
            max_attempts=data["max_attempts"],
            attempts_by_type=data["attempts_by_type"],
            candidates={name: own for name, own in candidates.items() if own},
            skipped=data["skipped"],
            priorities=data["priorities"],
            max_patches=data["max_patches"],
            max_patched_tasks=data["max_patched_tasks"],
            max_batch=data.get("max_batch", 1),  # not in logs of versions without batches
            demand=Demand.from_data(data.get("demand")),
            fallbacks={name: tuple(types) for name, types in data.get("fallbacks", {}).items()},
        )
        return beginning, plan

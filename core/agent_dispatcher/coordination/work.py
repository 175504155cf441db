"""What the coordinator has in its hands while a run goes on: sealed work, landed work, what to tell the next attempt."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from ..extension.components import Change
from ..models import ExecutionPlan
from .run_state import RunState

__all__ = ["Work"]


@define
class Work:
    """Attributes:
    tip: the commit attempts start from.
    changes: task id to its sealed work that has not landed.
    landed: ids of tasks whose work has landed (or was there before).
    commits: task id to the commit it landed as.
    feedback: task id to what its next attempt is told.
    turn: number of the next call of the engine; what it is told there is recorded with it, so that a replay tells it the same at once.
    """

    tip: str = ""
    changes: dict[str, Change] = field(factory=dict)
    landed: set[str] = field(factory=set)
    commits: dict[str, str] = field(factory=dict)
    feedback: dict[str, str] = field(factory=dict)
    turn: int = 1

    @classmethod
    def of(cls, plan: ExecutionPlan, log: RunState, tip: str) -> Work:
        """What a log leaves."""
        work = cls(tip=tip, landed={task.id for task in plan.tasks if task.status == "completed"})
        for name, known in log.tasks.items():
            if known.status == "completed" or known.phase == "landed":
                work.landed.add(name)
                work.commits[name] = known.commit or ""
            elif known.phase == "sealed" and known.change is not None:
                work.changes[name] = _change(known.change)
            if known.feedback:
                work.feedback[name] = known.feedback
        return work


def _change(data: dict[str, Any]) -> Change:
    return Change(
        task=data["task"],
        attempt=data["attempt"],
        ref=data["ref"],
        commit=data["commit"],
        base=data["base"],
        paths=tuple(data.get("paths", ())),
    )

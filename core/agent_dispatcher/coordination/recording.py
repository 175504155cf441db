"""Decisions of the engine that need nothing done but being written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..making import table
from . import transitions as t
from .state_manager import StateManager
from .work import Work

__all__ = ["Recorder"]

_completed_data = table("commit")


class Recorder:
    """Appends the event that belongs to a decision.

    Args:
        state: where events go.
        work: knows the commits of landed work.
    """

    def __init__(self, state: StateManager, work: Work) -> None:
        self._state = state
        self._work = work

    def performers(self) -> Mapping[type, Callable[[Any], None]]:
        """Type of instruction to what records it."""
        return {
            t.AttemptLost: self._lost,
            t.TaskCompleted: self._completed,
            t.TaskFailed: self._failed,
            t.TaskBlocked: self._blocked,
            t.TaskSkipped: self._skipped,
            t.TaskCancelled: self._cancelled,
            t.TaskFreed: self._freed,
        }

    def _lost(self, lost: t.AttemptLost) -> None:
        data = {"error": "its process ended", "reason": "lost", "permanent": False}
        self._state.append("attempt.failed", task=lost.task, attempt=lost.attempt, data=data)

    def _completed(self, completed: t.TaskCompleted) -> None:
        data = _completed_data(self._work.commits.get(completed.task, ""))
        self._state.append("task.completed", task=completed.task, data=data)

    def _failed(self, failed: t.TaskFailed) -> None:
        self._state.append("task.failed", task=failed.task, data={"error": failed.error})

    def _blocked(self, blocked: t.TaskBlocked) -> None:
        self._state.append("task.blocked", task=blocked.task, data={"by": list(blocked.by)})

    def _skipped(self, skipped: t.TaskSkipped) -> None:
        self._state.append("task.skipped", task=skipped.task, data={"why": skipped.why})

    def _cancelled(self, cancelled: t.TaskCancelled) -> None:
        self._state.append("task.cancelled", task=cancelled.task, data={"why": cancelled.why})

    def _freed(self, freed: t.TaskFreed) -> None:
        self._state.append("task.freed", task=freed.task)

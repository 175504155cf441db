"""Making the log agree with what the workspace holds after a crash.

The workspace is the truth about what landed and what is sealed. A process can die between a commit in the workspace and the
record of it; :func:`adopt` says which events are missing.
"""

from __future__ import annotations

from attrs import asdict

from ..errors import WorkspaceError
from ..extension.components import Change, Reconciled
from ..models import Event, ExecutionPlan
from .run_state import RunState, TaskState

__all__ = ["adopt"]


def adopt(plan: ExecutionPlan, log: RunState, found: Reconciled) -> list[Event]:
    """Events that bring ``log`` up to what is ``found``: sealed and landed work that was never recorded.

    Raises:
        WorkspaceError: the log has landed work that the run's branch no longer holds.
    """
    if log.started.get("branch"):
        _refuse_lost(log, found)
    sealed: dict[str, int] = {}
    for task, attempt in found.sealed:
        sealed[task] = max(attempt, sealed.get(task, 0))
    events: list[Event] = []
    for item in plan.tasks:
        if item.id not in sealed and item.id not in found.landed:
            continue
        known = log.task(item.id)
        if known.status == "completed" or known.phase == "landed":
            continue
        attempt = sealed.get(item.id, 0)
        if _is_news(known, attempt):
            events.append(_event(log, "attempt.sealed", item.id, attempt, _sealed(found.sealed[item.id, attempt])))
        landed = found.landed.get(item.id)
        if landed is not None:
            data: dict[str, object] = {"commit": landed.commit, "tree": landed.tree, "found": True}
            events.append(_event(log, "attempt.landed", item.id, max(attempt, known.attempts, 1), data))
            events.append(_event(log, "task.completed", item.id, None, {"commit": landed.commit}))
    return events


def _is_news(known: TaskState, attempt: int) -> bool:
    """Whether the sealed attempt is one the log does not know to be sealed; one that it knows to be refused is history."""
    return attempt > known.attempts or (attempt > 0 and attempt == known.attempts and known.phase == "running")


def _refuse_lost(log: RunState, found: Reconciled) -> None:
    lost = sorted(
        name for name, task in log.tasks.items() if task.phase == "landed" and task.commit and name not in found.landed
    )
    if lost:
        commits = ", ".join(f"{name} ({log.tasks[name].commit})" for name in lost[:5])
        raise WorkspaceError(
            f"branch {log.started['branch']} no longer holds work that landed: {commits}; "
            "point the branch at a commit that holds it again, then resume"
        )


def _sealed(change: Change) -> dict[str, object]:
    return {
        "change": {**asdict(change), "paths": list(change.paths)},
        "summary": "",
        "artifacts": [],
        "duration_s": 0.0,
        "tokens": 0,
        "cost_usd": None,
        "found": True,
    }


def _event(log: RunState, kind: str, task: str, attempt: int | None, data: dict[str, object]) -> Event:
    return Event(run=log.run, type=kind, at=0.0, task=task, attempt=attempt, data=data)

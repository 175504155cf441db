"""Runs made of plans and events as the dispatcher records them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import frozen

from agent_dispatcher.models import Dependency, Event, ExecutionPlan, Specification, Task
from agent_dispatcher.planning.execution_graph import ExecutionGraph


@frozen
class Run:
    """A plan and what happened."""

    plan: ExecutionPlan
    events: tuple[Event, ...]


class Recorder:
    """Collects events; ``at`` counts seconds from the start of the run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, at: float, kind: str, task: str | None = None, attempt: int | None = None, **data: Any) -> None:
        number = len(self.events) + 1
        self.events.append(
            Event(run="r1", type=kind, at=1_000_000.0 + at, seq=number, task=task, attempt=attempt, data=data)
        )


def planned(tasks: Sequence[Task], edges: Sequence[tuple[str, str]]) -> ExecutionPlan:
    """A plan with phases, gates and a critical path."""
    dependencies = tuple(Dependency(before=before, after=after) for before, after in edges)
    graph = ExecutionGraph(tasks, dependencies)
    return ExecutionPlan(
        specification=Specification(id="s", title="Library"),
        tasks=tuple(tasks),
        dependencies=dependencies,
        gates=graph.gates,
        phases=graph.phases(),
        critical_path=graph.critical_path(),
        estimates=graph.estimates(),
    )


@pytest.fixture
def recorder() -> Recorder:
    """Collects events."""
    return Recorder()


@pytest.fixture
def small_run(recorder: Recorder) -> Run:
    """``model`` (gated by ``test``) before ``storage``; ``storage`` is rejected once, then lands."""
    tasks = (
        Task(id="model", title="Write the model", estimate_s=3),
        Task(id="test", title="Test the model", type="testing", verifies=("model",), estimate_s=4),
        Task(id="storage", title="Write the storage", estimate_s=2),
    )
    add = recorder
    add(0, "run.started", workers=2)
    add(0, "attempt.started", "model", 1, agent_type="writer", agent="writer-1")
    add(1, "attempt.started", "test", 1, agent_type="tester", agent="tester-1")
    add(2, "attempt.sealed", "model", 1, duration_s=2.0, agent_s=1.5)
    add(4, "attempt.sealed", "test", 1, duration_s=3.0, agent_s=2.0)
    add(5, "attempt.landed", "test", 1)
    add(5, "task.completed", "test")
    add(7, "attempt.landed", "model", 1)
    add(7, "task.completed", "model")
    add(8, "attempt.started", "storage", 1, agent_type="writer", agent="writer-1")
    add(10, "attempt.sealed", "storage", 1, duration_s=2.0, agent_s=2.0)
    add(11, "attempt.rejected", "storage", 1, why="pytest failed")
    add(11, "attempt.retry", "storage", 2, delay_s=1.5)
    add(12.5, "attempt.started", "storage", 2, agent_type="writer", agent="writer-1")
    add(14, "attempt.sealed", "storage", 2, duration_s=1.5, agent_s=1.0)
    add(16, "attempt.landed", "storage", 2)
    add(16, "task.completed", "storage")
    add(20, "run.finished", status="completed")
    return Run(planned(tasks, [("model", "storage")]), tuple(add.events))

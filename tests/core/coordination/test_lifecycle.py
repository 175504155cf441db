"""The table of steps of tasks and attempts, as far as seeded runs (``test_seeded_runs.py``) do not try it."""

from __future__ import annotations

from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.lifecycle import TASK_STEPS
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.models import TASK_STATUSES, Event, ExecutionPlan, Specification, Task


def test_a_task_is_skipped_before_it_begins() -> None:
    """By decision, from pending."""
    specification = Specification(id="s", title="s")
    engine = Engine(
        ExecutionPlan(specification=specification, tasks=(Task(id="a", title="a"),)), skipped={"a": "nobody does it"}
    )
    assert engine.statuses() == {"a": "skipped"}
    engine.handle()
    assert engine.finished and engine.statuses() == {"a": "skipped"}


def test_blocked_work_that_is_sealed_goes_on_at_landing() -> None:
    """A retry takes a blocked task up again where it stands."""
    told = [("attempt.started", {}), ("attempt.sealed", {"change": {}}), ("task.blocked", {"by": ["b"]})]
    log = [Event(run="r", type=kind, at=1.0, task="a", attempt=1, data=data) for kind, data in told]
    assert fold(log).tasks["a"].status == "blocked"
    log.append(Event(run="r", type="run.resumed", at=2.0, data={"retry": True}))
    assert fold(log).tasks["a"].status == "in_progress"


def test_cancelled_work_that_is_sealed_goes_on_at_landing() -> None:
    """A resume takes a cancelled task up again where it stands; seldom is anything sealed for long enough to be cancelled."""
    told = [("attempt.started", {}), ("attempt.sealed", {"change": {}}), ("task.cancelled", {"why": "asked"})]
    log = [Event(run="r", type=kind, at=1.0, task="a", attempt=1, data=data) for kind, data in told]
    assert fold(log).tasks["a"].status == "cancelled"
    log.append(Event(run="r", type="run.resumed", at=2.0))
    assert fold(log).tasks["a"].status == "in_progress"


def test_the_table_has_every_status() -> None:
    """Nothing that a task can be is unreachable, and what is completed or skipped stays so."""
    assert {step for pair in TASK_STEPS for step in pair} == set(TASK_STATUSES)
    assert {before for before, _ in TASK_STEPS} == set(TASK_STATUSES) - {"completed", "skipped"}

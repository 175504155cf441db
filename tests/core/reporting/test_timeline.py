"""Where the time went: every second of a run has one cause, and every wait a name."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher.models import ExecutionPlan, Specification, Task
from agent_dispatcher.reporting.history import read_history
from agent_dispatcher.reporting.timeline import PARTS, make_timeline


def make(*names: str) -> ExecutionPlan:
    tasks = tuple(Task(id=name, title=name, estimate_s=2) for name in names)
    return ExecutionPlan(specification=Specification(id="s", title="S"), tasks=tasks)


def spans(plan: ExecutionPlan, recorder: Any, task: str) -> list[tuple[str, float, float, str | None]]:
    return [
        (span.kind, span.start, span.end, span.on)
        for attempt in read_history(plan, recorder.events).attempts
        if attempt.task == task
        for span in attempt.spans
    ]


def test_the_parts_are_the_whole_run(small_run: Any) -> None:
    """Work, folders, landings, what came to nothing, queueing and the final checks add up to the length of the run."""
    timeline = make_timeline(small_run.plan, small_run.events)
    assert timeline.parts == pytest.approx(
        {"landing": 5.0, "retries": 4.5, "final": 4.0, "work": 3.0, "folders": 1.5, "worker": 2.0}
    )
    assert sum(timeline.parts.values()) == pytest.approx(timeline.length)
    assert set(timeline.parts) <= set(PARTS)


def test_busy_and_idle_are_of_all_places(small_run: Any) -> None:
    """Two places for 20 seconds: what no agent worked is idle."""
    timeline = make_timeline(small_run.plan, small_run.events)
    assert (timeline.workers, timeline.busy_s, timeline.idle_s) == (2, 8.5, 31.5)


def test_both_paths_are_measured(small_run: Any) -> None:
    """The planned path with what its tasks took in all, the actual one with how long each held up the end."""
    timeline = make_timeline(small_run.plan, small_run.events)
    assert [(each.task, each.estimate_s, each.actual_s) for each in timeline.planned] == [
        ("test", 4, 4.0),
        ("storage", 2, 6.5),
    ]
    assert [each.task for each in timeline.actual] == ["test", "model", "storage"]
    assert sum(each.actual_s or 0.0 for each in timeline.actual) == 16.0


def test_a_landing_that_says_what_it_took_began_then(recorder: Any) -> None:
    """Then what lies before is a wait for the landing before it, by name; without that word it began when the lane was free."""
    for task in ("a", "b"):
        recorder(0, "attempt.started", task, 1)
        recorder(1, "attempt.sealed", task, 1)
    recorder(4, "attempt.landed", "a", 1, took_s=3.0)
    recorder(6, "attempt.landed", "b", 1, took_s=1.5)
    assert spans(make("a", "b"), recorder, "b") == [
        ("work", 0.0, 1.0, None),
        ("lane", 1.0, 4.5, "a"),
        ("landing", 4.5, 6.0, None),
    ]


def test_a_person_is_waited_for(recorder: Any) -> None:
    """From the question to the answer it is the person; the landings before and after are not."""
    recorder(0, "attempt.started", "a", 1)
    recorder(1, "attempt.sealed", "a", 1)
    recorder(3, "approval.requested", "a", 1)
    recorder(10, "approval.given", "a", 1)
    recorder(11, "attempt.landed", "a", 1, took_s=1.0)
    assert spans(make("a"), recorder, "a") == [
        ("work", 0.0, 1.0, None),
        ("landing", 1.0, 3.0, None),
        ("approval", 3.0, 10.0, None),
        ("landing", 10.0, 11.0, None),
    ]


def test_nobody_waits_while_nobody_is_at_work(recorder: Any) -> None:
    """The time between two processes is no wait for an agent, and no place was idle in it."""
    recorder(0, "run.started", workers=1)
    recorder(0, "attempt.started", "a", 1)
    recorder(1, "attempt.sealed", "a", 1)
    recorder(2, "attempt.landed", "a", 1, took_s=1.0)
    recorder(2, "run.paused")
    recorder(60, "run.resumed")
    recorder(61, "attempt.started", "b", 1)
    recorder(62, "attempt.sealed", "b", 1)
    recorder(63, "attempt.landed", "b", 1, took_s=1.0)
    plan = make("a", "b")
    assert spans(plan, recorder, "b")[:3] == [
        ("worker", 0.0, 2.0, None),
        ("stopped", 2.0, 60.0, None),
        ("worker", 60.0, 61.0, None),
    ]
    timeline = make_timeline(plan, recorder.events)
    assert timeline.parts["stopped"] == 58.0
    assert (timeline.busy_s, timeline.idle_s) == (2.0, 3.0)


def test_what_the_engine_takes_is_told_from_what_agents_take(recorder: Any) -> None:
    """From the landing of what a task waits for to its start, and around what a landing took, it is the engine's time."""
    recorder(0, "run.started")
    recorder(0.01, "attempt.started", "a", 1)
    recorder(1, "attempt.sealed", "a", 1, agent_s=0.9)
    recorder(2, "attempt.landed", "a", 1, took_s=0.99)
    parts = make_timeline(make("a"), recorder.events).parts
    assert parts == pytest.approx({"landing": 0.99, "work": 0.9, "folders": 0.09, "engine": 0.02})


def test_a_log_without_events_is_a_timeline_of_nothing() -> None:
    """Nothing to say, and no division by zero."""
    timeline = make_timeline(make("a"), ())
    assert (timeline.length, timeline.parts, timeline.actual) == (0.0, {}, ())

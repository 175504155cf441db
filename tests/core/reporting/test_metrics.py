"""Each figure is what its description says, over one run and over several."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher.models import Event, ExecutionPlan, Specification, Task
from agent_dispatcher.reporting.metrics import Group, Metrics, Spread, gather


def plan(*tasks: Task) -> ExecutionPlan:
    return ExecutionPlan(specification=Specification(id="s", title="s"), tasks=tasks)


class Log:
    """Writes a log by a clock that stands still until it is told."""

    def __init__(self, run: str = "r", workers: int = 2) -> None:
        self.run, self.now, self.events = run, 1000.0, list[Event]()
        self("run.started", workers=workers)
        self("run.prepared", concurrency=workers)

    def __call__(self, type: str, task: str | None = None, attempt: int | None = None, **data: Any) -> None:
        event = Event(
            run=self.run, type=type, at=self.now, seq=len(self.events) + 1, task=task, attempt=attempt, data=data
        )
        self.events.append(event)

    def after(self, seconds: float) -> Log:
        self.now += seconds
        return self


A = Task(id="a", title="a", requirements=("R1",))
B = Task(id="b", title="b", requirements=("R1", "R2"))
C = Task(id="c", title="c")


def one_run() -> tuple[ExecutionPlan, list[Event]]:
    """Two places; ``a`` lands at once, ``b`` fails once and is done again by another agent type, ``c`` is never begun."""
    log = Log()
    log("attempt.started", "a", 1, agent_type="writer", agent="writer-1")
    log("attempt.started", "b", 1, agent_type="writer", agent="writer-2")
    log.after(10)("attempt.sealed", "a", 1, duration_s=10.0, tokens=7, cost_usd=0.5)
    log("attempt.landed", "a", 1, took_s=0.0)
    log("task.completed", "a")
    log.after(10)("attempt.failed", "b", 1, reason="raised", error="x", duration_s=20.0)
    log("attempt.retry", "b", 2, delay_s=5.0, agent_type="thinker")
    log.after(5)("attempt.started", "b", 2, agent_type="thinker", agent="thinker-1")
    log("model.reserved", "b", 2, call=1, agent_type="thinker", agent="thinker-1", backend="x", tokens=900)
    log.after(15)(
        "model.settled", "b", 2, call=1, model="m", tokens=100, nano_usd=250_000_000, input_tokens=90, output_tokens=10
    )
    log("model.reserved", "b", 2, call=2, agent_type="thinker", agent="thinker-1", backend="x", tokens=30)
    log("model.settled", "b", 2, call=2, model="m", tokens=30, nano_usd=None)
    log("attempt.sealed", "b", 2, duration_s=15.0)
    log.after(2)("attempt.landed", "b", 2, took_s=2.0)
    log("task.completed", "b")
    log.after(18)("run.paused", why="w")
    return plan(A, B, C), log.events


def named(groups: tuple[Group, ...]) -> dict[str, Group]:
    return {group.name: group for group in groups}


def test_the_figures_of_a_run() -> None:
    """Throughput over the time at work, use of the places, retries with their reasons, waits by kind, and what was spent."""
    found = gather([one_run()])
    assert (found.runs, found.tasks, found.completed) == (("r",), 3, 2)
    assert found.at_work_s == pytest.approx(60)
    assert found.per_minute == pytest.approx(2.0)
    assert (found.places_s, found.busy_s) == (pytest.approx(120), pytest.approx(45))
    assert found.utilization == pytest.approx(45 / 120)
    assert (found.attempts, found.retries, found.failures) == (3, 1, {"raised": 1})
    assert found.waits["retry"] == Spread(count=1, total_s=5.0, p50_s=5.0, p95_s=5.0, max_s=5.0)
    assert (found.work.count, found.work.p50_s, found.work.max_s) == (3, pytest.approx(15), pytest.approx(20))
    assert found.landing.max_s == pytest.approx(2)
    assert (found.tokens, found.cost_usd, found.unpriced) == (137, pytest.approx(0.75), 1)


def test_groups_say_who_did_and_spent_what() -> None:
    """Agent types and models add up to the whole; a task counts in full for each of its requirements."""
    found = gather([one_run()])
    types = named(found.by_agent_type)
    assert (types["writer"].tasks, types["writer"].completed, types["writer"].attempts) == (2, 2, 2)
    assert (types["writer"].tokens, types["writer"].cost_usd) == (7, 0.5)
    assert (types["thinker"].retries, types["thinker"].calls, types["thinker"].cost_usd) == (1, 2, 0.25)
    assert sum(group.tokens for group in found.by_agent_type) == found.tokens
    assert sum(group.work_s for group in found.by_agent_type) == pytest.approx(found.work.total_s)
    needs = named(found.by_requirement)
    assert (needs["R1"].attempts, needs["R2"].attempts) == (3, 2)
    assert (needs["R1"].tokens, needs["R2"].tokens, needs["R2"].unpriced) == (137, 130, 1)
    (model,) = found.by_model
    assert (model.name, model.tasks, model.completed, model.calls, model.tokens, model.unpriced) == (
        "m",
        1,
        1,
        2,
        130,
        1,
    )


def test_time_when_nobody_was_at_work_is_not_counted() -> None:
    """Between the end of one process and a resume no place is idle, and no minute counts."""
    log = Log()
    log("attempt.started", "a", 1, agent_type="writer", agent="w")
    log.after(10)("run.paused", why="w")
    log.after(5000)("run.resumed")
    log("run.prepared", concurrency=2)
    log("attempt.failed", "a", 1, reason="lost", error="x", duration_s=0.0)
    log("attempt.started", "a", 2, agent_type="writer", agent="w")
    log.after(50)("attempt.sealed", "a", 2, duration_s=50.0)
    log("attempt.landed", "a", 2, took_s=0.0)
    log("task.completed", "a")
    found = gather([(plan(A), log.events)])
    assert found.at_work_s == pytest.approx(60) and found.places_s == pytest.approx(120)
    assert found.per_minute == pytest.approx(1.0)


def test_runs_add_up() -> None:
    """Two runs together: counts and sums are added, tasks of the same name are two, rates are of both."""
    other = Log("q")
    other("attempt.started", "a", 1, agent_type="writer", agent="w")
    other.after(60)("attempt.sealed", "a", 1, duration_s=60.0)
    other("attempt.landed", "a", 1, took_s=0.0)
    other("task.completed", "a")
    one, both = gather([one_run()]), gather([one_run(), (plan(A), other.events)])
    assert both.runs == ("r", "q") and both.tasks == 4 and both.completed == 3
    assert both.per_minute == pytest.approx(1.5)
    assert both.attempts == one.attempts + 1 and both.tokens == one.tokens
    assert named(both.by_agent_type)["writer"].tasks == 3
    assert both.work.max_s == pytest.approx(60)


def test_nothing_gives_nothing() -> None:
    """No run, or one whose log has just begun, has no rate rather than an infinite one."""
    assert gather([]) == gather([(plan(A), [])]) == Metrics()
    found = gather([(plan(A), Log().events)])
    assert (found.per_minute, found.utilization, found.attempts) == (None, None, 0)


def test_quantiles_are_lengths_that_occurred() -> None:
    """The median of an even number is the lower one in the middle; of a hundred the 95th is the 95th."""
    assert Spread.of([4.0, 1.0, 3.0, 2.0]).p50_s == 2.0
    assert Spread.of(map(float, range(1, 101))) == Spread(
        count=100, total_s=5050.0, p50_s=50.0, p95_s=95.0, max_s=100.0
    )

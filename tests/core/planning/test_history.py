"""What past runs say about how long tasks take: observed, merged, and asked."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.models import Dependency, Event, ExecutionPlan, Specification, Task
from agent_dispatcher.planning.history import Durations, Kind, Observation, Spread, band_of
from agent_dispatcher.planning.planner import assemble
from agent_dispatcher.reporting import build_report

SMALL = Kind("writer", "code_writing", 0)
SPECIFICATION = Specification(id="s", title="S")


def seen(kind: Kind, *seconds: float, cost: float | None = None) -> list[Observation]:
    return [Observation(kind, each, cost) for each in seconds]


def task(name: str, **values: Any) -> Task:
    return Task(id=name, title=name, **values)


def event(type: str, task: str | None, **data: Any) -> Event:
    return Event(run="r", type=type, at=0.0, task=task, data=data)


def test_a_task_took_all_its_attempts_until_it_was_completed() -> None:
    """Work that a resume found took nobody knows how long; what was not completed, or only declined, is no observation."""
    tasks = [task("a", complexity=5.0), task("b"), task("c"), task("d", type="testing")]
    events = [
        event("run.started", None),
        *(event("attempt.started", name, agent_type="writer") for name in "abcd"),
        event("attempt.failed", "a", reason="raised", duration_s=7.0),
        event("attempt.failed", "d", reason="declined", duration_s=9.0),
        event("attempt.started", "d", agent_type="tester"),
        event("attempt.sealed", "a", duration_s=3.0, cost_usd=0.5),
        event("attempt.sealed", "b", duration_s=0.0, found=True),
        event("attempt.sealed", "c", duration_s=4.0),
        event("attempt.sealed", "d", duration_s=1.5, cost_usd=0.25),
        *(event("task.completed", name) for name in "abd"),
    ]
    plan = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=tuple(tasks))
    assert build_report(plan, "r", events)[1] == (
        Observation(Kind("writer", "code_writing", 2), 10.0, None),
        Observation(Kind("tester", "testing", 0), 1.5, 0.25),
    )


@pytest.mark.parametrize(
    ("complexity", "band"), [(0.5, 0), (1.9, 0), (2.0, 1), (4.0, 2), (7.9, 2), (8.0, 3), (10.0, 3)]
)
def test_bands_double(complexity: float, band: int) -> None:
    """What is twice as large need not take as long."""
    assert band_of(complexity) == band


def test_five_observations_make_an_estimate_and_one_outlier_does_not() -> None:
    """The median, not the mean; below five nothing is said."""
    assert Durations.learn(seen(SMALL, 1, 2, 3, 4)).of(task("a")) is None
    durations = Durations.learn(seen(SMALL, 10, 12, 11, 3600, 13))
    assert durations.of(task("a")) == Spread(5, 11, 12, pytest.approx(13 + 0.6 * (3600 - 13)))
    kept = [task("big", complexity=9.0), task("parent", children=("a",)), task("other", type="review")]
    assert durations.estimated([task("a"), *kept]) == (task("a", estimate_s=12), *kept)


def test_a_chosen_agent_type_answers_for_itself_and_else_the_one_that_did_most() -> None:
    """The generator's tenths of a second say nothing about a model's minutes."""
    slow = Kind("model", "code_writing", 0)
    durations = Durations.learn([*seen(SMALL, *[0.1] * 5), *seen(slow, *[60] * 9)])
    assert durations.of(task("a", agent_type="writer")) == Spread(5, 0.1, 0.1, 0.1)
    assert durations.of(task("a", agent_type="nobody")) is None
    assert durations.of(task("a")) == Spread(9, 60, 60, 60)


def test_what_is_known_of_an_agent_type_says_nothing_about_tasks_it_would_not_take() -> None:
    """A task that nobody here would do keeps its estimate, whatever others of its sort took."""
    durations = evolve(Durations.learn(seen(SMALL, *[0.3] * 5)), takers={"a": "writer", "b": "", "c": "model"})
    estimated = durations.estimated([task("a"), task("b"), task("c"), task("d")])
    assert [each.estimate_s for each in estimated] == [0.3, 60.0, 60.0, 0.3]


def test_a_plan_has_ranges_where_history_gives_them() -> None:
    """A task nobody knows counts its estimate at both ends; without any history there is no range, without every price no cost."""
    tasks = [task("a"), task("b"), task("c", type="review", estimate_s=100.0)]
    order = [Dependency(before="a", after="b")]
    durations = Durations.learn(seen(SMALL, 10, 20, 30, 40, 50, cost=2.0))
    estimated = durations.estimated(tasks)
    estimates = assemble(SPECIFICATION, estimated, order, durations=durations).estimates
    assert (estimates.work_s, estimates.span_s) == (160, 100)
    assert (estimates.work_range_s, estimates.span_range_s) == ((140, 192), (100, 100))
    assert (estimates.cost_usd, estimates.cost_range_usd) == (None, None)
    priced = assemble(SPECIFICATION, estimated[:2], order, durations=durations).estimates
    assert (priced.span_range_s, priced.cost_usd, priced.cost_range_usd) == ((40, 92), 4.0, (4.0, 4.0))
    silent = assemble(SPECIFICATION, tasks, order, durations=Durations()).estimates
    assert (silent.work_range_s, silent.span_range_s, silent.cost_usd) == (None, None, None)


def test_what_is_done_is_in_no_range() -> None:
    """Ranges speak of the work that is left."""
    durations = Durations.learn(seen(SMALL, 10, 20, 30, 40, 50))
    tasks = durations.estimated([task("a", status="completed"), task("b")])
    estimates = assemble(SPECIFICATION, tasks, [Dependency(before="a", after="b")], durations=durations).estimates
    assert estimates.work_range_s == estimates.span_range_s == (20, 46)
    over = assemble(SPECIFICATION, [evolve(each, status="completed") for each in tasks], [], durations=durations)
    assert over.estimates.work_range_s is None

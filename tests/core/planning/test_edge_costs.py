"""What an edge costs is what taking it out and measuring again would say, for every edge, gate and part."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from agent_dispatcher.models import ExecutionPlan
from agent_dispatcher.planning.edge_costs import EdgeCosts, Link
from agent_dispatcher.planning.planner import plan_tasks


def drawn(seed: int) -> ExecutionPlan:
    """A random plan with gates, parents, tasks that take no time, and edges that others imply."""
    dice = random.Random(seed)
    size = dice.randint(2, 12)
    tasks = [
        {
            "id": f"t{number}",
            "estimate_s": dice.choice([0, 1, 2, 5]),
            "verifies": [f"t{other}" for other in range(size) if other != number and dice.random() < 0.08],
            "status": dice.choice(["pending", "pending", "pending", "completed"]),
        }
        for number in range(size)
    ]
    edges = [(f"t{a}", f"t{b}") for a in range(size) for b in range(a + 1, size) if dice.random() < 0.3]
    if size > 4:
        tasks += [{"id": "whole", "children": ["t0", "t2"]}, {"id": "tail", "estimate_s": 7}]
        edges.append(("whole", "tail"))
    return plan_tasks(tasks, edges)


def measured(plan: ExecutionPlan, without: Link | None) -> float:
    """The longest way through starts and landings, by trying every way."""
    duration = {t.id: 0.0 if t.children or t.status == "completed" else t.estimate_s for t in plan.tasks}
    links = [link for link in EdgeCosts(plan).links if link != without]

    def landing(task: str) -> float:
        held = [landing(link.before) for link in links if link.after == task and link.kind != "dependency"]
        start = max(
            (landing(link.before) for link in links if link.after == task and link.kind == "dependency"), default=0.0
        )
        return max([start + duration[task], *held])

    return max(landing(task.id) for task in plan.tasks)


@pytest.mark.parametrize("seed", range(60))
def test_a_cost_is_what_measuring_without_the_edge_says(seed: int) -> None:
    """The one walk over all cuts agrees with taking out each link by itself, and the span with the plan's own."""
    plan = drawn(seed)
    costs = EdgeCosts(plan)
    assert costs.span_s == pytest.approx(plan.estimates.span_s)
    assert costs.span_s == pytest.approx(measured(plan, None))
    for link in costs.links:
        assert costs.saved_s(link) == pytest.approx(costs.span_s - measured(plan, link)), link
        if costs.saved_s(link):
            assert costs.is_critical(link)


def test_some_links_of_each_kind_cost_something() -> None:
    """The random plans say something: dependencies, gates and parts with a cost occur among them."""
    every = [EdgeCosts(drawn(seed)) for seed in range(60)]
    costly = {link.kind for costs in every for link in costs.links if costs.saved_s(link)}
    assert costly == {"dependency", "gate", "part"}


def test_slack_is_how_much_later_a_task_may_start() -> None:
    """Nothing on the longest way has any; beside it there is the difference."""
    tasks = [{"id": "a", "estimate_s": 10}, {"id": "b", "estimate_s": 50}, {"id": "c", "estimate_s": 20}]
    costs = EdgeCosts(
        plan_tasks([*tasks, {"id": "d", "estimate_s": 5}], [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    )
    assert [costs.slack_s(each) for each in "abcd"] == [0, 0, 30, 0]
    assert [costs.start_s(each) for each in "abcd"] == [0, 10, 10, 60]


def test_twenty_thousand_tasks_are_soon_looked_at(growth: Callable[..., float]) -> None:
    """The cost of all edges grows with their number, not with its square."""

    def prepare(size: int) -> Callable[[], object]:
        dice = random.Random(size)
        edges = [(f"t{dice.randrange(max(0, b - 200), b)}", f"t{b}") for b in range(1, size) for _ in range(3)]
        plan = plan_tasks([{"id": f"t{number}"} for number in range(size)], edges)

        def look() -> None:
            costs = EdgeCosts(plan)
            costs.saved_s(costs.links[0])

        return look

    assert growth(prepare, 2_000, 20_000) < 4

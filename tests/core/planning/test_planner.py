"""Plans: what is reduced, what is warned about, and graphs of the caller's own."""

from __future__ import annotations

import random
import time

import pytest
from attrs import evolve

from agent_dispatcher.errors import CycleError, PlanError
from agent_dispatcher.extension import Decomposition, Requires
from agent_dispatcher.models import Dependency, Dropped, Gate, Reason, Requirement, Specification, Task
from agent_dispatcher.planning.dependency_resolver import Resolution
from agent_dispatcher.planning.planner import make_plan, plan_tasks


def test_a_plan_has_the_reduced_view_and_keeps_the_rest() -> None:
    """What a path implies is dropped as redundant with that path and its reasons, and still binds."""
    reason = Reason(rule="r", evidence="seen")
    full = [Dependency(before=a, after=b, reasons=(reason,)) for a, b in ("ab", "bc", "ac")]
    hint = Dependency(before="a", after="d", strength="advisory", reasons=(reason,))
    veto = Dropped(before="b", after="d", kind="veto", why="no")
    tasks = tuple(Task(id=each, title=each) for each in "cabd")
    plan = make_plan(
        Specification(id="s", title="S"),
        Decomposition(tasks=tasks, warnings=("one",)),
        Resolution(dependencies=(*full, hint), dropped=(veto,), warnings=("two",)),
    )
    assert plan.tasks == tasks
    assert [(each.before, each.after) for each in plan.dependencies] == [("a", "b"), ("a", "d"), ("b", "c")]
    assert plan.dropped == (
        Dropped(before="a", after="c", kind="redundant", why="a → b → c", reasons=(reason,)),
        veto,
    )
    assert plan.binding_edges() == (("a", "b"), ("a", "c"), ("b", "c"))
    assert plan.phases == (("a", "d"), ("b",), ("c",))
    assert plan.critical_path == ("a", "b", "c")
    assert plan.warnings == ("one", "two")
    assert (plan.estimates.work_s, plan.estimates.span_s) == (240, 180)


def test_a_requirement_that_no_task_serves_is_warned_about() -> None:
    """With its place; nothing is said where tasks do not say at all what they serve."""
    specification = Specification(
        id="s",
        title="S",
        requirements=(
            Requirement(id="R1", text="x", source="spec.md:1"),
            Requirement(id="R2", text="y", source="spec.md:2"),
        ),
    )
    task = Task(id="a", title="a", requirements=("R1",))
    plan = make_plan(specification, Decomposition(tasks=(task,)), Resolution())
    assert plan.warnings == ("spec.md:2: no task serves the requirement R2",)
    silent = make_plan(specification, Decomposition(tasks=(evolve(task, requirements=()),)), Resolution())
    assert silent.warnings == ()


def test_a_graph_of_ones_own_takes_every_form() -> None:
    """Tasks as values or dicts, dependencies as values or pairs, by id or by name in the source."""
    plan = plan_tasks(
        [
            Task(id="a", title="A"),
            {"id": "b"},
            {"id": "c", "title": "C", "type": "testing", "source_id": "T3", "verifies": ["b"]},
            {"id": "d", "depends_on": ["b"]},
            {"id": "e", "estimate_s": 5},
        ],
        [
            ("a", "b"),
            Requires("a", "T3", "data", 0.9, "it reads it", "x:1"),
            Requires("a", "e", confidence=0.3),
            Dependency(before="b", after="e"),
        ],
        title="My graph!",
    )
    assert plan.specification.id == "my-graph"
    assert [task.title for task in plan.tasks] == ["A", "b", "C", "d", "e"]
    assert [(each.before, each.after, each.strength) for each in plan.dependencies] == [
        ("a", "b", "binding"),
        ("a", "c", "binding"),
        ("a", "e", "advisory"),
        ("b", "d", "binding"),
        ("b", "e", "binding"),
    ]
    assert plan.dependencies[1].reasons == (
        Reason(rule="given", kind="data", confidence=0.9, evidence="it reads it", source="x:1"),
    )
    assert plan.gates == (Gate(test="c", subject="b"),)
    assert plan.phases == (("a",), ("b", "c"), ("d", "e"))


def test_everything_wrong_with_a_graph_of_ones_own_is_told_at_once() -> None:
    """Unknown names, things that are no dependency, ids taken twice."""
    with pytest.raises(PlanError) as caught:
        plan_tasks([{"id": "a"}, {"id": "a"}], [("a", "x"), "ab", Requires("a", "a", "magic")])
    assert [each.what for each in caught.value.problems] == [
        "the task id 'a' is taken twice",
        "'ab' is no dependency",
        "the dependency a → a has kind 'magic' and confidence 1.0",
        "the dependency a → x names 'x', which is no task",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "it is missing"),
        ({"id": "a", "titel": "x"}, "did you mean 'title'"),
        ({"id": "a", "status": "odd"}, "status"),
    ],
)
def test_a_dict_that_is_no_task_is_refused(data: dict[str, str], message: str) -> None:
    """Missing id, unknown key, bad value: all named."""
    with pytest.raises(PlanError, match=message):
        plan_tasks([data])


def test_a_cycle_is_refused() -> None:
    """Also in a graph of one's own."""
    with pytest.raises(CycleError, match="a → b → a"):
        plan_tasks([{"id": "a"}, {"id": "b"}], [("a", "b"), ("b", "a")])


def test_equal_tasks_have_an_equal_digest() -> None:
    """The digest speaks of the tasks' content."""
    one, same, other = (plan_tasks([{"id": "a", "title": title}]) for title in ("x", "x", "y"))
    assert one.specification.digest == same.specification.digest != other.specification.digest


def test_a_hundred_thousand_tasks_are_planned_in_seconds() -> None:
    """With 300,000 edges; the bound is loose for slow machines, not for quadratic work."""
    size = 100_000
    rng = random.Random(7)
    tasks = [Task(id=f"t{number:06d}", title="t") for number in range(size)]
    dependencies = [
        Dependency(before=f"t{max(0, number - 1 - rng.randrange(1000)):06d}", after=f"t{number:06d}")
        for number in range(1, size)
        for _ in range(3)
    ]
    started = time.process_time()
    plan = plan_tasks(tasks, dependencies)
    assert time.process_time() - started < 15
    assert sum(map(len, plan.phases)) == size

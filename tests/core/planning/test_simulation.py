"""The simulation that recommends a number of workers, against the engine that it simulates."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher import ExecutionGraph
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.transitions import AttemptLanded, AttemptSealed, Instruction, Land, Start
from agent_dispatcher.models import Dependency, Exclusion, ExecutionPlan, Specification, Task
from agent_dispatcher.planning.planner import assemble

SPECIFICATION = Specification(id="s", title="S")


@st.composite
def plans(draw: st.DrawFn) -> ExecutionPlan:
    """Plans of up to 12 tasks with everything that can stand between them, some of it done."""
    size = draw(st.integers(1, 12))
    names = [f"t{number:02}" for number in range(size)]
    pairs = [(a, b) for b in range(size) for a in range(b)]
    chosen = draw(st.dictionaries(st.sampled_from(pairs), st.booleans(), max_size=16)) if pairs else {}
    tested = dict(draw(st.lists(st.sampled_from(pairs), max_size=3))) if pairs else {}
    family = draw(st.lists(st.integers(0, size - 1), max_size=3, unique=True)) if draw(st.booleans()) else []
    parent = size - 1
    tasks = [
        Task(
            id=name,
            title=name,
            agent_type="any",
            estimate_s=draw(st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0])),
            priority=draw(st.integers(0, 2)),
            status=draw(st.sampled_from(["pending"] * 5 + ["completed"])),
            verifies=(names[tested[number]],) if number in tested and (number, tested[number]) not in chosen else (),
            children=tuple(names[child] for child in family if child != parent) if number == parent else (),
        )
        for number, name in enumerate(names)
    ]
    dependencies = [
        Dependency(before=names[a], after=names[b], strength="binding" if binds else "advisory")
        for (a, b), binds in chosen.items()
        if not (b == parent and a in family)
    ]
    members = st.lists(st.sampled_from(names), min_size=2, max_size=5, unique=True)
    exclusions = [
        Exclusion(tasks=tuple(sorted(each)), resource=f"r{number}")
        for number, each in enumerate(draw(st.lists(members, max_size=3)) if size > 1 else [])
    ]
    return assemble(SPECIFICATION, tasks, dependencies, exclusions=exclusions)


def carried_out(plan: ExecutionPlan, workers: int) -> float:
    """Seconds the engine takes when each attempt takes its estimate and landing takes no time."""
    engine = Engine(plan, concurrency=workers)
    estimates = {task.id: task.estimate_s for task in plan.tasks}
    place = {name: number for number, name in enumerate(engine._ids)}
    running: list[tuple[float, int, str, int]] = []
    landings: list[Land] = []
    now = 0.0

    def perform(instructions: list[Instruction]) -> None:
        for each in instructions:
            if isinstance(each, Start):
                at = engine._place[place[each.task]]
                heappush(running, (now + estimates[each.task], at, each.task, each.attempt))
            elif isinstance(each, Land):
                landings.append(each)

    perform(engine.handle())
    while running:
        now = running[0][0]
        sealed = []
        while running and running[0][0] <= now:
            _, _, name, attempt = heappop(running)
            sealed.append(AttemptSealed(name, attempt))
        perform(engine.handle(*sealed))
        while landings:
            landing = landings.pop(0)
            perform(engine.handle(AttemptLanded(landing.task, landing.attempt)))
    assert engine.finished
    return now


@given(plans(), st.integers(1, 5))
@settings(deadline=None, max_examples=300)
def test_the_simulation_takes_as_long_as_the_engine(plan: ExecutionPlan, workers: int) -> None:
    """Dependencies, hints, gates, parents, exclusions, priorities and finished work included."""
    full = [
        *plan.dependencies,
        *(Dependency(before=each.before, after=each.after) for each in plan.dropped if each.kind == "redundant"),
    ]
    graph = ExecutionGraph(plan.tasks, full, exclusions=plan.exclusions)
    assert graph.makespan_s(workers) == pytest.approx(carried_out(plan, workers))


def test_tasks_that_share_something_need_no_second_worker() -> None:
    """Five tasks on one resource are done one after the other, however many workers there are."""
    tasks = [Task(id=name, title=name, estimate_s=10.0) for name in "abcde"]
    apart = ExecutionGraph(tasks)
    shared = ExecutionGraph(tasks, exclusions=[Exclusion(tasks=tuple("abcde"), resource="port:80")])
    assert (apart.recommended_workers, apart.makespan_s()) == (5, 10)
    assert (shared.recommended_workers, shared.makespan_s()) == (1, 50)


def test_what_waits_for_its_test_lets_others_have_what_they_share() -> None:
    """The subject is sealed after ten seconds; who shares a resource with it need not wait until its test, and so it, has landed."""
    tasks = [
        Task(id="code", title="code", estimate_s=10.0),
        Task(id="other", title="other", estimate_s=5.0),
        Task(id="test", title="test", estimate_s=40.0, verifies=("code",)),
        Task(id="next", title="next", estimate_s=50.0),
    ]
    exclusions = [Exclusion(tasks=("code", "other"), resource="port:80")]
    order = [Dependency(before="code", after="next")]
    assert (
        ExecutionGraph(tasks, [*order, Dependency(before="other", after="next")], exclusions=exclusions).makespan_s()
        == 90
    )


def test_above_the_limit_the_bound_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work divided by span, rounded up: then Brent's bound is below twice the span."""
    tasks = [Task(id=f"t{number}", title="t", estimate_s=10.0) for number in range(7)]
    graph = ExecutionGraph([*tasks, Task(id="long", title="long", estimate_s=30.0)])
    assert graph.recommended_workers == 4
    monkeypatch.setattr("agent_dispatcher.planning.execution_graph.SIMULATED_TASKS", 5)
    assert graph.recommended_workers == 4
    assert graph.span_s + (graph.work_s - graph.span_s) / graph.recommended_workers < 2 * graph.span_s


def test_a_hint_orders_the_queue() -> None:
    """With one worker too few, what a hint puts first is begun first, as the engine does it."""
    tasks = [Task(id=name, title=name, estimate_s=seconds) for name, seconds in (("a", 4.0), ("b", 4.0), ("z", 4.0))]
    late = [Task(id="c", title="c", estimate_s=8.0)]
    edges = [Dependency(before="z", after="c")]
    assert ExecutionGraph([*tasks, *late], edges).makespan_s(2) == 12
    hinted = [*edges, Dependency(before="a", after="c", strength="advisory")]
    assert ExecutionGraph([*tasks, *late], hinted).makespan_s(2) == 12
    against = [*edges, *(Dependency(before=name, after="c", strength="advisory") for name in "ab")]
    assert ExecutionGraph([*tasks, *late], against).makespan_s(2) == 16

"""Order from the phases of a source, and the freedom they leave."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import evolve

from agent_dispatcher.extension import PlanningContext, Requires, Veto
from agent_dispatcher.models import DeclaredDependency, PhaseOrder, Specification, Task, TaskPhase
from agent_dispatcher_builtins.dependency_rules.phases import PhasesRule


def task(name: str, after: str = "", **values: Any) -> Task:
    return Task(
        id=name,
        title=name.upper(),
        source=f"{name}.md:1",
        depends_on=tuple(DeclaredDependency(task=each) for each in after.split()),
        **values,
    )


def phase(name: str, tasks: str, parallel: str = "", after: str = "") -> TaskPhase:
    return TaskPhase(
        name=name,
        tasks=tuple(tasks.split()),
        parallel=tuple(parallel.split()),
        after=tuple(PhaseOrder(phase=each, why=f"{name} after {each}", source="x:9") for each in after.split()),
        source="x:1",
    )


def find(tasks: list[Task], *phases: TaskPhase) -> list[Requires | Veto]:
    specification = Specification(id="s", title="S", tasks=tuple(tasks), phases=phases)
    context = PlanningContext(specification=specification)
    return list(asyncio.run(PhasesRule().find(tasks, specification, context)))


def edges(found: list[Requires | Veto]) -> list[tuple[str, str]]:
    return sorted((each.before, each.after) for each in found if isinstance(each, Requires))


def vetoed(found: list[Requires | Veto]) -> list[tuple[str, str]]:
    return sorted({(each.before, each.after) for each in found if isinstance(each, Veto)})


def test_without_phases_it_says_nothing() -> None:
    """It does nothing for formats that have none."""
    assert find([task("a"), task("b")]) == []


def test_a_phase_waits_for_the_phases_it_is_after() -> None:
    """Each task for each; certain, with the words and the place of the source."""
    found = find([task("a"), task("b")], phase("p", "a"), phase("q", "b", after="p"))
    assert found == [Requires("a", "b", "logical", 1.0, "q after p", "x:9")]


def test_the_list_orders_all_but_what_is_marked() -> None:
    """Each behind all before it, so that taking one out loses no order."""
    found = find([task(name) for name in "abcd"], phase("p", "a b c d", parallel="c"))
    assert edges(found) == [("a", "b"), ("a", "d"), ("b", "d")]
    assert {each.evidence for each in found if isinstance(each, Requires) and each.after == "b"} == {
        '"A" is listed before "B" in "p", and neither is marked parallel'
    }


def test_nothing_inferred_goes_into_a_marked_task_from_its_own_phase() -> None:
    """From the others of the phase; what is declared is not vetoed."""
    found = find([task("a"), task("b", after="a"), task("c")], phase("p", "a b c", parallel="b c"))
    assert vetoed(found) == [("a", "c"), ("b", "c"), ("c", "a"), ("c", "b")]


def test_nothing_inferred_orders_independent_phases() -> None:
    """Neither way; phases that are ordered over a third are not independent."""
    tasks = [task(name) for name in "abcd"]
    found = find(
        tasks, phase("p", "a"), phase("q", "b", after="p"), phase("r", "c", after="p"), phase("s", "d", after="q")
    )
    assert vetoed(found) == [("b", "c"), ("c", "b"), ("c", "d"), ("d", "c")]


def test_marked_tasks_are_not_ordered_over_a_third() -> None:
    """Where a declaration leads from a listed task to a marked one, nothing inferred leads from another marked one to the listed one."""
    tasks = [task("a"), task("b"), task("c"), task("d", after="c")]
    found = find(tasks, phase("p", "a b c d", parallel="a d"))
    assert ("a", "b") in vetoed(found) and ("a", "c") in vetoed(found)
    assert ("b", "a") in vetoed(found)


def test_a_test_and_what_it_verifies_are_not_ordered() -> None:
    """Neither by phases nor by the list."""
    tasks = [task("t", verifies=("c",), type="testing"), task("b"), task("c")]
    assert edges(find(tasks, phase("p", "t b c"))) == [("b", "c"), ("t", "b")]
    assert edges(find(tasks, phase("p", "t b"), phase("q", "c", after="p"))) == [("b", "c"), ("t", "b")]


def test_tasks_that_are_not_planned_are_passed_over() -> None:
    """A phase of which nothing is left does not break the order around it."""
    p, q, r = phase("p", "a a2"), phase("q", "b gone", after="p"), phase("r", "c", after="p q")
    assert edges(find([task("a"), task("a2"), task("c")], p, q, r)) == [("a", "a2"), ("a", "c"), ("a2", "c")]
    full = [task("a"), task("a2"), task("b"), task("b2"), task("c")]
    assert ("a", "c") not in edges(find(full, p, evolve(q, tasks=("b", "b2")), r))
    assert ("a", "c") in edges(find([*full[:3], full[4]], p, q, r))


def test_an_order_is_as_sure_as_the_source() -> None:
    """A schedule is a hint: its edges carry the confidence of the phase order."""
    later = TaskPhase(name="q", tasks=("b",), free=True, after=(PhaseOrder(phase="p", why="w", confidence=0.3),))
    found = find([task("a"), task("b")], TaskPhase(name="p", tasks=("a",), free=True, source="x:1"), later)
    assert found == [Requires("a", "b", "logical", 0.3, "w", "")]


def test_a_free_phase_orders_and_forbids_nothing_inside() -> None:
    """Listed together means neither one after the other nor independent; the same between free phases."""
    first = TaskPhase(name="p", tasks=("a", "b"), parallel=("a",), free=True)
    assert find([task("a"), task("b"), task("c")], first, TaskPhase(name="q", tasks=("c",), free=True)) == []

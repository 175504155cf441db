"""Merging what rules see: confidence, vetoes, cycles, and rules that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher import DependencyResolver
from agent_dispatcher.errors import CycleError
from agent_dispatcher.extension import Excludes, Note, PlanningContext, Requires, Veto
from agent_dispatcher.models import DeclaredDependency, Specification, Task
from agent_dispatcher.planning.dependency_resolver import Resolution

SPECIFICATION = Specification(id="s", title="S")


class Says:
    """A rule that says what it is told."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Any]:
        return self.items


class Declares:
    """A rule that reports what the tasks declare."""

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Any]:
        return [
            Requires(each.task, task.id, evidence="it is declared", source=each.source)
            for task in tasks
            for each in task.depends_on
        ]


def task(name: str, *after: str, **values: Any) -> Task:
    """A task that takes no time, unless it is said, so that no order costs any."""
    values.setdefault("estimate_s", 0.0)
    declared = tuple(DeclaredDependency(task=each, source=f"spec.md:{name}") for each in after)
    return Task(id=name, title=name, depends_on=declared, **values)


def resolve(tasks: Sequence[Task], **rules: Any) -> Resolution:
    resolver = DependencyResolver(list(rules.items()))
    return asyncio.run(resolver.resolve(tasks, SPECIFICATION, PlanningContext(specification=SPECIFICATION)))


def pairs(resolution: Resolution, strength: str = "binding") -> list[tuple[str, str]]:
    return [(each.before, each.after) for each in resolution.dependencies if each.strength == strength]


A_B_C = [task("a"), task("b"), task("c")]


def test_several_rules_make_an_edge_surer_and_one_rule_does_not() -> None:
    """0.4 and 0.3 of two rules bind (0.58); twice 0.4 of one rule stays advisory. Every reason is kept."""
    resolution = resolve(
        A_B_C,
        one=Says(Requires("a", "b", confidence=0.4, evidence="x"), Requires("a", "c", confidence=0.4, evidence="y")),
        two=Says(Requires("a", "b", confidence=0.3, evidence="z")),
        three=Says(Requires("b", "c", confidence=0.4, evidence="p"), Requires("b", "c", confidence=0.4, evidence="q")),
    )
    assert pairs(resolution) == [("a", "b")]
    assert pairs(resolution, "advisory") == [("a", "c"), ("b", "c")]
    assert [(each.rule, each.evidence) for each in resolution.dependencies[0].reasons] == [("one", "x"), ("two", "z")]
    assert [each.evidence for each in resolution.dependencies[2].reasons] == ["p", "q"]


def test_an_edge_nobody_is_sure_of_is_dropped_and_recorded() -> None:
    """Below the lower threshold an edge is not even advisory."""
    resolution = resolve(A_B_C, faint=Says(Requires("a", "b", confidence=0.05)))
    assert resolution.dependencies == ()
    assert [(each.kind, each.why) for each in resolution.dropped] == [("threshold", "confidence 0.05 is below 0.1")]


def test_thresholds_can_be_set() -> None:
    """A resolver may bind later."""
    resolver = DependencyResolver([("r", Says(Requires("a", "b", confidence=0.8)))], binding_threshold=0.9)
    resolution = asyncio.run(resolver.resolve(A_B_C, SPECIFICATION, PlanningContext(specification=SPECIFICATION)))
    assert pairs(resolution, "advisory") == [("a", "b")]


def test_a_veto_takes_an_edge_out_and_says_why() -> None:
    """Also a declared one, with a warning that has its place."""
    resolution = resolve(
        [task("a"), task("b", "a"), task("c")],
        declared=Declares(),
        sees=Says(Requires("b", "c")),
        knows=Says(Veto("a", "b", "they share nothing"), Veto("b", "c", "neither do these")),
    )
    assert resolution.dependencies == ()
    assert [(each.before, each.kind, each.why) for each in resolution.dropped] == [
        ("a", "veto", "they share nothing (rule knows)"),
        ("b", "veto", "neither do these (rule knows)"),
    ]
    assert resolution.warnings == ("spec.md:b: the declared order a → b is not kept: they share nothing (rule knows)",)


def test_in_a_cycle_the_weakest_edge_that_is_not_declared_goes() -> None:
    """A declared edge stays though another is surer; what is dropped says which way leads back."""
    resolution = resolve(
        [task("a"), task("b", "a"), task("c")],
        declared=Says(Requires("a", "b", confidence=0.2)),
        sees=Says(Requires("b", "c", confidence=0.9), Requires("c", "a", confidence=0.6)),
    )
    assert pairs(resolution) == [("a", "b"), ("b", "c")]
    assert [(each.before, each.after, each.kind, each.why) for each in resolution.dropped] == [
        ("c", "a", "cycle", "a → b → c")
    ]
    assert resolution.dropped[0].reasons[0].rule == "sees"


def test_a_cycle_of_declared_edges_is_refused_with_the_declarations() -> None:
    """Nobody guesses which of the author's sentences is wrong."""
    with pytest.raises(CycleError) as caught:
        resolve([task("a", "c"), task("b", "a"), task("c", "b")], declared=Declares())
    assert caught.value.cycle == ("a", "b", "c", "a")
    assert "  spec.md:b: b waits for a (rule declared: it is declared)" in str(caught.value).splitlines()


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(1, 10)), max_size=30), st.randoms())
@settings(deadline=None, max_examples=100)
def test_what_is_left_has_no_cycle_and_nothing_is_dropped_without_need(
    wanted: list[tuple[int, int, int]], rng: Any
) -> None:
    """Whatever rules say: no cycle is left, each dropped edge would close one, and the order of answers does not matter."""
    values = [task(f"t{number}") for number in range(8)]
    items = [Requires(f"t{a}", f"t{b}", confidence=c / 10) for a, b, c in wanted if a != b]
    resolution = resolve(values, rule=Says(*items))
    graph = networkx.DiGraph([(each.before, each.after) for each in resolution.dependencies])
    assert networkx.is_directed_acyclic_graph(graph)
    for each in resolution.dropped:
        if each.kind == "cycle":
            assert networkx.has_path(graph, each.after, each.before)
    rng.shuffle(values)
    rng.shuffle(items)
    assert resolve(values, rule=Says(*items)) == resolution


def test_no_rule_orders_a_test_and_what_it_verifies() -> None:
    """Unless the source declares it."""
    test = task("test", verifies=("code",))
    resolution = resolve([task("code"), test], eager=Says(Requires("code", "test"), Requires("test", "code")))
    assert resolution.dependencies == ()
    assert resolution.warnings == (
        "dependency rule eager wants an order between code and test, of which one tests the other: ignored",
        "dependency rule eager wants an order between test and code, of which one tests the other: ignored",
    )
    declared = resolve([task("code"), task("test", "code", verifies=("code",))], declared=Declares())
    assert pairs(declared) == [("code", "test")]


@pytest.mark.parametrize(
    ("item", "warning"),
    [
        (Requires("a", "nope"), "names 'nope', which is no task"),
        (Requires("a", "a"), "wants a to wait for itself"),
        (Requires("a", "b", "magic"), "gave a → b the kind 'magic', which is none of data, logical, resource"),
        (Requires("a", "b", confidence=1.5), "gave a → b the confidence 1.5, which is not between 0 and 1"),
        (Requires("a", "b", confidence=0), "gave a → b the confidence 0, which is not between 0 and 1"),
        (Requires("a", "b", confidence=float("nan")), "gave a → b the confidence nan, which is not between 0 and 1"),
        (Excludes(("a",), "path:x"), "wants to keep a apart from nothing (path:x)"),
        (Excludes(("a", "zz"), "path:x"), "names 'zz', which is no task"),
        (Veto("a", "zz", "because"), "names 'zz', which is no task"),
        (("a", "b"), "gave a tuple, not Requires, Excludes or Veto"),
    ],
)
def test_what_a_rule_may_not_say_is_a_warning_that_names_it(item: Any, warning: str) -> None:
    """The other rules' answers count."""
    resolution = resolve(A_B_C, bad=Says(item), good=Says(Requires("b", "c")))
    assert resolution.warnings == (f"dependency rule bad {warning}: ignored",)
    assert pairs(resolution) == [("b", "c")]


def test_a_rule_that_raises_harms_nobody() -> None:
    """Also one that raises half way, of which nothing is kept."""

    class Raises:
        async def find(self, *_: Any) -> Iterable[Any]:
            raise RuntimeError("no such luck")

    class HalfWay:
        async def find(self, *_: Any) -> Iterable[Any]:
            def items() -> Iterable[Any]:
                yield Requires("a", "b")
                raise KeyError("x")

            return items()

    resolution = resolve(A_B_C, raises=Raises(), half=HalfWay(), good=Says(Requires("b", "c")))
    assert pairs(resolution) == [("b", "c")]
    assert resolution.warnings == (
        "dependency rule half failed and was left out: KeyError: 'x'",
        "dependency rule raises failed and was left out: RuntimeError: no such luck",
    )


def test_an_exclusion_ends_where_an_order_begins() -> None:
    """Tasks that are ordered anyway need not be kept apart; the same exclusion of two rules is one."""
    both = Excludes(("b", "a"), "path:x", "two writers")
    resolution = resolve(
        [*A_B_C, task("d")],
        one=Says(both, Requires("a", "b"), Requires("b", "c"), Excludes(("a", "c"), "path:y")),
        two=Says(Excludes(("d", "a", "b"), "path:z", "see z")),
        three=Says(Excludes(("a", "b", "d"), "path:z", "see z too")),
    )
    assert [(each.resource, each.tasks) for each in resolution.exclusions] == [("path:z", ("a", "b", "d"))]
    assert [each.rule for each in resolution.exclusions[0].reasons] == ["three", "two"]
    assert resolution.exclusions[0].reasons[0].kind == "resource"


def test_part_and_whole_are_not_ordered_and_count_in_cycles() -> None:
    """An inferred edge that would keep a parent from completing is dropped."""
    values = [task("epic", children=("part",)), task("part"), task("x")]
    resolution = resolve(
        values, rule=Says(Requires("epic", "part"), Requires("epic", "x"), Requires("x", "part", confidence=0.6))
    )
    assert pairs(resolution) == [("epic", "x")]
    assert [(each.before, each.after, each.why) for each in resolution.dropped] == [("x", "part", "part → epic → x")]
    assert len(resolution.warnings) == 1


def test_nothing_inferred_waits_for_what_the_source_leaves_out() -> None:
    """A task that is skipped is never done: only a declared order on it holds, the rest is dropped with the reason."""
    tasks = [task("a", status="skipped"), task("b"), task("c", "a")]
    found = resolve(tasks, sees=Says(Requires("a", "b", evidence="b uses a")), declares=Declares())
    assert pairs(found) == [("a", "c")]
    (dropped,) = found.dropped
    assert (dropped.before, dropped.after, dropped.kind) == ("a", "b", "veto")
    assert "a is left out by decision" in dropped.why


def test_a_note_becomes_a_warning_that_names_the_rule() -> None:
    """What a rule has to say about its own work is told, and its edges count all the same."""
    resolution = resolve([task("a"), task("b")], asks=Says(Note("2 of 3 questions failed"), Requires("a", "b")))
    assert resolution.warnings == ("dependency rule asks: 2 of 3 questions failed",)
    assert pairs(resolution) == [("a", "b")]


def dropped_for_time(resolution: Resolution) -> list[tuple[str, str, str]]:
    return [(each.before, each.after, each.why) for each in resolution.dropped if each.kind == "parallelism"]


def test_an_advisory_edge_that_would_lengthen_the_critical_path_is_dropped_and_says_by_how_much() -> None:
    """One that fits in stays; a binding one stays at any cost."""
    values = [task(name, estimate_s=60.0) for name in "abcd"]
    resolution = resolve(
        values,
        sure=Says(Requires("a", "b"), Requires("b", "c")),
        hints=Says(Requires("a", "d", confidence=0.3), Requires("c", "d", confidence=0.4)),
    )
    assert pairs(resolution) == [("a", "b"), ("b", "c")]
    assert pairs(resolution, "advisory") == [("a", "d")]
    why = "were it to hold, the critical path would take 240 s, 60 s longer than without it"
    assert dropped_for_time(resolution) == [("c", "d", why)]
    assert resolution.dropped[0].reasons[0].rule == "hints"


def test_an_advisory_edge_may_use_the_time_that_the_workers_need_anyway() -> None:
    """Eight minutes of work take two workers four minutes: a hint may make a chain of four, and not of five."""
    values = [task(name, estimate_s=60.0) for name in "abcdefgh"]
    hints = Says(*(Requires(a, b, confidence=0.3) for a, b in ("ab", "bc", "cd", "de")))
    resolver = DependencyResolver([("hints", hints)], workers=2)
    resolution = asyncio.run(resolver.resolve(values, SPECIFICATION, PlanningContext(specification=SPECIFICATION)))
    assert pairs(resolution, "advisory") == [("a", "b"), ("b", "c"), ("c", "d")]
    why = "were it to hold, the critical path would take 300 s, 60 s longer than the whole work takes 2 workers"
    assert dropped_for_time(resolution) == [("d", "e", why)]
    unlimited = DependencyResolver([("hints", hints)], workers=None)
    alone = asyncio.run(unlimited.resolve(values, SPECIFICATION, PlanningContext(specification=SPECIFICATION)))
    assert alone.dependencies == ()


def test_the_surest_hints_get_the_time_there_is() -> None:
    """Of two that do not both fit, the surer one stays, though it comes later in the plan."""
    values = [task(name, estimate_s=60.0) for name in "abcxy"]
    resolution = resolve(
        values,
        sure=Says(Requires("x", "y")),
        hints=Says(Requires("a", "b", confidence=0.2), Requires("b", "c", confidence=0.4)),
    )
    assert pairs(resolution, "advisory") == [("b", "c")]
    assert [each[:2] for each in dropped_for_time(resolution)] == [("a", "b")]


def test_gates_count_in_what_a_hint_would_cost() -> None:
    """The subject lands with its test, so what would wait for it would wait for both."""
    values = [
        task("code", estimate_s=10.0),
        task("test", estimate_s=50.0, verifies=("code",)),
        task("next", estimate_s=30.0),
        task("long", estimate_s=70.0),
    ]
    resolution = resolve(values, hints=Says(Requires("code", "next", confidence=0.3)))
    why = "were it to hold, the critical path would take 80 s, 10 s longer than without it"
    assert dropped_for_time(resolution) == [("code", "next", why)]


def test_a_hint_against_a_gate_is_no_order_and_costs_nothing() -> None:
    """The subject's landing waits for the test: hints that lead from there back to the test are kept and count as no order."""
    values = [
        task("a"),
        task("b"),
        task("code", estimate_s=10.0),
        task("test", estimate_s=10.0, verifies=("code",)),
        task("x", estimate_s=50.0),
    ]
    resolution = resolve(
        values,
        sure=Says(Requires("a", "b"), Requires("b", "x")),
        hints=Says(Requires("code", "x", confidence=0.3), Requires("x", "test", confidence=0.3)),
    )
    assert pairs(resolution, "advisory") == [("code", "x"), ("x", "test")]

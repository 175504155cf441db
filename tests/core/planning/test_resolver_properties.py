"""The resolver against a plain reckoning of the same rules, on small sets of tasks with whatever strangers' rules may say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher import DependencyResolver
from agent_dispatcher.errors import CycleError
from agent_dispatcher.extension import PlanningContext, Requires, Veto
from agent_dispatcher.models import DeclaredDependency, Specification, Task
from agent_dispatcher.planning.dependency_resolver import Resolution

SPECIFICATION = Specification(id="s", title="S")
NAMES = [f"t{number}" for number in range(7)]
pairs = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1])
#: In quarters, so that sums and products are exact or nearly so.
confidences = st.sampled_from([0.05, 0.125, 0.25, 0.25, 0.5, 1.0])


class Says:
    """A rule of somebody's own."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = list(items)

    async def find(self, *_: Any) -> Iterable[Any]:
        return self.items


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Task], dict[str, list[Any]]]:
    """Tasks with declared orders (maybe circular), and three rules that see edges and veto some."""
    declared = draw(st.lists(pairs, max_size=4, unique=True))
    tasks = [
        Task(
            id=name,
            title=name,
            estimate_s=draw(st.sampled_from([0.0, 10.0, 60.0])),
            depends_on=tuple(DeclaredDependency(task=before) for before, after in declared if after == name),
        )
        for name in NAMES
    ]
    rules: dict[str, list[Any]] = {
        "declared": [Requires(before, after) for before, after in declared],
    }
    for rule in ("ours", "theirs"):
        seen = draw(st.lists(st.tuples(pairs, confidences), max_size=12))
        vetoes = draw(st.lists(pairs, max_size=2))
        rules[rule] = [
            *(Requires(before, after, confidence=value) for (before, after), value in seen),
            *(Veto(before, after, f"{rule} knows") for before, after in vetoes),
        ]
    return tasks, rules


def resolve(tasks: Sequence[Task], rules: dict[str, list[Any]], **options: Any) -> Resolution:
    resolver = DependencyResolver([(name, Says(items)) for name, items in rules.items()], **options)
    return asyncio.run(resolver.resolve(tasks, SPECIFICATION, PlanningContext(specification=SPECIFICATION)))


def span(tasks: Sequence[Task], edges: Iterable[tuple[str, str]]) -> float:
    """Seconds of a longest path."""
    graph = networkx.DiGraph(list(edges))
    graph.add_nodes_from(task.id for task in tasks)
    ends: dict[str, float] = {}
    lengths = {task.id: task.estimate_s for task in tasks}
    for name in networkx.topological_sort(graph):
        ends[name] = lengths[name] + max((ends[each] for each in graph.predecessors(name)), default=0.0)
    return max(ends.values())


def oracle(tasks: Sequence[Task], rules: dict[str, list[Any]]) -> tuple[dict[tuple[str, str], float], dict[Any, str]]:
    """Edges with their confidence, and what becomes of the others, by the sentences of the documentation one after the other."""
    declared = {(each.task, task.id) for task in tasks for each in task.depends_on}
    vetoed = {(item.before, item.after) for items in rules.values() for item in items if isinstance(item, Veto)}
    doubt: dict[tuple[str, str], float] = {}
    for items in rules.values():
        surest: dict[tuple[str, str], float] = {}
        for item in items:
            if isinstance(item, Requires):
                edge = (item.before, item.after)
                surest[edge] = max(surest.get(edge, 0.0), item.confidence)
        for edge, value in surest.items():
            doubt[edge] = doubt.get(edge, 1.0) * (1 - value)
    weight = {edge: 1 - value for edge, value in doubt.items()}
    fate = {edge: "veto" for edge in weight if edge in vetoed}
    fate |= {edge: "threshold" for edge in weight if edge not in fate and edge not in declared and weight[edge] < 0.1}
    left = [edge for edge in weight if edge not in fate]
    graph = networkx.DiGraph([edge for edge in left if edge in declared])
    if not networkx.is_directed_acyclic_graph(graph):
        raise CycleError("declared", ())
    kept = {edge: weight[edge] for edge in left if edge in declared}
    for edge in sorted((edge for edge in left if edge not in declared), key=lambda edge: (-weight[edge], edge)):
        if graph.has_node(edge[0]) and graph.has_node(edge[1]) and networkx.has_path(graph, edge[1], edge[0]):
            fate[edge] = "cycle"
        else:
            graph.add_edge(*edge)
            kept[edge] = weight[edge]
    return kept, fate


@given(scenes())
@settings(deadline=None, max_examples=200)
def test_the_resolver_does_what_is_written(scene: tuple[list[Task], dict[str, list[Any]]]) -> None:
    """Merged, thresholded, vetoed and freed of cycles as a plain reckoning does it; a circle of declarations is refused by both."""
    tasks, rules = scene
    try:
        kept, fate = oracle(tasks, rules)
    except CycleError:
        try:
            resolve(tasks, rules)
        except CycleError:
            return
        raise
    resolution = resolve(tasks, rules)
    costly = {(each.before, each.after) for each in resolution.dropped if each.kind == "parallelism"}
    assert {(each.before, each.after) for each in resolution.dependencies} == set(kept) - costly
    assert {(each.before, each.after): each.kind for each in resolution.dropped} == fate | dict.fromkeys(
        costly, "parallelism"
    )
    declared = {(each.task, task.id) for task in tasks for each in task.depends_on}
    for each in resolution.dependencies:
        edge = (each.before, each.after)
        assert (each.strength == "binding") == (edge in declared or kept[edge] >= 0.5)


@given(scenes())
@settings(deadline=None, max_examples=200)
def test_a_dropped_edge_is_the_weakest_of_the_cycle_that_is_shown(
    scene: tuple[list[Task], dict[str, list[Any]]],
) -> None:
    """Every edge on the path in ``why`` is there, and is declared or at least as sure."""
    tasks, rules = scene
    try:
        kept, _ = oracle(tasks, rules)
        resolution = resolve(tasks, rules)
    except CycleError:
        return
    declared = {(each.task, task.id) for task in tasks for each in task.depends_on}
    for dropped in resolution.dropped:
        if dropped.kind == "cycle":
            way = dropped.why.split(" → ")
            assert (way[0], way[-1]) == (dropped.after, dropped.before)
            own = 1.0
            for rule in {reason.rule for reason in dropped.reasons}:
                own *= 1 - max(reason.confidence for reason in dropped.reasons if reason.rule == rule)
            for edge in pairwise(way):
                assert edge in declared or kept[edge] >= 1 - own - 1e-12


@given(scenes(), st.sampled_from([None, 1, 2]))
@settings(deadline=None, max_examples=200)
def test_what_stays_costs_no_time_together_and_what_goes_would(
    scene: tuple[list[Task], dict[str, list[Any]]], workers: int | None
) -> None:
    """All advisory edges that stay may hold at once within the time; each that is dropped would not fit beside them."""
    tasks, rules = scene
    try:
        resolution = resolve(tasks, rules, workers=workers)
    except CycleError:
        return
    edges = [(each.before, each.after) for each in resolution.dependencies]
    binding = [(each.before, each.after) for each in resolution.dependencies if each.strength == "binding"]
    time = max(span(tasks, binding), sum(task.estimate_s for task in tasks) / workers if workers else 0.0)
    assert span(tasks, edges) <= time + 1e-6
    for dropped in resolution.dropped:
        if dropped.kind == "parallelism":
            assert span(tasks, [*edges, (dropped.before, dropped.after)]) > time


@given(scenes(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_no_order_of_tasks_rules_or_sightings_matters(scene: tuple[list[Task], dict[str, list[Any]]], rng: Any) -> None:
    """Whoever speaks first gains nothing by it; a stranger's rule counts as ours does."""
    tasks, rules = scene
    try:
        resolution = resolve(tasks, rules)
    except CycleError:
        return
    shuffled = {name: rng.sample(rules[name], len(rules[name])) for name in rng.sample(list(rules), len(rules))}
    assert resolve(rng.sample(tasks, len(tasks)), shuffled) == resolution
    swapped = rules | {"ours": rules["theirs"], "theirs": rules["ours"]}
    other = resolve(tasks, swapped)
    assert [(each.before, each.after, each.strength) for each in other.dependencies] == [
        (each.before, each.after, each.strength) for each in resolution.dependencies
    ]

"""The graph: order, gates, parents, times, reduction, export."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from itertools import pairwise

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher import ExecutionGraph
from agent_dispatcher.errors import CycleError, GraphError
from agent_dispatcher.models import Dependency, Gate, Reason, Task


def tasks(*ids: str, seconds: float = 10.0) -> list[Task]:
    return [Task(id=each, title=each.upper(), estimate_s=seconds) for each in ids]


def edges(*pairs: str) -> list[Dependency]:
    """``"a>b"`` is the dependency a → b."""
    return [Dependency(before=pair[: pair.index(">")], after=pair[pair.index(">") + 1 :]) for pair in pairs]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Task], list[Dependency]]:
    """Acyclic graphs of up to 14 tasks, with gates and durations, in any order of tasks and edges."""
    size = draw(st.integers(0, 14))
    names = draw(st.permutations([f"t{number}" for number in range(size)]))
    pairs = [(a, b) for b in range(size) for a in range(b)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=40)) if pairs else []
    free = [pair for pair in pairs if pair not in chosen]
    tested = dict(draw(st.lists(st.sampled_from(free), max_size=4))) if free else {}
    values = [
        Task(
            id=names[number],
            title=names[number],
            estimate_s=draw(st.sampled_from([0.0, 1.0, 2.0, 5.0])),
            verifies=(names[tested[number]],) if number in tested else (),
        )
        for number in range(size)
    ]
    dependencies = [Dependency(before=names[a], after=names[b]) for a, b in chosen]
    return draw(st.permutations(values)), draw(st.permutations(dependencies))


@given(graphs())
@settings(deadline=None)
def test_reduction_is_that_of_networkx(graph: tuple[list[Task], list[Dependency]]) -> None:
    """What is left is the one smallest set of edges with the same order, and each path shown exists."""
    built = ExecutionGraph(*graph)
    whole = networkx.DiGraph(built.edges())
    expected = set(networkx.transitive_reduction(whole).edges())
    redundant = built.redundant()
    assert set(built.edges()) - {(each.before, each.after) for each in redundant} == expected
    for each in redundant:
        assert (each.path[0], each.path[-1]) == (each.before, each.after)
        assert len(each.path) > 2
        for before, after in pairwise(each.path):
            assert before is None or after is None or whole.has_edge(before, after)


@given(graphs())
@settings(deadline=None)
def test_every_task_is_in_one_phase_behind_all_it_waits_for(graph: tuple[list[Task], list[Dependency]]) -> None:
    """A task is behind its dependencies, and behind the tests that gate them."""
    built = ExecutionGraph(*graph)
    step = {task: number for number, phase in enumerate(built.phases()) for task in phase}
    assert sorted(step) == sorted(task.id for task in graph[0])
    tests_of: dict[str, list[str]] = {}
    for gate in built.gates:
        tests_of.setdefault(gate.subject, []).append(gate.test)
    for before, after in built.edges():
        for needed in (before, *tests_of.get(before, ())):
            assert step[needed] < step[after]


@given(graphs())
@settings(deadline=None)
def test_the_critical_path_takes_the_span_and_nothing_is_longer(graph: tuple[list[Task], list[Dependency]]) -> None:
    """Estimates on the critical path add up to the span, which is the highest upward rank."""
    built = ExecutionGraph(*graph)
    ranks = built.upward_ranks()
    assert sum(built.task(each).estimate_s for each in built.critical_path()) == pytest.approx(built.span_s)
    assert max(ranks.values(), default=0.0) == pytest.approx(built.span_s)
    for before, after in built.edges():
        assert ranks[before] >= ranks[after] + built.task(before).estimate_s


@given(graphs(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_input_does_not_matter(graph: tuple[list[Task], list[Dependency]], rng: random.Random) -> None:
    """Shuffled tasks and edges give the same answers."""

    def answers(values: list[Task], dependencies: list[Dependency]) -> tuple[object, ...]:
        built = ExecutionGraph(values, dependencies)
        paths = built.phases(), built.layers(), built.critical_path(), built.gates, built.warnings
        return *paths, built.redundant(), built.estimates(), built.to_dot()

    values, dependencies = list(graph[0]), list(graph[1])
    expected = answers(values, dependencies)
    rng.shuffle(values)
    rng.shuffle(dependencies)
    assert answers(values, dependencies) == expected


@given(graphs())
@settings(deadline=None, max_examples=50)
def test_ancestors_and_descendants_are_those_of_networkx(graph: tuple[list[Task], list[Dependency]]) -> None:
    """Reachability over dependencies, without the task itself."""
    built = ExecutionGraph(*graph)
    whole = networkx.DiGraph()
    whole.add_nodes_from(task.id for task in graph[0])
    whole.add_edges_from(built.edges())
    for task in graph[0]:
        assert built.ancestors(task.id) == networkx.ancestors(whole, task.id)
        assert built.descendants(task.id) == networkx.descendants(whole, task.id)


def test_a_gate_delays_what_depends_on_the_subject_and_not_the_subject() -> None:
    """Test and subject start together; the dependent waits for the slower of the two."""
    values = [
        Task(id="code", title="code", estimate_s=10),
        Task(id="test", title="test", estimate_s=30, verifies=("code",)),
        Task(id="next", title="next", estimate_s=5),
    ]
    graph = ExecutionGraph(values, edges("code>next"))
    assert graph.gates == (Gate(test="test", subject="code"),)
    assert graph.phases() == (("code", "test"), ("next",))
    assert graph.span_s == 35
    assert graph.critical_path() == ("test", "next")
    assert graph.upward_ranks() == {"code": 15, "test": 35, "next": 5}


def test_a_declared_order_wins_over_a_gate() -> None:
    """A test that waits for its subject does not gate it, and the user is told."""
    values = [*tasks("code", "between"), Task(id="test", title="test", verifies=("code",))]
    graph = ExecutionGraph(values, edges("code>between", "between>test"))
    assert graph.gates == ()
    assert graph.warnings == (
        "code does not wait for its test test before it lands, "
        "because the test already waits for it (code → between → test)",
    )


def test_of_gates_that_close_a_cycle_only_the_last_is_left_out() -> None:
    """Two tasks that verify each other: one gate holds, and so do those elsewhere."""
    pairs = {"a": "b", "b": "a", "t": "c"}
    values = [*tasks("c"), *(Task(id=test, title=test, verifies=(subject,)) for test, subject in pairs.items())]
    graph = ExecutionGraph(values)
    assert graph.gates == (Gate(test="a", subject="b"), Gate(test="t", subject="c"))
    assert len(graph.warnings) == 1


def test_a_parent_takes_no_time_and_lands_with_its_children() -> None:
    """What depends on a parent waits for its last child."""
    values = [
        Task(id="epic", title="epic", estimate_s=1000, children=("one", "two")),
        Task(id="one", title="one", estimate_s=10),
        Task(id="two", title="two", estimate_s=20),
        Task(id="after", title="after", estimate_s=5),
    ]
    graph = ExecutionGraph(values, edges("one>two", "epic>after"))
    assert graph.phases() == (("one",), ("epic", "two"), ("after",))
    assert (graph.work_s, graph.span_s) == (35, 35)
    assert graph.critical_path() == ("one", "two", "after")


def test_what_is_done_takes_no_time() -> None:
    """Estimates speak of the work that is left."""
    values = [Task(id="a", title="a", estimate_s=10, status="completed"), *tasks("b")]
    graph = ExecutionGraph(values, edges("a>b"))
    assert (graph.work_s, graph.span_s) == (10, 10)


def test_a_cycle_is_told_with_the_reason_behind_each_edge() -> None:
    """The message has the path, rule, evidence and place of every edge."""
    wanted = [
        Dependency(before="a", after="b", reasons=(Reason(rule="seen", evidence="b reads a", source="spec.md:3"),)),
        Dependency(before="b", after="c"),
        Dependency(before="c", after="a", reasons=(Reason(rule="said", source="spec.md:9"),)),
    ]
    with pytest.raises(CycleError) as caught:
        ExecutionGraph(tasks("a", "b", "c", "d"), [*wanted, *edges("d>a")])
    assert caught.value.cycle == ("a", "b", "c", "a")
    assert str(caught.value).splitlines() == [
        "these tasks wait for each other: a → b → c → a",
        "  spec.md:3: b waits for a (rule seen: b reads a)",
        "  c waits for b (rule given)",
        "  spec.md:9: a waits for c (rule said)",
        "Remove one of these dependencies from the source, or split one of the tasks.",
    ]


def test_a_task_cannot_wait_for_the_parent_that_completes_with_it() -> None:
    """Part and whole count in cycles."""
    values = [Task(id="epic", title="epic", children=("part",)), *tasks("part")]
    with pytest.raises(CycleError, match="epic completes only with its part part"):
        ExecutionGraph(values, edges("epic>part"))


@pytest.mark.parametrize(
    ("values", "wanted", "message"),
    [
        (["a", "a"], [], "two tasks have the id 'a'"),
        (["a"], ["a>x"], "the dependency a → x names 'x', which is no task"),
        (["a"], ["a>a"], "a waits for a"),
    ],
)
def test_what_is_no_graph_is_refused(values: list[str], wanted: list[str], message: str) -> None:
    """Taken ids, unknown ids and self edges are errors that name them."""
    with pytest.raises(GraphError, match=message):
        ExecutionGraph(tasks(*values), edges(*wanted))


def test_an_advisory_dependency_holds_nobody() -> None:
    """It is known and drawn, and changes no phase."""
    hint = Dependency(before="a", after="b", strength="advisory")
    graph = ExecutionGraph(tasks("a", "b"), [hint])
    assert graph.dependencies == (hint,)
    assert graph.edges() == []
    assert graph.phases() == (("a", "b"),)
    assert "-.->" in graph.to_mermaid()


def test_the_recommended_workers_are_the_fewest_that_keep_to_the_span() -> None:
    """One long task and eight short ones that fill two more workers meanwhile: three suffice."""
    values = [*tasks("long", seconds=40), *tasks(*(f"t{number}" for number in range(8)), seconds=10)]
    assert ExecutionGraph(values).recommended_workers == 3
    chain = ExecutionGraph(tasks("a", "b", "c"), edges("a>b", "b>c"))
    assert (chain.recommended_workers, chain.max_speedup) == (1, 1.0)
    assert ExecutionGraph(tasks(*"abcde")).recommended_workers == 5
    assert ExecutionGraph([]).estimates().recommended_workers == 1


def test_the_simulation_counts_gates() -> None:
    """With one worker everything takes its sum; gates add no idle time to it."""
    values = [
        Task(id="code", title="code", estimate_s=10),
        Task(id="test", title="test", estimate_s=30, verifies=("code",)),
        Task(id="next", title="next", estimate_s=30),
    ]
    graph = ExecutionGraph(values, edges("code>next"))
    assert graph.span_s == 60
    assert graph.recommended_workers == 2


@given(graphs())
@settings(deadline=None)
def test_one_worker_takes_the_sum_and_enough_workers_the_span(graph: tuple[list[Task], list[Dependency]]) -> None:
    """The simulation agrees with the arithmetic at both ends, gates and tasks without duration included."""
    built = ExecutionGraph(*graph)
    assert built.makespan_s(1) == pytest.approx(built.work_s)
    assert built.makespan_s() == built.makespan_s(len(built) + 1) == pytest.approx(built.span_s)


def test_of_several_dependencies_between_two_tasks_one_counts() -> None:
    """A binding one before an advisory one, else the first."""
    hint = Dependency(before="a", after="b", strength="advisory")
    first, second = (Dependency(before="a", after="b", reasons=(Reason(rule=each),)) for each in ("one", "two"))
    assert ExecutionGraph(tasks("a", "b"), [hint, first, second]).dependencies == (first,)
    assert ExecutionGraph(tasks("a", "b"), [second, first, hint]).dependencies == (second,)


def test_width_is_the_most_tasks_in_a_phase() -> None:
    """Parents do not count: nobody works on them."""
    values = [*tasks("a", "b", "c"), Task(id="epic", title="epic", children=("b", "c"))]
    assert ExecutionGraph(values, edges("a>b", "a>c")).width() == 2


def test_titles_cannot_break_out_of_a_drawing() -> None:
    """Quotes, brackets, markup and newlines stay inside the label."""
    evil = Task(id='a"];x', title='say "hi"]; <b> --> t9\nend')
    graph = ExecutionGraph([evil, *tasks("b")], [Dependency(before=evil.id, after="b")])
    lines = graph.to_mermaid().splitlines()
    assert lines[1] == '    t0["say #34;hi#34;#93;#59; #60;b#62; --#62; t9 end"]'
    assert lines[3] == "    t0 --> t1"
    dot = graph.to_dot()
    assert '"a\\"];x" [label="say \\"hi\\"]; <b> --> t9 end"];' in dot
    assert '"a\\"];x" -> "b";' in dot


def test_drawings_leave_out_what_a_path_implies() -> None:
    """A drawing shows the reduced view and the gates."""
    values = [*tasks("a", "b", "c"), Task(id="t", title="t", verifies=("a",))]
    graph = ExecutionGraph(values, edges("a>b", "b>c", "a>c"))
    assert graph.to_mermaid().splitlines()[5:] == [
        "    t0 --> t1",
        "    t1 --> t2",
        "    t3 -. lands after .-> t0",
    ]


def test_networkx_gets_everything() -> None:
    """Nodes carry tasks; edges say what they are."""
    values = [*tasks("a", "b"), Task(id="t", title="t", verifies=("a",))]
    graph = ExecutionGraph(values, edges("a>b")).to_networkx()
    assert graph.nodes["a"]["task"].title == "A"
    assert graph.edges["a", "b"]["strength"] == "binding"
    assert graph.edges["t", "a"] == {"kind": "gate"}


def test_networkx_is_imported_only_for_export() -> None:
    """Building and asking a graph does not load it."""
    code = (
        "import sys; from agent_dispatcher.planning.planner import plan_tasks;"
        "plan_tasks([{'id': 'a'}, {'id': 'b'}], [('a', 'b')]); assert 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_node_that_everything_leads_to_costs_no_square() -> None:
    """A chain of 20,000 tasks that all lead to the last one as well is reduced in seconds."""
    size = 20_000
    ids = [f"t{number:05d}" for number in range(size)]
    wanted = [Dependency(before=a, after=b) for a, b in pairwise(ids)]
    wanted += [Dependency(before=each, after=ids[-1]) for each in ids[:-2]]
    graph = ExecutionGraph(tasks(*ids), wanted)
    started = time.process_time()
    redundant = graph.redundant()
    assert len(redundant) == size - 2
    assert redundant[0].path[0] == ids[0]
    assert redundant[-1].path == (ids[-3], ids[-2], ids[-1])
    assert time.process_time() - started < 5


def test_an_order_on_a_whole_is_said_beside_that_on_its_parts() -> None:
    """Who reads the dependencies alone misses no order: parts and wholes complete together, but that is no dependency."""
    values = [*tasks("a", "b"), Task(id="epic", title="epic", children=("b",)), *tasks("c")]
    built = ExecutionGraph(values, edges("a>epic", "a>b", "epic>c", "a>c"))
    assert [(each.before, each.after) for each in built.redundant()] == [("a", "c")]


@given(graphs())
@settings(deadline=None)
def test_a_task_may_take_its_slack_longer_and_no_more(graph: tuple[list[Task], list[Dependency]]) -> None:
    """With its slack used up the span is what it was; with a second more it is a second longer."""
    built = ExecutionGraph(*graph)
    for task in built.tasks:
        slack = built.slack()[task.id]
        if task.estimate_s > 0:
            assert built.span_of({task.id: task.estimate_s + slack}) == pytest.approx(built.span_s)
            assert built.span_of({task.id: task.estimate_s + slack + 1}) == pytest.approx(built.span_s + 1)
    assert all(built.slack()[name] == 0 for name in built.critical_path())


def test_slack_counts_gates() -> None:
    """What lands with its test may be later by what the test takes longer."""
    values = [
        Task(id="code", title="code", estimate_s=10),
        Task(id="test", title="test", estimate_s=30, verifies=("code",)),
        Task(id="next", title="next", estimate_s=5),
        Task(id="aside", title="aside", estimate_s=15),
    ]
    graph = ExecutionGraph(values, edges("code>next"))
    assert graph.slack() == {"code": 20, "test": 0, "next": 0, "aside": 20}


@given(graphs(), st.data())
@settings(deadline=None)
def test_orders_that_lengthen_nothing_may_hold_together(
    graph: tuple[list[Task], list[Dependency]], data: st.DataObject
) -> None:
    """Added as binding ones, those that are not returned leave the span within the time; each that is returned would exceed it beside them."""
    built = ExecutionGraph(*graph)
    names = [task.id for layer in built.layers() for task in map(built.task, layer)]
    verified = {(task.id, subject) for task in built.tasks for subject in task.verifies}
    free = [
        pair
        for index, after in enumerate(names)
        for pair in ((before, after) for before in names[:index])
        if pair not in set(built.edges()) and pair not in verified and pair[::-1] not in verified
    ]
    if not free:
        return
    wanted = data.draw(st.lists(st.sampled_from(free), unique=True, max_size=8))
    time_s = data.draw(st.sampled_from([0.0, built.span_s + 2]))
    longer = built.lengthening([wanted[:3], wanted[3:]], time_s)
    order = [*graph[1], *(Dependency(before=b, after=a) for b, a in wanted if (b, a) not in longer)]
    together = ExecutionGraph(graph[0], order)
    if len(together.gates) == len(built.gates):
        assert together.span_s <= max(built.span_s, time_s) + 1e-6
    for (before, after), seconds in longer.items():
        assert seconds > 0
        more = ExecutionGraph(graph[0], [*order, Dependency(before=before, after=after)])
        if len(more.gates) == len(built.gates):
            assert more.span_s > max(built.span_s, time_s)

"""A comparison of plans says what changed for those who carry them out, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from agent_dispatcher.models import ArtifactRef, ExecutionPlan, Requirement, Specification, Task
from agent_dispatcher.planning.plan_diff import compare, diff_to_json
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.planning.task_matching import match_tasks


def planned(*tasks: dict[str, Any], edges: Any = (), requirements: dict[str, str] | None = None) -> ExecutionPlan:
    made = plan_tasks(tasks, edges)
    texts = tuple(Requirement(id=name, text=text) for name, text in (requirements or {}).items())
    return evolve(made, specification=Specification(id="s", title="S", requirements=texts))


A = {"id": "schema-1111", "source_id": "T1", "title": "Write the database schema", "requirements": ["R1"]}
B = {"id": "api-2222", "source_id": "T2", "title": "Write the lending interface"}
C = {"id": "docs-3333", "source_id": "T3", "title": "Describe how to install it"}


def test_the_same_plan_has_no_difference() -> None:
    """Also when its tasks stand in another order."""
    found = compare(planned(A, B, edges=[("T1", "T2")]), planned(B, A, edges=[("T1", "T2")]))
    assert (found.same, found.kept, found.edges_added, found.edges_removed) == (True, 2, (), ())


def test_added_and_removed_tasks_take_their_orders_along() -> None:
    """Tasks and edges that only one of the two has."""
    found = compare(planned(A, B, edges=[("T1", "T2")]), planned(A, C, edges=[("T1", "T3")]))
    assert [task.source_id for task in found.added] == ["T3"]
    assert [task.source_id for task in found.removed] == ["T2"]
    assert [(edge.before.source_id, edge.after.source_id) for edge in found.edges_added] == [("T1", "T3")]
    assert [(edge.before.source_id, edge.after.source_id) for edge in found.edges_removed] == [("T1", "T2")]
    assert not found.same


def test_a_reworded_task_is_changed_not_replaced() -> None:
    """Its id followed its words; its orders are the same orders."""
    reworded = {**B, "id": "api-9999", "title": "Write and describe the lending interface"}
    found = compare(planned(A, B, edges=[("T1", "T2")]), planned(A, reworded, edges=[("T1", "T2")]))
    assert (found.added, found.removed) == ((), ())
    (changed,) = found.changed
    assert (changed.before.id, changed.after.id, changed.fields) == ("api-2222", "api-9999", ("title",))
    assert (found.edges_added, found.edges_removed) == ((), ())


def test_renumbered_tasks_are_recognised() -> None:
    """A task put in between moves the numbers of all behind it; each is still itself, also if it was reworded at the same time."""
    before = planned(A, B, C)
    new = {"id": "ci-4444", "source_id": "T2", "title": "Set up continuous integration"}
    moved = {**B, "id": "api-8888", "source_id": "T3", "title": "Write the lending web interface"}
    after = planned(A, new, moved, {**C, "source_id": "T4"})
    found = compare(before, after)
    assert [task.id for task in found.added] == ["ci-4444"]
    assert found.removed == ()
    assert [(each.before.id, each.after.id) for each in found.changed] == [("api-2222", "api-8888")]


def test_the_same_number_alone_is_not_the_same_task() -> None:
    """Nothing in common but the number: one was removed, another added."""
    other = {"id": "x-7777", "source_id": "T2", "title": "Measure start-up"}
    found = compare(planned(A, B), planned(A, other))
    assert ([task.id for task in found.added], [task.id for task in found.removed]) == (["x-7777"], ["api-2222"])


def test_what_a_task_promises_helps_to_recognise_it() -> None:
    """Reworded beyond half of its words, but the same file."""
    path = (ArtifactRef(type="path", name="src/api.py"),)
    old = Task(id="a-1", title="Write the lending interface", produces=path)
    new = Task(id="b-1", title="Write everything for lending", produces=path)
    assert match_tasks([old], [new]) == {"a-1": "b-1"}
    assert match_tasks([evolve(old, produces=())], [evolve(new, produces=())]) == {}


def test_an_edge_that_changes_no_order_is_told_apart() -> None:
    """Where a path says the same in the other plan, the edge is there but nothing waits that did not."""
    before = planned(A, B, C, edges=[("T1", "T2"), ("T2", "T3")])
    after = planned(A, B, C, edges=[("T1", "T2"), ("T2", "T3"), ("T1", "T3")])
    (edge,) = compare(before, after).edges_added
    assert (edge.after.source_id, edge.implied) == ("T3", True)
    back = compare(after, planned(A, B, C, edges=[("T1", "T3"), ("T2", "T3")]))
    assert [(edge.before.source_id, edge.after.source_id, edge.implied) for edge in back.edges_removed] == [
        ("T1", "T2", False)
    ]


def test_requirements_and_those_affected() -> None:
    """New, gone and reworded ones, and those whose tasks changed."""
    before = planned(A, B, requirements={"R1": "It lends.", "R2": "It counts.", "R3": "It is fast."})
    after = planned(
        {**A, "description": "With an index."}, B, requirements={"R1": "It lends.", "R3": "It is quick.", "R4": "x"}
    )
    found = compare(before, after)
    assert [each.id for each in found.requirements_added] == ["R4"]
    assert [each.id for each in found.requirements_removed] == ["R2"]
    assert [(early.text, late.text) for early, late in found.requirements_changed] == [("It is fast.", "It is quick.")]
    assert found.affected == ("R1", "R3", "R4", "R2")


def test_times_and_the_critical_path_before_and_after() -> None:
    """What the change costs."""
    found = compare(planned(A, B), planned(A, B, edges=[("T1", "T2")]))
    assert (found.estimates_before.span_s, found.estimates_after.span_s) == (60, 120)
    assert [task.source_id for task in found.path_after] == ["T1", "T2"]


def test_the_json_has_the_published_keys() -> None:
    """Names and order, and that it is JSON."""
    before, after = (
        planned(A, B, edges=[("T1", "T2")], requirements={"R1": "x"}),
        planned(A, C, requirements={"R1": "y"}),
    )
    document = diff_to_json(compare(before, after))
    keys = "format version same tasks dependencies requirements critical_path estimates"
    assert list(document) == keys.split()
    assert (document["format"], document["version"], document["same"]) == ("agent-dispatcher/diff", 1, False)
    assert list(document["tasks"]) == ["kept", "added", "removed", "changed"]
    assert document["dependencies"]["removed"][0]["before"] == "schema-1111"
    assert document["requirements"]["changed"] == [{"id": "R1", "before": "x", "after": "y"}]
    assert document["critical_path"]["before"] == ["schema-1111", "api-2222"]
    assert json.loads(json.dumps(document)) == document


def test_two_thousand_reworded_tasks_are_matched_soon() -> None:
    """Only tasks with a rare word in common are compared, so that large plans are no problem."""
    old = [Task(id=f"o{n}", title=f"Write the part number{n} of the system") for n in range(2000)]
    new = [Task(id=f"n{n}", title=f"Write and check the part number{n} of the system") for n in range(2000)]
    assert match_tasks(old, new) == {f"o{n}": f"n{n}" for n in range(2000)}

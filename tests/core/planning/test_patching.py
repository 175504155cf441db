"""Patches of a plan, as pure functions: what the plan is afterwards, and what a file says."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.codec import from_json, to_json
from agent_dispatcher.errors import PlanError
from agent_dispatcher.models import (
    ArtifactRef,
    DeclaredDependency,
    Dependency,
    ExecutionPlan,
    PlanPatch,
    Requirement,
    Specification,
    Step,
    Task,
    TaskPair,
    TaskSplit,
)
from agent_dispatcher.planning.patch_file import read_patch
from agent_dispatcher.planning.patching import PatchedPlan, apply_patch
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.planning.revising import revise_all
from agent_dispatcher.planning.validation import problems as validate


def new(name: str, *before: str, **fields: Any) -> Task:
    depends_on = tuple(DeclaredDependency(task=each) for each in before)
    return Task(**{"id": name, "title": name, "agent_type": "w", "depends_on": depends_on, **fields})


def plan(tasks: str, edges: str = "") -> ExecutionPlan:
    return plan_tasks([new(name) for name in tasks.split()], [tuple(edge.split(">")) for edge in edges.split()])


def fits(of: ExecutionPlan, patch: PlanPatch, **options: Any) -> PatchedPlan:
    found = apply_patch(of, {}, patch, **options)
    assert isinstance(found, PatchedPlan), [str(problem) for problem in found]
    return found


def said(of: ExecutionPlan, patch: PlanPatch, statuses: dict[str, str] | None = None) -> str:
    found = apply_patch(of, statuses or {}, patch)
    assert isinstance(found, tuple)
    return "\n".join(map(str, found))


def edges(of: ExecutionPlan) -> str:
    return " ".join(f"{before}>{after}" for before, after in of.binding_edges())


def test_an_order_that_the_plan_does_not_show_is_kept() -> None:
    """A → C is redundant beside A → B → C; with B it would be gone if only the reduced view were looked at."""
    of = plan("a b c d", "a>b b>c a>c c>d b>d")
    assert [(each.before, each.after) for each in of.dependencies] == [("a", "b"), ("b", "c"), ("c", "d")]
    after = fits(of, PlanPatch(remove=("b",))).plan
    assert edges(after) == "a>c a>d c>d"
    assert [(each.before, each.after) for each in after.dependencies] == [("a", "c"), ("c", "d")]
    assert edges(fits(of, PlanPatch(remove=("b", "c"))).plan) == "a>d"


def test_everything_that_follows_from_the_order_is_computed_anew() -> None:
    """Phases, critical path and estimates are those of the new tasks and dependencies."""
    of = plan("a b", "a>b")
    after = fits(of, PlanPatch(add=(new("x", "a", estimate_s=500.0),))).plan
    assert after.phases == (("a",), ("b", "x"))
    assert after.critical_path == ("a", "x")
    assert after.estimates.span_s == 560.0
    assert after.specification is of.specification


def test_reasons_say_that_it_was_a_patch_and_why() -> None:
    """Whoever asks why a task waits is told who wanted it so."""
    after = fits(plan("a b c", "a>b b>c"), PlanPatch(why="too slow", add=(new("x", "a"),), remove=("b",))).plan
    told = {(each.before, each.after): each.reasons[-1] for each in after.dependencies}
    assert {reason.rule for reason in told.values()} == {"patch"}
    assert told["a", "c"].evidence == "a → b → c, and b was removed: too slow"
    assert told["a", "x"].evidence == "x declares it: too slow"


def test_what_was_declared_for_a_parent_holds_for_its_children() -> None:
    """A dependency added to a parent, or taken from it, is added to or taken from its children."""
    of = plan_tasks([new("x"), new("a"), new("b"), Task(id="p", title="p", children=("a", "b"))])
    after = fits(of, PlanPatch(add_dependencies=(Dependency(before="x", after="p"),))).plan
    assert edges(after) == "x>a x>b x>p"
    assert edges(fits(after, PlanPatch(remove_dependencies=(TaskPair(before="x", after="p"),))).plan) == ""
    started = {"a": "in_progress"}
    assert "task a is in progress" in said(
        of, PlanPatch(add_dependencies=(Dependency(before="x", after="p"),)), started
    )


def test_a_removed_parent_lets_its_children_stand_in() -> None:
    """What waited for the parent waits for its children."""
    of = plan_tasks([new("a"), new("b"), Task(id="p", title="p", children=("a", "b")), new("c")], [("p", "c")])
    assert edges(fits(of, PlanPatch(remove=("p",))).plan) == "a>c b>c"


def test_a_removed_child_leaves_its_order_to_the_parent() -> None:
    """The parent still completes only after what the child had waited for."""
    of = plan_tasks([new("x"), new("a"), new("b"), Task(id="p", title="p", children=("a", "b"))], [("x", "a")])
    after = fits(of, PlanPatch(remove=("a",))).plan
    assert after.task("p").children == ("b",)
    assert edges(after) == "x>p"


def test_a_split_keeps_what_was_said_about_the_whole() -> None:
    """Who verified it verifies its parts, it stays where it was, and declared orders go to the last parts where those are named."""
    of = plan_tasks([new("a"), new("b", "a"), new("c", "b"), new("t", verifies=("b",))])
    split = TaskSplit(task="b", into=(new("b1"), new("b2", "b1")), last=("b2",))
    after = fits(of, PlanPatch(split=(split,))).plan
    assert [task.id for task in after.tasks] == ["a", "b", "b1", "b2", "c", "t"]
    assert after.task("b").children == ("b1", "b2")
    assert after.task("t").verifies == ("b1", "b2")
    assert [each.task for each in after.task("c").depends_on] == ["b2"]
    assert edges(after) == "a>b a>b1 b1>b2 b2>c"
    assert {(gate.test, gate.subject) for gate in after.gates} == {("t", "b1"), ("t", "b2")}


def test_a_patched_plan_can_be_resumed() -> None:
    """What validation demands of a plan holds after every sort of change: no declared order is lost."""
    of = plan_tasks([new("a"), new("b", "a"), new("c", "b"), new("d", "c")])
    patch = PlanPatch(
        remove_dependencies=(TaskPair(before="c", after="d"),),
        split=(TaskSplit(task="c", into=(new("c1"), new("c2", "c1"))),),
        add=(new("x", "a"),),
        remove=("b",),
        reroute={"d": "v"},
    )
    after = fits(of, patch).plan
    assert edges(after) == "a>c a>c1 a>x c1>c2"
    assert after.task("d").depends_on == ()
    found = validate(after, [], available=None)  # type: ignore[arg-type]
    assert [str(problem) for problem in found.problems if "declared" in str(problem)] == []


def test_warnings_say_what_a_patch_leaves_behind() -> None:
    """A requirement nobody serves, a test without a subject, an order that other tasks still imply."""
    specification = Specification(id="s", title="s", requirements=(Requirement(id="R1", text="x"),))
    tasks = [new("a", requirements=("R1",)), new("t", verifies=("a",)), new("b"), new("c"), new("d")]
    of = evolve(plan_tasks(tasks, [("b", "c"), ("c", "d"), ("b", "d")]), specification=specification)
    warnings = fits(of, PlanPatch(remove=("a",), remove_dependencies=(TaskPair(before="b", after="d"),))).warnings
    assert [text.partition(":")[0] for text in warnings] == [
        "test t has nothing to verify any more",
        "no task serves requirement R1 any more",
        "d still waits for b, through other tasks",
    ]
    assert "serves R9, which is no requirement" in said(of, PlanPatch(add=(new("x", requirements=("R9",)),)))


def test_tasks_are_named_as_anywhere() -> None:
    """By id, source id, step, title or the beginning of an id; what is ambiguous is refused."""
    tasks = [
        new("write-model-1a2b", source_id="T001", title="The model", steps=(Step(id="1.1", title="s"),)),
        new("write-store-3c4d", source_id="T002"),
    ]
    of = plan_tasks(tasks)
    for name in ("write-model-1a2b", "T001", "1.1", "the model", "write-model"):
        assert fits(of, PlanPatch(remove=(name,))).patch.remove == ("write-model-1a2b",)
    assert "could be" in said(of, PlanPatch(remove=("write",)))
    assert "id 'T001' of another one" in said(of, PlanPatch(add=(new("x", source_id="T001"),)))
    patch = PlanPatch(add=(new("x", source_id="T003"), new("y", "T003")))
    assert edges(fits(of, patch).plan) == "x>y"


def test_a_patch_survives_being_written_down() -> None:
    """What the log keeps gives the same plan again."""
    patch = PlanPatch(
        why="so",
        add=(new("x", "a", produces=(ArtifactRef(type="path", name="x"),)),),
        split=(TaskSplit(task="b", into=(new("b1"), new("b2")), last=("b2",)),),
        reroute={"c": "v"},
        remove_dependencies=(TaskPair(before="b", after="c"),),
    )
    of = plan("a b c", "a>b b>c")
    found = fits(of, patch)
    assert from_json(to_json(found.patch), PlanPatch) == found.patch
    assert revise_all(of, [found.patch]) == found.plan


def test_a_large_plan_is_patched_in_seconds() -> None:
    """10,000 tasks in a row of layers: a patch costs what assembling the plan costs."""
    layers = [[f"t{layer}-{n}" for n in range(100)] for layer in range(100)]
    pairs = [(a, b) for one, two in pairwise(layers) for n, a in enumerate(one) for b in (two[n], two[(n + 7) % 100])]
    of = plan_tasks([new(name) for layer in layers for name in layer], pairs)
    after = fits(of, PlanPatch(remove=("t50-0",), add=(new("x", "t10-0"),))).plan
    assert len(after.tasks) == 10_000
    assert ("t49-0", "t51-0") in after.binding_edges()


# --- files ------------------------------------------------------------------------------------------------------------

YAML = """\
format: agent-dispatcher/patch
version: 1
why: because
add:
  - title: Write the parser
    depends_on: [2.3, T001]
  - {id: parser-tests, type: testing, verifies: [write-the-parser]}
add_dependencies:
  - [write-the-parser, 4]
  - {before: T001, after: 4, strength: advisory}
remove_dependencies: [[1, 2]]
split:
  - task: 5
    into: [{title: One}, {title: Two, depends_on: [one]}]
    last: [two]
remove: [6, T007]
reroute: {8: other}
"""


def test_a_file_says_it_in_yaml_or_json(tmp_path: Path) -> None:
    """Names are texts even when they look like numbers; an id is made of a title, and places are kept."""
    (tmp_path / "p.yaml").write_text(YAML)
    patch = read_patch(tmp_path / "p.yaml")
    assert [(task.id, task.title, task.type) for task in patch.new_tasks] == [
        ("one", "One", ""),
        ("two", "Two", ""),
        ("write-the-parser", "Write the parser", "code_writing"),
        ("parser-tests", "parser-tests", "testing"),
    ]
    assert [each.task for each in patch.add[0].depends_on] == ["2.3", "T001"]
    assert patch.add[0].source == f"{tmp_path / 'p.yaml'}:5"
    assert [(each.before, each.after, each.strength) for each in patch.add_dependencies] == [
        ("write-the-parser", "4", "binding"),
        ("T001", "4", "advisory"),
    ]
    assert patch.remove_dependencies == (TaskPair(before="1", after="2"),)
    assert (patch.split[0].task, patch.split[0].last) == ("5", ("two",))
    assert (patch.remove, patch.reroute, patch.why) == (("6", "T007"), {"8": "other"}, "because")
    document = {"add": [{"title": "Write the parser", "depends_on": ["2.3", "T001"]}], "remove": [6]}
    (tmp_path / "p.json").write_text(json.dumps(document, indent=1))
    written = read_patch(tmp_path / "p.json")
    assert (written.add[0].id, written.remove) == ("write-the-parser", ("6",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("remove: x\n", "p.yaml:1: remove: expected a list of texts"),
        ("why: a\nadd:\n  - {colour: red, title: x}\n", "p.yaml:3: add[0]"),
        ("add_dependencies:\n  - [a, b, c]\n", "p.yaml:2: add_dependencies[0]"),
        ("add_dependencies:\n  - {before: a, after: b, strength: firm}\n", "p.yaml:2: add_dependencies[0]"),
        ("delete: [a]\n", "p.yaml:1: delete"),
        ("version: 2\n", "p.yaml:1: the version of this file is 2"),
        ("", "a patch is a mapping, and this is nothing"),
        ("remove: [a]\nremove: [b]\n", "p.yaml:2"),
        ("add:\n  - {type: testing}\n", "p.yaml:2: add[0]"),
        ("reroute: {a: 3, b: [x]}\n", "p.yaml:1: reroute"),
        ("remove: &x [a]\n", "p.yaml:1"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """Each fault with file and line."""
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(PlanError) as refused:
        read_patch(tmp_path / "p.yaml")
    assert expected in str(refused.value), str(refused.value)


def test_the_file_on_the_page_is_a_patch(tmp_path: Path) -> None:
    """The example in the documentation uses every key, and is read as it stands there."""
    page = (Path(__file__).parents[3] / "docs" / "patches.md").read_text(encoding="utf-8")
    (tmp_path / "p.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    patch = read_patch(tmp_path / "p.yaml")
    assert [task.id for task in patch.new_tasks] == ["T020a", "T020b", "parser", "parser-tests"]
    assert all([patch.add_dependencies, patch.remove_dependencies, patch.remove, patch.reroute, patch.why])

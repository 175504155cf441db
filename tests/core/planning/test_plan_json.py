"""The plan JSON: published keys, round trip, edited plans, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.errors import CycleError, PlanError
from agent_dispatcher.extension import Decomposition
from agent_dispatcher.models import (
    ArtifactRef,
    DeclaredDependency,
    Dependency,
    Dropped,
    Exclusion,
    ExecutionPlan,
    ModelUse,
    Reason,
    Requirement,
    Specification,
    Step,
    Task,
)
from agent_dispatcher.planning.dependency_resolver import Resolution
from agent_dispatcher.planning.plan_json import plan_as_written, plan_from_json, plan_to_json
from agent_dispatcher.planning.planner import make_plan

#: The keys of DESIGN's plan JSON, in order.
KEYS = {
    "": "format version specification tasks dependencies exclusions gates dropped phases critical_path estimates warnings planning_usage",
    "planning_usage": "purpose backend model calls failed input_tokens output_tokens cached_input_tokens estimated"
    " counted_tokens cost_usd unpriced reused",
    "specification": "id title format path digest requirements",
    "specification.requirements": "id text priority source",
    "tasks": "id source_id title description type agent_type status requirements depends_on verifies produces consumes group steps"
    " children complexity priority estimate_s source",
    "tasks.depends_on": "task source",
    "tasks.produces": "type name",
    "tasks.consumes": "type name",
    "tasks.steps": "id title depends_on status",
    "dependencies": "before after strength reasons",
    "dependencies.reasons": "rule kind confidence evidence source",
    "exclusions": "tasks resource reasons",
    "gates": "test subject",
    "dropped": "before after kind why reasons",
    "estimates": "work_s span_s max_speedup recommended_workers cost_usd width work_range_s span_range_s cost_range_usd",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file that stands for the specification."""
    path = tmp_path / "specs" / "loans.yaml"
    path.parent.mkdir()
    path.write_text("loans")
    return path


def specification(path: Path, digest: str = "sha256:abc") -> Specification:
    requirements = (Requirement(id="FR-1", text="It lends.", priority="high", source="loans.yaml:3"),)
    return Specification(
        id="loans", title="Loans", format="native", path=str(path), digest=digest, requirements=requirements
    )


@pytest.fixture
def plan(source: Path) -> ExecutionPlan:
    """A plan with something in every place."""
    reason = Reason(rule="artifacts", kind="data", confidence=0.9, evidence="reads x", source="loans.yaml:9")
    tasks = (
        Task(
            id="api",
            title="API",
            source_id="T1",
            description="Long.",
            requirements=("FR-1",),
            produces=(ArtifactRef(type="path", name="src/x.py"),),
            consumes=(ArtifactRef(type="table", name="loan"),),
            steps=(Step(id="1.1", title="s", depends_on=("1.0",)),),
            complexity=2.0,
            priority=1,
            estimate_s=30.0,
            source="loans.yaml:5",
        ),
        Task(
            id="cli", title="CLI", depends_on=(DeclaredDependency(task="api", source="loans.yaml:7"),), agent_type="w"
        ),
        Task(id="doc", title="Docs", type="documentation", status="completed"),
        Task(id="epic", title="All", children=("api", "cli")),
        Task(id="test", title="Test", type="testing", verifies=("api",)),
    )
    made = make_plan(
        specification(source),
        Decomposition(tasks=tasks),
        Resolution(
            dependencies=(
                Dependency(before="api", after="cli", reasons=(reason,)),
                Dependency(before="api", after="doc", reasons=(reason,)),
                Dependency(before="cli", after="doc", reasons=(reason,)),
                Dependency(before="test", after="doc", strength="advisory", reasons=(reason,)),
            ),
            exclusions=(Exclusion(tasks=("api", "test"), resource="path:x", reasons=(reason,)),),
            dropped=(Dropped(before="doc", after="api", kind="cycle", why="api → doc", reasons=(reason,)),),
        ),
    )
    use = ModelUse(purpose="decompose", backend="b", model="m", calls=2, failed=1, input_tokens=9, output_tokens=3)
    return evolve(made, planning_usage=(use,))


def read(document: Any, plan_path: Path, digest: str = "sha256:abc") -> ExecutionPlan:
    return plan_from_json(document, plan_path=plan_path, load_specification=lambda path: specification(path, digest))


def test_the_keys_are_the_published_ones_in_order(plan: ExecutionPlan) -> None:
    """Other tools depend on them; every place has something in it here."""
    document = json.loads(json.dumps(plan_to_json(plan)))
    for path, keys in KEYS.items():
        values = [document]
        for part in path.split(".") if path else ():
            values = [value[part] for value in values]
            values = [each for value in values for each in (value if isinstance(value, list) else [value])]
        assert values, path
        for value in values:
            assert list(value) == keys.split(), path


def test_a_plan_survives_writing_and_reading(plan: ExecutionPlan, tmp_path: Path) -> None:
    """Everything but warnings comes back equal, also from another folder."""
    plan_path = tmp_path / "plans" / "plan.json"
    document = json.loads(json.dumps(plan_to_json(plan, plan_path)))
    assert document["specification"]["path"] == "../specs/loans.yaml"
    assert read(document, plan_path) == plan


def test_a_task_that_may_be_left_out_says_so(plan: ExecutionPlan, tmp_path: Path) -> None:
    """``optional`` is written where it is true, and read back."""
    last = evolve(plan.tasks[-1], optional=True, status="skipped")
    document = plan_to_json(evolve(plan, tasks=(*plan.tasks[:-1], last)), tmp_path / "plan.json")
    assert [each.get("optional", False) for each in document["tasks"]] == [
        each is last for each in (*plan.tasks[:-1], last)
    ]
    assert read(document, tmp_path / "plan.json").tasks[-1].waived


def test_a_redundant_dependency_is_restored_when_its_path_is_edited_away(plan: ExecutionPlan, tmp_path: Path) -> None:
    """Removing cli → doc leaves api → doc, which it implied, as a dependency of its own."""
    plan_path = tmp_path / "plan.json"
    document = plan_to_json(plan, plan_path)
    assert [each["after"] for each in document["dropped"] if each["kind"] == "redundant"] == ["doc"]
    document["dependencies"] = [each for each in document["dependencies"] if each["before"] != "cli"]
    edited = read(document, plan_path)
    assert [(each.before, each.after) for each in edited.dependencies if each.strength == "binding"] == [
        ("api", "cli"),
        ("api", "doc"),
    ]
    assert [each.kind for each in edited.dropped] == ["cycle"]
    assert edited.dependencies[1].reasons[0].rule == "artifacts"


def test_what_follows_from_an_edited_plan_is_computed_again(plan: ExecutionPlan, tmp_path: Path) -> None:
    """Phases and estimates are never believed."""
    plan_path = tmp_path / "plan.json"
    document = plan_to_json(plan, plan_path)
    document["tasks"] = [each for each in document["tasks"] if each["id"] != "test"]
    document["exclusions"] = []
    document["dependencies"] = [each for each in document["dependencies"] if each["before"] != "test"]
    edited = read(document, plan_path)
    assert edited.gates == ()
    assert all("test" not in phase for phase in edited.phases)
    assert edited.estimates.work_s == plan.estimates.work_s - 60


def change(document: dict[str, Any], keys: list[Any], value: Any) -> None:
    for key in keys[:-1]:
        document = document[key]
    document[keys[-1]] = value


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["format"], "other", 'its "format" is not "agent-dispatcher/plan"'),
        (["version"], 2, "this plan has version 2, only version 1 can be read"),
        (["extra"], 1, "unknown key 'extra'"),
        (["tasks", 0, "verifyes"], [], "did you mean 'verifies'"),
        (["tasks", 0, "estimate_s"], "long", r"tasks\[0\].estimate_s: expected a number"),
        (["tasks", 1, "id"], "api", "the task id 'api' is taken twice"),
        (["dependencies", 0, "before"], "apl", r"dependencies\[0\] names 'apl', .*did you mean 'api'"),
        (["exclusions", 0, "tasks"], ["nobody", "api"], r"exclusions\[0\] names 'nobody'"),
        (["dropped", 0, "before"], "zzz", r"dropped\[0\] names 'zzz'"),
        (["specification", "path"], "", "does not say where its specification is"),
        (["specification", "path"], "gone.yaml", "gone.yaml does not exist"),
        (["specification", "digest"], "sha256:0", "has changed since the plan was made"),
    ],
)
def test_what_is_no_valid_plan_is_refused(
    plan: ExecutionPlan, tmp_path: Path, keys: list[Any], value: Any, message: str
) -> None:
    """One clear message that names the file and the place in it."""
    plan_path = tmp_path / "plan.json"
    document = plan_to_json(plan, plan_path)
    change(document, keys, value)
    with pytest.raises(PlanError, match=message) as caught:
        read(document, plan_path)
    assert str(plan_path) in str(caught.value)


def test_an_edited_plan_with_a_cycle_is_refused(plan: ExecutionPlan, tmp_path: Path) -> None:
    """The graph is built anew, so nothing slips through."""
    document = plan_to_json(plan, tmp_path / "plan.json")
    document["dependencies"].append({"before": "doc", "after": "api"})
    with pytest.raises(CycleError, match="api → doc → api"):
        read(document, tmp_path / "plan.json")


def test_anything_but_a_plan_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A list, a text, nothing."""
    for document in ([], "plan", None, {}):
        with pytest.raises(PlanError, match="this is not a plan"):
            read(document, tmp_path / "plan.json")


def test_warnings_are_kept(plan: ExecutionPlan, source: Path, tmp_path: Path) -> None:
    """What the user should know before running it is in the file, and still known when it is read; nothing is said twice."""
    warned = evolve(plan, warnings=("tasks.md:3: odd", "rule x failed and was left out"))
    document = plan_to_json(warned, tmp_path / "plan.json")
    assert document["warnings"] == list(warned.warnings)
    read = plan_from_json(document, plan_path=tmp_path / "plan.json", load_specification=specification)
    assert read.warnings == warned.warnings
    del document["warnings"]
    older = plan_from_json(document, plan_path=tmp_path / "plan.json", load_specification=specification)
    assert older.warnings == ()


def test_a_plan_can_be_looked_at_without_its_specification(plan: ExecutionPlan, source: Path, tmp_path: Path) -> None:
    """As it was written: the specification may have changed or be gone; its requirements are those in the file."""
    document = plan_to_json(plan, tmp_path / "plan.json")
    source.unlink()
    read = plan_as_written(document, plan_path=tmp_path / "plan.json")
    assert (read.tasks, read.dependencies, read.dropped) == (plan.tasks, plan.dependencies, plan.dropped)
    assert [(each.id, each.text) for each in read.specification.requirements] == [("FR-1", "It lends.")]
    assert (read.specification.path, read.specification.digest) == (str(source), "sha256:abc")


def test_what_is_no_plan_is_not_looked_at() -> None:
    """The same refusals as for one that is to be run."""
    with pytest.raises(PlanError, match="this is not a plan"):
        plan_as_written({"format": "else"})

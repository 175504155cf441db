"""Explanations say what the plan holds: rules, evidence, paths, what was left out, and computed costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.extension import Decomposition
from agent_dispatcher.models import (
    ArtifactRef,
    Dependency,
    Dropped,
    Exclusion,
    ExecutionPlan,
    Reason,
    Requirement,
    Specification,
    Task,
    TaskResult,
)
from agent_dispatcher.planning.dependency_resolver import Resolution
from agent_dispatcher.planning.explain import Explainer, Hop
from agent_dispatcher.planning.explain_json import pair_to_json, serial_to_json, task_to_json
from agent_dispatcher.planning.planner import make_plan, plan_tasks

DATA = Reason(rule="artifacts", kind="data", confidence=0.9, evidence="reads x.py", source="tasks.md:5")
WEAK = Reason(rule="logical", kind="logical", confidence=0.5, evidence="set-up first", source="tasks.md:6")
FAINT = Reason(rule="logical", kind="logical", confidence=0.3, evidence="maybe", source="tasks.md:7")


def task(name: str, seconds: float = 60, **more: Any) -> Task:
    return Task(id=name, title=f"Do {name}", estimate_s=seconds, **more)


@pytest.fixture
def plan() -> ExecutionPlan:
    """::

    setup ─▶ model ─▶ api ─▶ site        model-tests: tests model
      ╰──────────────▶ (implied)         docs: only an advisory order behind api; never beside site
    """
    tasks = (
        task("setup", 10),
        task("model", 20, source_id="T2", requirements=("R1", "R9"), source="tasks.md:2"),
        task("model-tests", 90, type="testing", verifies=("model",)),
        task("api", 40, produces=(ArtifactRef(type="path", name="api.py"),)),
        task("site", 30),
        task("docs", 5, type="documentation"),
    )
    dependencies = (
        Dependency(before="setup", after="model", reasons=(DATA, WEAK)),
        Dependency(before="model", after="api", reasons=(DATA,)),
        Dependency(before="setup", after="api", reasons=(WEAK,)),
        Dependency(before="api", after="site", reasons=(WEAK,)),
        Dependency(before="api", after="docs", strength="advisory", reasons=(FAINT,)),
    )
    return make_plan(
        Specification(id="s", title="S", requirements=(Requirement(id="R1", text="It lends.", source="spec.md:3"),)),
        Decomposition(tasks=tasks, warnings=("tasks.md:2: T2 promises nothing",)),
        Resolution(
            dependencies=dependencies,
            exclusions=(Exclusion(tasks=("docs", "site"), resource="path:index.md", reasons=(DATA,)),),
            dropped=(
                Dropped(before="site", after="setup", kind="cycle", why="setup → model → api → site", reasons=(FAINT,)),
                Dropped(before="docs", after="setup", kind="veto", why="docs are last (rule phases)", reasons=(FAINT,)),
            ),
            warnings=("dependency rule odd wants an order between model and model-tests: ignored",),
        ),
    )


def pair(plan: ExecutionPlan, first: str, second: str) -> Any:
    return Explainer(plan).pair(plan.task(first), plan.task(second))


def test_a_direct_wait_has_every_rule_and_its_cost(plan: ExecutionPlan) -> None:
    """Rules with kind, confidence, evidence and place; together 1 - 0.1 x 0.5; the critical path with and without it."""
    found = pair(plan, "setup", "model")
    assert (found.relation, found.before.id, found.after.id, found.together) == ("waits", "setup", "model", False)
    assert found.path == (found.direct,)
    assert found.direct.reasons == (DATA, WEAK)
    assert found.direct.confidence == pytest.approx(0.95)
    assert (found.span_s, found.span_without_s) == (160, 160)
    last = pair(plan, "api", "site")
    assert (last.span_s, last.span_without_s) == (160, 130)
    assert last.direct.saved_s == 30


def test_the_order_of_the_question_does_not_matter(plan: ExecutionPlan) -> None:
    """Whoever waits is found, whichever task is named first."""
    assert pair(plan, "site", "setup") == pair(plan, "setup", "site")


def test_an_indirect_wait_is_a_path_with_the_evidence_of_each_hop(plan: ExecutionPlan) -> None:
    """The fewest steps, without edges that others imply."""
    found = pair(plan, "setup", "site")
    assert [(hop.before, hop.after) for hop in found.path] == [("setup", "model"), ("model", "api"), ("api", "site")]
    assert all(hop.reasons for hop in found.path)
    assert found.direct is None
    assert found.span_without_s is None
    assert [(each.kind, each.before) for each in found.dropped] == [("cycle", "site")]


def test_an_implied_edge_is_told_beside_the_path_that_implies_it(plan: ExecutionPlan) -> None:
    """It binds all the same, and costs nothing by itself."""
    found = pair(plan, "setup", "api")
    assert [hop.after for hop in found.path] == ["model", "api"]
    assert found.direct == Hop(
        before="setup", after="api", confidence=0.5, reasons=(WEAK,), implied="setup → model → api"
    )
    assert found.span_without_s == found.span_s


def test_behind_a_gate_one_waits_for_the_test(plan: ExecutionPlan) -> None:
    """What depends on a gated subject waits for the test, by way of the gate, and the gate costs what it costs."""
    found = pair(plan, "api", "model-tests")
    assert found.relation == "waits"
    assert [(hop.kind, hop.before, hop.after) for hop in found.path] == [
        ("gate", "model-tests", "model"),
        ("dependency", "model", "api"),
    ]
    assert found.path[0].saved_s == 60


def test_a_test_and_its_subject_are_joined_by_the_gate_alone(plan: ExecutionPlan) -> None:
    """Both may be at work at the same time; what a rule wanted between them is quoted from the warnings."""
    found = pair(plan, "model", "model-tests")
    assert (found.relation, found.together) == ("lands_after", True)
    assert (found.before.id, found.after.id) == ("model-tests", "model")
    assert (found.direct.kind, found.span_without_s) == ("gate", 100)
    assert found.warnings == ("dependency rule odd wants an order between model and model-tests: ignored",)


def test_independent_tasks_may_run_together_unless_excluded(plan: ExecutionPlan) -> None:
    """No path either way; exclusions, advisory orders and vetoes between the two are named."""
    free = pair(plan, "setup", "model-tests")
    assert (free.relation, free.together, free.path, free.span_without_s) == ("independent", True, (), None)
    apart = pair(plan, "site", "docs")
    assert (apart.relation, apart.together) == ("independent", False)
    assert [each.resource for each in apart.exclusions] == ["path:index.md"]
    hinted = pair(plan, "docs", "api")
    assert (hinted.relation, hinted.together) == ("independent", True)
    assert [(hop.strength, hop.before, hop.confidence) for hop in hinted.advisory] == [("advisory", "api", 0.3)]
    vetoed = pair(plan, "setup", "docs")
    assert [(each.kind, each.why) for each in vetoed.dropped] == [("veto", "docs are last (rule phases)")]


def test_a_part_and_its_whole_complete_together() -> None:
    """They wait for each other in no other way, and a part of a part is followed up."""
    plan = plan_tasks([{"id": "epic", "children": ["story"]}, {"id": "story", "children": ["work"]}, {"id": "work"}])
    found = pair(plan, "epic", "work")
    assert found.relation == "lands_after"
    assert [(hop.kind, hop.before) for hop in found.path] == [("part", "work"), ("part", "story")]
    assert not found.together


def test_everything_about_a_task(plan: ExecutionPlan) -> None:
    """Requirements with their text, times, what waits in both directions, gates, warnings about it."""
    about = Explainer(plan).task(plan.task("T2"))
    assert [each.text for each in about.requirements] == ["It lends."]
    assert (about.phase, about.start_s, about.slack_s, about.critical) == (2, 10, 60, False)
    assert [(hop.kind, hop.before) for hop in about.waits_for] == [("dependency", "setup"), ("gate", "model-tests")]
    assert [hop.after for hop in about.waited_for_by] == ["api"]
    assert about.warnings == (
        "tasks.md:2: T2 promises nothing",
        "dependency rule odd wants an order between model and model-tests: ignored",
    )
    api = Explainer(plan).task(plan.task("api"))
    assert [hop.before for hop in api.also_waits_for] == ["setup"]
    assert [(hop.strength, hop.after) for hop in api.waited_for_by] == [("binding", "site"), ("advisory", "docs")]
    assert api.critical
    docs = Explainer(plan).task(plan.task("docs"))
    assert [(hop.strength, hop.before) for hop in docs.waits_for] == [("advisory", "api")]
    assert [each.kind for each in docs.dropped] == ["veto"]
    assert [each.resource for each in docs.exclusions] == ["path:index.md"]


def test_serial_puts_the_weakest_costly_edge_first(plan: ExecutionPlan) -> None:
    """What costs time comes before what lies on one of several longest ways; gates, which no rule decides, come last."""
    serial = Explainer(plan).serial()
    told = [(hop.kind, hop.before, hop.after, hop.saved_s) for hop in serial.edges]
    assert told == [
        ("dependency", "api", "site", 30),
        ("dependency", "model", "api", 70),
        ("gate", "model-tests", "model", 60),
    ]
    assert [hop.saved_s for hop in Explainer(plan).serial(1).edges] == [70], "what costs least is cut first"


def test_serial_says_what_each_rule_costs(plan: ExecutionPlan) -> None:
    """Without what binds only because of it; an edge that two rules are sure of stays when one is silent."""
    costs = {each.rule: (each.edges, each.saved_s) for each in Explainer(plan).serial().rules}
    assert costs == {"artifacts": (1, 70), "logical": (2, 30)}


def test_an_edge_that_two_rules_make_sure_together_counts_for_both() -> None:
    """Each alone would be too unsure to hold the task, so without either it would not bind."""
    both = (evolve(FAINT, confidence=0.4), evolve(DATA, confidence=0.3))
    plan = plan_tasks([{"id": "a"}, {"id": "b"}], [Dependency(before="a", after="b", reasons=both)])
    costs = {each.rule: (each.edges, each.saved_s) for each in Explainer(plan).serial().rules}
    assert costs == {"artifacts": (1, 60), "logical": (1, 60)}


def test_what_is_completed_costs_nobody_time() -> None:
    """An edge from a completed task is not among those to question."""
    given = plan_tasks(
        [{"id": "a", "status": "completed"}, {"id": "b"}, {"id": "c"}], [("a", "b"), ("b", "c")], title="half done"
    )
    assert [(hop.before, hop.after) for hop in Explainer(given).serial().edges] == [("b", "c")]


def test_equal_ways_cost_nothing_alone() -> None:
    """Two edges into the last task, each on a critical path: taking out one gains nothing, and both are shown."""
    plan = plan_tasks([{"id": each} for each in "abc"], [("a", "c"), ("b", "c")])
    assert [(hop.before, hop.saved_s, hop.critical) for hop in Explainer(plan).serial().edges] == [
        ("a", 0, True),
        ("b", 0, True),
    ]


#: Keys of the published documents, in order.
HOP = "before after kind strength confidence reasons saved_s critical implied"
KEYS = {
    "pair": "format version about before after relation together path direct advisory exclusions dropped warnings span_s span_without_s",
    "task": "format version about task requirements phase start_s slack_s critical waits_for waited_for_by also_waits_for exclusions dropped"
    " agent_types warnings run",
    "serial": "format version about span_s work_s edges rules",
}


def documents(plan: ExecutionPlan) -> Mapping[str, Any]:
    explainer = Explainer(plan)
    result = TaskResult(id="model", status="completed", attempts=2)
    return {
        "pair": pair_to_json(explainer.pair(plan.task("setup"), plan.task("api"))),
        "task": task_to_json(explainer.task(plan.task("model")), agent_types=(("a", None), ("b", "no")), result=result),
        "serial": serial_to_json(explainer.serial()),
    }


@pytest.mark.parametrize("about", KEYS)
def test_the_json_has_the_published_keys(plan: ExecutionPlan, about: str) -> None:
    """Names and order; the document says what it is, and is JSON."""
    document = documents(plan)[about]
    assert list(document) == KEYS[about].split()
    assert (document["format"], document["version"], document["about"]) == ("agent-dispatcher/explanation", 1, about)
    assert json.loads(json.dumps(document)) == document


def test_the_json_holds_reasons_agents_and_the_run(plan: ExecutionPlan) -> None:
    """Nothing that is printed for people is missing for programs."""
    found = documents(plan)
    assert list(found["pair"]["path"][0]) == HOP.split()
    assert found["pair"]["direct"]["implied"] == "setup → model → api"
    assert found["pair"]["path"][0]["reasons"][0] == {
        "rule": "artifacts", "kind": "data", "confidence": 0.9, "evidence": "reads x.py", "source": "tasks.md:5",
    }  # fmt: skip
    assert found["task"]["agent_types"] == [
        {"name": "a", "accepts": True, "why": ""},
        {"name": "b", "accepts": False, "why": "no"},
    ]
    assert (found["task"]["run"]["status"], found["task"]["run"]["attempts"]) == ("completed", 2)
    assert found["serial"]["rules"][0] == {"rule": "artifacts", "edges": 1, "saved_s": 70}

"""The result says what the events say, and calls nothing met that was not proven."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.coordination.attempt import sealed_data
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.extension import Change
from agent_dispatcher.models import Artifact, Event, ExecutionPlan, Finding, Requirement, Specification, Task
from agent_dispatcher.reporting import build_result, result_in_pieces, result_to_json


def plan_of(*tasks: Task) -> ExecutionPlan:
    requirement = Requirement(id="R1", text="It works")
    return ExecutionPlan(specification=Specification(id="s", title="S", requirements=(requirement,)), tasks=tasks)


def evidence(name: str, *, passed: bool = True, proof: bool = True, expected_red: bool = False) -> dict[str, Any]:
    return {"id": name, "check": "pytest", "passed": passed, "proof": proof, "expected_red": expected_red}


def log(*entries: tuple[str, str | None, dict[str, Any]]) -> list[Event]:
    return [
        Event(run="r", type=kind, at=float(number), seq=number, task=task, attempt=1 if task else None, data=data)
        for number, (kind, task, data) in enumerate(entries, start=1)
    ]


CODE = Task(id="code", title="Code", requirements=("R1",))
STARTED = ("run.started", None, {"branch": "dispatcher/r", "base": "b0"})


def landed(task: str, *found: dict[str, Any]) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [
        ("attempt.started", task, {"agent_type": "writer", "agent": "writer-1"}),
        (
            "attempt.sealed",
            task,
            {"duration_s": 2.0, "artifacts": [{"name": "a", "type": "code", "path": f"{task}.py"}]},
        ),
        ("attempt.checked", task, {"tree": "t", "evidence": list(found)}),
        ("attempt.landed", task, {"commit": "c1", "tree": "t"}),
        ("task.completed", task, {"commit": "c1"}),
    ]


def finished(status: str = "completed", *found: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    return ("run.finished", None, {"status": status, "commit": "c9", "evidence": list(found)})


def test_a_proven_requirement_is_met_and_its_evidence_named() -> None:
    """A completed task with proof makes its requirement met, and the ids of what passed are listed."""
    events = log(STARTED, *landed("code", evidence("e1")), finished("completed", evidence("final")))
    result = build_result(plan_of(CODE), "r", events, output="out")
    (requirement,) = result.requirements
    assert (requirement.verdict, requirement.evidence) == ("met", ("e1", "final"))
    assert (result.status, result.commit, result.branch) == ("completed", "c9", "dispatcher/r")
    assert [artifact.path for artifact in result.final_artifacts] == ["code.py"]
    assert result.success_rate() == 100.0
    assert (result.metrics.work_s, result.metrics.wall_s) == (2.0, 6.0)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], "not_checked"),
        ([evidence("e1", proof=False)], "not_checked"),
        ([evidence("e1", passed=False, expected_red=True)], "not_checked"),
        ([evidence("e1", proof=False), evidence("e2")], "met"),
    ],
)
def test_completion_without_proof_is_not_met(found: list[dict[str, Any]], verdict: str) -> None:
    """A task that completed unchecked, or was only found well-formed, leaves its requirement not checked."""
    result = build_result(plan_of(CODE), "r", log(STARTED, *landed("code", *found), finished()))
    assert result.requirements[0].verdict == verdict


def test_a_failed_final_check_leaves_nothing_met() -> None:
    """What passed at landing does not count when the finished whole is red."""
    events = log(STARTED, *landed("code", evidence("e1")), finished("failed", evidence("final", passed=False)))
    assert build_result(plan_of(CODE), "r", events).requirements[0].verdict == "not_met"


def test_a_skipped_task_leaves_its_requirement_not_implemented() -> None:
    """What was left out by decision is named as not implemented, never as done."""
    skipped = Task(id="prose", title="Prose", requirements=("R1",), status="skipped")
    result = build_result(
        plan_of(CODE, skipped),
        "r",
        log(
            STARTED,
            *landed("code", evidence("e1")),
            ("task.skipped", "prose", {"why": "prose only"}),
            finished("partial"),
        ),
    )
    assert result.requirements[0].verdict == "not_implemented"
    assert result.task_results[1].error == "prose only"
    assert result.success_rate() == 100.0


def test_an_optional_task_that_was_left_out_is_not_missed() -> None:
    """Its requirement is judged by the tasks that were done."""
    skipped = Task(id="more", title="More tests", requirements=("R1",), status="skipped", optional=True)
    result = build_result(
        plan_of(CODE, skipped), "r", log(STARTED, *landed("code", evidence("e1")), finished("partial"))
    )
    assert (result.requirements[0].verdict, result.requirements[0].tasks) == ("met", ("code",))


def test_a_failed_task_keeps_its_error_and_loses_its_artifacts() -> None:
    """A task that failed for good shows why, and nothing of it is called an artifact."""
    events = log(
        STARTED,
        ("attempt.started", "code", {"agent_type": "writer"}),
        ("attempt.failed", "code", {"error": "no idea", "reason": "failed", "permanent": True}),
        ("task.failed", "code", {"error": "no idea"}),
        finished("failed"),
    )
    result = build_result(plan_of(CODE), "r", events)
    (task,) = result.task_results
    assert (task.status, task.error, result.final_artifacts) == ("failed", "no idea", ())
    assert result.requirements[0].verdict == "not_met"
    assert result.success_rate() == 0.0


def test_what_was_found_about_the_whole_is_in_the_result() -> None:
    """Tree, tasks and evidence of each check of the whole, in their order; and as JSON."""
    first = ("whole.checked", None, {"tree": "t1", "tasks": ["code"], "evidence": [evidence("w1")]})
    second = ("whole.checked", None, {"tree": "t2", "tasks": ["code", "b"], "evidence": [evidence("w2", passed=False)]})
    result = build_result(plan_of(CODE), "r", log(STARTED, first, *landed("code"), second, finished()))
    checks = [(each.tree, each.tasks, [e.id for e in each.evidence]) for each in result.whole_checks]
    assert checks == [("t1", ("code",), ["w1"]), ("t2", ("code", "b"), ["w2"])]
    written = result_to_json(result)["whole_checks"][1]
    assert (written["tree"], written["tasks"]) == ("t2", ["code", "b"])
    assert [(e["id"], e["check"], e["passed"]) for e in written["evidence"]] == [("w2", "pytest", False)]


def test_findings_of_an_artifact_come_through_the_log() -> None:
    """As the agent gave them; an artifact without any takes no room for them in the log."""
    found = Finding(path="a.py", line=3, rule="R1", severity="medium", what="It is wrong", quote="x = 1")
    made = (
        Artifact(name="n", type="note", path="n.md", task="code", findings=(found,)),
        Artifact(name="o", type="note", path="o.md", task="code"),
    )
    change = Change(task="code", attempt=1, ref="", commit="c", base="b", paths=("n.md", "o.md"))
    data = json.loads(json.dumps(sealed_data(AgentResult(status="done", artifacts=made), change, 1.0)))
    events = log(
        STARTED, ("attempt.sealed", "code", data), ("attempt.landed", "code", {}), ("task.completed", "code", {})
    )
    assert build_result(plan_of(CODE), "r", events).final_artifacts == made
    assert "findings" not in data["artifacts"][1]


def test_an_unfinished_log_gives_the_result_so_far() -> None:
    """Without ``run.finished`` the run is executing and each task stands where its last event left it."""
    result = build_result(plan_of(CODE), "r", log(STARTED, ("attempt.started", "code", {"agent_type": "writer"})))
    assert (result.status, result.task_results[0].status) == ("executing", "in_progress")


def test_result_json_has_the_documented_keys_in_order() -> None:
    """Other tools read result.json: its keys are those of the design, plus additions at known places."""
    document = result_to_json(
        build_result(plan_of(CODE), "r", log(STARTED, *landed("code", evidence("e1")), finished()))
    )
    documented = [
        "format", "version", "run", "status", "output", "branch", "commit", "specification", "requirements",
        "tasks", "artifacts", "metrics", "warnings",
    ]  # fmt: skip
    assert [key for key in document if key in documented] == documented
    assert document["format"] == "agent-dispatcher/result"
    assert list(document["tasks"][0]) == [
        "id", "source_id", "title", "status", "agent", "attempts", "commit", "evidence", "error",
            "approval", "added_by", "tokens", "cost_usd",
    ]  # fmt: skip


def test_a_removed_task_is_gone_but_what_it_cost_is_not() -> None:
    """Attempts of a task that a patch removed count as work and tokens; a freed task stands where it stood before it was blocked."""
    revision = {
        "revision": 1,
        "by": "ann@here",
        "patch": {"why": "hopeless"},
        "added": [],
        "removed": ["gone"],
        "split": [],
        "rerouted": [],
    }
    events = log(
        STARTED,
        ("attempt.started", "gone", {"agent_type": "writer"}),
        ("attempt.sealed", "gone", {"duration_s": 3.0, "tokens": 7, "artifacts": []}),
        ("attempt.rejected", "gone", {"why": "red"}),
        ("task.failed", "gone", {"error": "red"}),
        ("task.blocked", "code", {"by": ["gone"]}),
        ("plan.patched", None, revision),
        ("task.freed", "code", {}),
    )
    result = build_result(plan_of(CODE), "r", events)
    assert [(task.id, task.status, task.error) for task in result.task_results] == [("code", "pending", None)]
    assert (result.metrics.tokens, result.metrics.work_s) == (7, 3.0)
    assert [(each.by, each.why, each.removed) for each in result.revisions] == [("ann@here", "hopeless", ("gone",))]
    assert result_to_json(result)["revisions"][0]["removed"] == ["gone"]


@pytest.mark.parametrize("count", [0, 1, 5, 7])
def test_a_result_in_pieces_is_the_same_document(count: int) -> None:
    """However many tasks go into one piece, the pieces are the text of the whole."""
    tasks = [Task(id=f"täsk {number}", title="T", requirements=("R1",)) for number in range(count)]
    events = log(STARTED, *(entry for task in tasks for entry in landed(task.id, evidence(f"e-{task.id}"))), finished())
    result = build_result(plan_of(*tasks), "r", events)
    whole = json.dumps(result_to_json(result), ensure_ascii=False)
    assert ["".join(result_in_pieces(result, size)) for size in (1, 5, 500)] == [whole] * 3


@pytest.mark.parametrize("retry", [False, True])
def test_a_run_that_was_taken_up_again_says_the_same_as_its_log(retry: bool) -> None:
    """What was given up waits again, sealed work goes on; what failed does so when a retry was asked for. Between attempts a task is pending."""
    tasks = [Task(id=name, title=name) for name in ("sealed", "given-up", "failed", "blocked", "resting")]
    events = log(
        STARTED,
        ("attempt.started", "sealed", {"agent_type": "writer"}),
        ("attempt.sealed", "sealed", {"duration_s": 1.0}),
        ("attempt.started", "failed", {"agent_type": "writer"}),
        ("attempt.failed", "failed", {"reason": "failed", "error": "no"}),
        ("task.failed", "failed", {"error": "no"}),
        ("task.blocked", "blocked", {"by": ["failed"]}),
        ("task.cancelled", "sealed", {"why": "enough"}),
        ("task.cancelled", "given-up", {"why": "enough"}),
        finished("cancelled"),
        ("run.resumed", None, {"retry": retry}),
        ("attempt.started", "resting", {"agent_type": "writer"}),
        ("attempt.failed", "resting", {"reason": "failed", "error": "no"}),
        ("attempt.retry", "resting", {"agent_type": "writer"}),
        ("run.paused", None, {"why": "enough"}),
    )
    said = {task.id: task.status for task in build_result(plan_of(*tasks), "r", events).task_results}
    assert said == {name: fold(events).task(name).status for name in said}
    assert said["sealed"] == "in_progress" and said["resting"] == "pending"

"""A disputed test in a run: written anew before the next attempt, or refused; decided again after a crash, and the same in a replay (the fixture compares)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.codec import structure
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.errors import StoreError
from agent_dispatcher.models import (
    ArtifactRef,
    Dispute,
    Event,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    PlanPatch,
    Requirement,
    Specification,
    Task,
)
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.planning.revising import revise_all
from agent_dispatcher.reporting import build_result

DONE = AgentResult(status="done")
TEST = "tests/test_a.py::test_it"
SOUND = Dispute(test=TEST, quote="joined by single hyphens")


def plan() -> ExecutionPlan:
    """Tests that have landed before their subject begins."""
    specification = Specification(
        id="s", title="S", requirements=(Requirement(id="FR-1", text="Words are joined by single hyphens."),)
    )
    tests = Task(
        id="tests",
        title="Test it",
        type="testing",
        agent_type="worker",
        verifies=("code",),
        requirements=("FR-1",),
        produces=(ArtifactRef(type="path", name="tests/test_a.py"),),
    )
    code = Task(id="code", title="Write it", agent_type="worker", requirements=("FR-1",))
    return evolve(plan_tasks([tests, code], [("tests", "code")]), specification=specification)


def disputing(*disputes: Dispute) -> Any:
    """An agent that disputes in its first attempts at the code."""

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "code" and context.attempt <= len(disputes):
            return AgentResult(status="failed", error="disputes it", dispute=disputes[context.attempt - 1])
        return DONE

    return script


def result_of(world: Any) -> ExecutionResult:
    patches = [structure(event.data["patch"], PlanPatch) for event in of(world, "plan.patched")]
    return build_result(revise_all(plan(), patches), "r", world.events())


def of(world: Any, kind: str) -> list[Event]:
    return [event for event in world.events() if event.type == kind]


def completed(world: Any) -> list[str | None]:
    return [task for _, task in world.log("task.completed")]


def test_an_upheld_dispute_has_the_test_written_anew(world: Any) -> None:
    """The next attempt begins when the new test has landed; the reason stands in the record and in the result."""
    world.script = disputing(SOUND)
    assert asyncio.run(world.run(plan())) == "completed"
    assert completed(world) == ["tests", "tests-anew", "code"]
    assert world.contexts[-1].feedback == fold(world.events()).tasks["code"].feedback
    assert "what the tests demand now is what counts" in world.contexts[-1].feedback
    (failed,) = of(world, "attempt.failed")
    assert failed.data["dispute"] == {"test": TEST, "quote": SOUND.quote}
    (patched,) = of(world, "plan.patched")
    assert "the specification says “joined by single hyphens”" in patched.data["patch"]["why"]
    result = result_of(world)
    assert {task.id: task.added_by for task in result.task_results}["tests-anew"] == (
        f"attempt 1 of task code, which disputes {TEST}"
    )
    assert "task code disputes" in result.revisions[0].why


def test_who_rebuilds_finished_code_disputes_its_tests(world: Any) -> None:
    """The code is not begun again; what rebuilds it begins again when the new test has landed."""

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "again" and context.attempt == 1:
            return AgentResult(status="failed", error="disputes it", dispute=SOUND)
        return DONE

    world.script = script
    first = plan()
    again = Task(id="again", title="Rebuild it", type="refactoring", agent_type="worker", requirements=("FR-1",))
    edges = [("tests", "code"), ("code", "again")]
    both = evolve(plan_tasks([*first.tasks, again], edges), specification=first.specification)
    assert asyncio.run(world.run(both)) == "completed"
    assert completed(world) == ["tests", "code", "tests-anew", "again"]


@pytest.mark.parametrize(
    ("disputes", "why"),
    [
        ([Dispute(test=TEST, quote="joined by double hyphens")], "does not say “joined by double hyphens”"),
        ([SOUND, SOUND], "was disputed and written anew before"),
    ],
)
def test_one_that_does_not_hold_is_refused_with_the_reason(world: Any, disputes: list[Dispute], why: str) -> None:
    """A quotation that is not there, and a second dispute; the task goes on with the attempts it has."""
    world.script = disputing(*disputes)
    assert asyncio.run(world.run(plan())) == "completed"
    (refused,) = of(world, "patch.refused")
    assert why in refused.data["problems"][0]
    assert completed(world).count("tests-anew") == len(disputes) - 1
    result = result_of(world)
    assert any("which disputes" in text and why in text for text in result.warnings)


def test_a_dispute_that_was_recorded_is_decided_by_the_next_process(world: Any) -> None:
    """The log ends behind the attempt's end: resume decides about the dispute before the task is begun again."""
    world.script = disputing(SOUND)
    inner = world.store.append

    def dying(lease: Any, events: Any) -> int:
        ends = [place for place, event in enumerate(events) if event.type == "attempt.failed"]
        if ends:
            if not of(world, "attempt.failed"):
                inner(lease, events[: ends[0] + 1])
            raise StoreError("nothing is recorded from here on")
        return int(inner(lease, events))

    world.store.append = dying
    with pytest.raises(StoreError):
        asyncio.run(world.run(plan()))
    world.store.append = inner
    assert of(world, "attempt.failed") and not of(world, "plan.patched")
    world.script = None
    assert asyncio.run(world.run(plan())) == "completed"
    assert completed(world) == ["tests", "tests-anew", "code"]
    assert len(of(world, "plan.patched")) == 1


def test_the_last_attempt_cannot_dispute(world: Any) -> None:
    """A task that has failed for good is not waited for: nothing is added."""
    other = evolve(SOUND, quote="words are joined by")
    world.script = disputing(evolve(SOUND, quote="not there at all"), evolve(SOUND, quote="nor is this one"), other)
    assert asyncio.run(world.run(plan())) == "failed"
    assert len(of(world, "patch.refused")) == 3
    assert "task code is failed" in of(world, "patch.refused")[-1].data["problems"][0]
    assert completed(world) == ["tests"]


def test_what_an_agent_found_wrong_is_evidence(world: Any) -> None:
    """It did not pass and proves nothing, whatever the agent says of it; the requirement is not met, and says by what."""
    found = Evidence(id="x", check="review", passed=True, proof=True, summary="a.py:1: wrong", details={"findings": []})

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "code":
            return AgentResult(status="failed", permanent=True, error="no", evidence=(found,))
        return DONE

    world.script = script
    assert asyncio.run(world.run(plan())) == "failed"
    result = result_of(world)
    (evidence,) = {task.id: task for task in result.task_results}["code"].evidence
    assert (evidence.id, evidence.passed, evidence.proof, evidence.summary) == (
        "code-1-review",
        False,
        False,
        "a.py:1: wrong",
    )
    assert result.requirements[0].verdict == "not_met"
    assert "code-1-review" in result.requirements[0].evidence

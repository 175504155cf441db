"""Patches in a run: from agents with their work, from people through the store, and what survives the process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.codec import structure
from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.patches import Advice, patch_request
from agent_dispatcher.coordination.run_state import RunState, fold
from agent_dispatcher.coordination.state_manager import request
from agent_dispatcher.errors import Problem, StoreError
from agent_dispatcher.models import (
    DeclaredDependency,
    Dependency,
    Event,
    ExecutionPlan,
    PlanPatch,
    Requirement,
    Specification,
    Task,
    TaskPair,
)
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.planning.revising import revise_all
from agent_dispatcher.reporting import build_result

DONE = AgentResult(status="done")


def new(name: str, *before: str, **fields: Any) -> Task:
    depends_on = tuple(DeclaredDependency(task=each) for each in before)
    return Task(id=name, title=f"Task {name}", agent_type="worker", depends_on=depends_on, **fields)


def make(tasks: str, edges: str = "") -> ExecutionPlan:
    return plan_tasks([new(name) for name in tasks.split()], [tuple(edge.split(">")) for edge in edges.split()])


def proposing(task: str, patch: PlanPatch) -> Any:
    """An agent that proposes a patch with one task's work."""

    async def script(done: Task, context: AgentContext) -> AgentResult:
        return evolve(DONE, patch=patch) if done.id == task else DONE

    return script


def now(plan: ExecutionPlan, log: RunState) -> ExecutionPlan:
    """The plan as the log leaves it."""
    return revise_all(plan, [structure(data["patch"], PlanPatch) for data in log.patches])


def completed(world: Any) -> list[str | None]:
    return [task for _, task in world.log("task.completed")]


def of(world: Any, kind: str) -> list[Event]:
    return [event for event in world.events() if event.type == kind]


BEFORE_B = PlanPatch(why="b needs x", add=(new("x", "a"),), add_dependencies=(Dependency(before="x", after="b"),))


def test_an_agents_patch_counts_when_its_work_has_landed(world: Any) -> None:
    """It is recorded before the work is sealed, and in the plan before a dependent of the work begins."""
    world.script = proposing("a", BEFORE_B)
    assert asyncio.run(world.run(make("a b", "a>b"))) == "completed"
    assert completed(world) == ["a", "x", "b"]
    kinds = [event.type for event in world.events()]
    assert kinds.index("patch.proposed") < kinds.index("attempt.sealed")
    assert kinds.index("attempt.landed") < kinds.index("plan.patched")
    (patched,) = of(world, "plan.patched")
    assert (patched.data["by"], patched.data["task"], patched.data["revision"]) == ("attempt 1 of task a", "a", 1)


def test_a_patch_of_refused_work_does_not_count(world: Any, verdict: Any) -> None:
    """An attempt that checks refused takes its patch with it; that of the attempt which lands counts."""
    world.verdicts = {"a": [verdict(why="red"), verdict()]}

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id != "a":
            return DONE
        return evolve(DONE, patch=PlanPatch(add=(new(f"x{context.attempt}"),)))

    world.script = script
    assert asyncio.run(world.run(make("a"))) == "completed"
    assert completed(world) == ["a", "x2"]


def test_a_patch_of_an_earlier_attempt_does_not_count_later(world: Any, verdict: Any) -> None:
    """Neither when a later attempt lands that proposes nothing, nor when the run is resumed after that."""
    world.verdicts = {"a": [verdict(why="red"), verdict()]}

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if context.attempt == 2:
            world.coordinator.pause()
            return DONE
        return evolve(DONE, patch=PlanPatch(add=(new("x"),)))

    world.script = script
    plan = make("a b", "a>b")
    assert asyncio.run(world.run(plan)) == "paused"
    assert len(of(world, "patch.proposed")) == 1
    world.script = None
    assert asyncio.run(world.run(plan)) == "completed"
    assert completed(world) == ["a", "b"]
    assert not of(world, "plan.patched")


def test_plugins_see_the_plan_that_the_patch_before_left(world: Any) -> None:
    """Two requests of one moment are judged one after the other; what plugins choose and refuse holds."""
    seen: list[tuple[list[str], list[str], list[str]]] = []

    def advise(before: ExecutionPlan, after: ExecutionPlan, tasks: Any) -> Advice:
        seen.append(([one.id for one in before.tasks], [one.id for one in after.tasks], [one.id for one in tasks]))
        if any(task.id == "bad" for task in tasks):
            return Advice(problems=(Problem("nobody does that"),))
        return Advice(candidates={task.id: ("worker",) for task in tasks})

    world.advise = advise
    unassigned = evolve(new("x", "a"), agent_type=None)

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            request(world.store, "r", patch_request(PlanPatch(add=(unassigned,)), by="ann", name="1"))
            request(world.store, "r", patch_request(PlanPatch(add=(new("y", "x"),)), by="ann", name="2"))
            request(world.store, "r", patch_request(PlanPatch(add=(new("bad"),)), by="ann", name="3"))
            while len(fold(world.store.read("r")).answers) < 3:
                await asyncio.sleep(0.01)
        return DONE

    world.script = script
    assert asyncio.run(world.run(make("a"))) == "completed"
    assert seen == [
        (["a"], ["a", "x"], ["x"]),
        (["a", "x"], ["a", "x", "y"], ["y"]),
        (["a", "x", "y"], ["a", "x", "y", "bad"], ["bad"]),
    ]
    assert completed(world) == ["a", "x", "y"]
    log = fold(world.events())
    assert log.answers["3"]["problems"] == ["nobody does that"]
    assert now(make("a"), log).task("x").agent_type == "worker"


def test_what_was_known_of_changed_tasks_is_forgotten(world: Any) -> None:
    """A task that was tried and then removed, or re-routed, does not haunt the next process."""
    world.assignments = {"b": ("first", "second")}
    plan = evolve(make("a b c"), tasks=tuple(evolve(task, agent_type=None) for task in make("a b c").tasks))

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b":
            return AgentResult(status="declined", error="not mine")
        if task.id == "c":
            return AgentResult(status="failed", error="no")
        while not any(event.type == "task.failed" for event in world.store.read("r")):
            await asyncio.sleep(0.01)
        patch = PlanPatch(remove=("c",), reroute={"b": "third"})
        request(world.store, "r", patch_request(patch, by="ann", name="1"))
        world.coordinator.pause()
        while not fold(world.store.read("r")).answers:
            await asyncio.sleep(0.01)
        return DONE

    world.max_attempts = 1
    world.script = script
    assert asyncio.run(world.run(plan)) == "paused"
    log = fold(world.events())
    assert "revision" in log.answers["1"], log.answers
    assert set(log.tasks) == {"a", "b"} and (log.task("b").declined, log.task("b").agent_type) == (0, None)
    engine = Engine.restore(now(plan, log), log, candidates={"a": ("w",), "b": ("third",)})
    assert [one for one in engine.handle() if isinstance(one, t.Start)] == [t.Start("b", 3, "third")]


def test_a_refused_patch_costs_nothing_but_a_warning(world: Any) -> None:
    """The task itself is done all the same; the refusal is an event and a warning of the result."""
    plan = make("a b", "a>b")
    world.script = proposing("a", PlanPatch(remove=("b",)))
    assert asyncio.run(world.run(plan)) == "completed"
    (refused,) = of(world, "patch.refused")
    assert "an agent may not remove task b" in refused.data["problems"][0]
    result = build_result(plan, "r", world.events())
    assert "was refused: an agent may not remove task b" in result.warnings[-1]
    assert fold(world.events()).warnings == list(result.warnings)


def test_what_an_agent_calls_a_patch_must_be_one(world: Any) -> None:
    """Something else is a fault of the agent, and its attempt has failed."""
    world.max_attempts = 1

    async def script(task: Task, context: AgentContext) -> AgentResult:
        return AgentResult(status="done", patch={"add": []})  # type: ignore[arg-type]

    world.script = script
    assert asyncio.run(world.run(make("a"))) == "failed"
    assert "whose patch cannot be recorded" in of(world, "attempt.failed")[0].data["error"]


def test_a_person_patches_a_run_at_work(world: Any) -> None:
    """A request is decided once and answered under its name, also when it is refused or cannot be read."""

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            request(world.store, "r", patch_request(BEFORE_B, by="ann@here", name="one"))
            request(world.store, "r", patch_request(PlanPatch(remove=("q",)), by="ann@here", name="two"))
            request(world.store, "r", {"command": "patch", "patch": {"add": 3}, "by": "ann@here", "request": "three"})
            while len(fold(world.store.read("r")).answers) < 3:
                await asyncio.sleep(0.01)
        return DONE

    world.script = script
    assert asyncio.run(world.run(make("a b", "a>b"))) == "completed"
    assert completed(world) == ["a", "x", "b"]
    answers = fold(world.events()).answers
    assert answers["one"]["revision"] == 1
    assert "there is no task 'q'" in answers["two"]["problems"][0]
    assert "add" in answers["three"]["problems"][0]


def test_a_request_for_a_run_at_rest_waits_for_it(world: Any) -> None:
    """It is decided when the run goes on, before anything begins, and once however often the run is resumed."""
    plan = make("a b", "a>b")

    async def script(task: Task, context: AgentContext) -> AgentResult:
        world.coordinator.pause()
        return DONE

    world.script = script
    assert asyncio.run(world.run(plan)) == "paused"
    request(world.store, "r", patch_request(BEFORE_B, by="ann@here", name="one"))
    assert asyncio.run(world.run(plan)) == "paused"
    assert completed(world) == ["a", "x"]
    world.script = None
    assert asyncio.run(world.run(now(plan, fold(world.events())))) == "completed"
    assert completed(world) == ["a", "x", "b"]
    assert len(of(world, "plan.patched")) == 1 and not of(world, "patch.refused")


def test_a_plan_is_patched_before_it_is_approved(world: Any) -> None:
    """While the plan waits for a person it can be changed; nothing of it begins."""
    plan = make("a b", "a>b")
    world.approve_plan = True
    assert asyncio.run(world.run(plan)) == "paused"
    request(world.store, "r", patch_request(PlanPatch(remove=("b",)), by="ann@here", name="one"))
    assert asyncio.run(world.run(plan)) == "paused"
    assert [event.data["removed"] for event in of(world, "plan.patched")] == [["b"]]
    assert world.calls == []


def test_work_that_landed_unrecorded_still_brings_its_patch(world: Any) -> None:
    """The process ended between the landing and the record of it: the next one finds the work, and applies what came with it."""
    plan = make("a b", "a>b")
    world.script = proposing("a", BEFORE_B)
    inner = world.store.append

    def dying(lease: Any, events: Any) -> int:
        if any(event.type == "attempt.landed" for event in events):
            raise StoreError("nothing is recorded from here on")
        return int(inner(lease, events))

    world.store.append = dying
    with pytest.raises(StoreError):
        asyncio.run(world.run(plan))
    world.store.append = inner
    assert world.workspace.landed.keys() == {"a"} and not of(world, "plan.patched")
    world.script = None
    assert asyncio.run(world.run(plan)) == "completed"
    assert completed(world) == ["a", "x", "b"]
    assert len(of(world, "plan.patched")) == 1


def test_the_result_says_who_added_what(world: Any) -> None:
    """Tasks that came later are in the result with who brought them, requirements are judged by them, and removed ones only cost."""
    specification = Specification(id="s", title="s", requirements=(Requirement(id="R1", text="one"),))
    plan = evolve(make("a b c", "a>b b>c"), specification=specification)
    served = new("x", "a", requirements=("R1",))

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            patch = PlanPatch(why="b is not needed", remove=("b",))
            request(world.store, "r", patch_request(patch, by="ann@here", name="one"))
            while not fold(world.store.read("r")).answers:
                await asyncio.sleep(0.01)
            return evolve(DONE, patch=PlanPatch(why="more", add=(served,)), tokens=5)
        return evolve(DONE, tokens=1)

    world.script = script
    assert asyncio.run(world.run(plan)) == "completed"
    log = fold(world.events())
    result = build_result(now(plan, log), "r", world.events())
    assert [(task.id, task.status, task.added_by) for task in result.task_results] == [
        ("a", "completed", ""),
        ("c", "completed", ""),
        ("x", "completed", "attempt 1 of task a"),
    ]
    assert [(each.number, each.by, each.why, each.added, each.removed) for each in result.revisions] == [
        (1, "ann@here", "b is not needed", (), ("b",)),
        (2, "attempt 1 of task a", "more", ("x",), ()),
    ]
    assert [(each.verdict, each.tasks) for each in result.requirements] == [("not_checked", ("x",))]
    assert result.metrics.tokens == 7


def test_a_log_with_patches_gives_the_engine_back(world: Any) -> None:
    """The engine of the next process stands where the one before stood: same plan, same statuses, same limits."""
    plan = make("a b c d", "a>b b>c")

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            world.coordinator.pause()
            pair = TaskPair(before="b", after="c")
            patch = PlanPatch(add=(new("x", "a"),), remove_dependencies=(pair,))
            request(world.store, "r", patch_request(patch, by="ann@here", name="one"))
            while not fold(world.store.read("r")).answers:
                await asyncio.sleep(0.01)
        return DONE

    world.script = script
    assert asyncio.run(world.run(plan)) == "paused"
    log = fold(world.events())
    engine = Engine.restore(now(plan, log), log, concurrency=2)
    engine.handle()
    live = world.coordinator._engine
    assert engine.plan == live.plan
    assert {name: status for name, status in engine.statuses().items() if status == "completed"} == {
        name: status for name, status in live.statuses().items() if status == "completed"
    }


def test_the_patched_plan_is_told_to_whoever_goes_by_it(world: Any) -> None:
    """Agents and checks of new tasks see the new plan: it is told before the first of them begins."""
    seen: list[tuple[str, ...]] = []
    world.on_plan = lambda plan: seen.append(tuple(task.id for task in plan.tasks))

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "x":
            assert seen == [("a", "b", "x")]
        return evolve(DONE, patch=BEFORE_B) if task.id == "a" else DONE

    world.script = script
    assert asyncio.run(world.run(make("a b", "a>b"))) == "completed"
    assert seen == [("a", "b", "x")]

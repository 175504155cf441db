"""Work, and plans, that wait for a person: what is asked, what an answer does, and what survives the process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.approvals import approval, refusal
from agent_dispatcher.coordination.demand import Demand
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.coordination.state_manager import request
from agent_dispatcher.extension import Fail
from agent_dispatcher.models import Event, Evidence, ExecutionPlan, Task

DONE = AgentResult(status="done")


def reviewed(world: Any, plan: ExecutionPlan, *names: str) -> ExecutionPlan:
    """The plan with tasks of a type whose work a person approves."""
    world.approvals = frozenset({"reviewed"})
    tasks = tuple(evolve(task, type="reviewed") if task.id in names else task for task in plan.tasks)
    return evolve(plan, tasks=tasks)


def error_of(world: Any) -> str | None:
    return fold(world.events()).error


# --- the engine ------------------------------------------------------------------------------------------------------


def engine_of(plan: ExecutionPlan, **options: Any) -> Engine:
    return Engine(plan, candidates={task.id: ("w",) for task in plan.tasks}, **options)


def test_held_work_holds_nothing(plan_of: Any) -> None:
    """While work waits for a person, its agent's place, the lane and its exclusions go to others."""
    engine = engine_of(plan_of("a b", exclusions=("a b",)))
    engine.handle()
    assert engine.handle(t.AttemptSealed("a", 1)) == [t.Land("a", 1)]
    assert engine.handle(t.AttemptHeld("a", 1)) == [t.Start("b", 1, "w")]
    assert engine.status("a") == "in_progress"
    assert engine.handle(t.AttemptSealed("b", 1)) == [t.Land("b", 1)]


def test_run_is_paused_when_only_approvals_are_left(plan_of: Any) -> None:
    """The reason names the tasks; nothing that waits for them is given up."""
    engine = engine_of(plan_of("a b c", "a>c"), concurrency=3)
    engine.handle()
    engine.handle(t.AttemptSealed("a", 1))
    assert engine.handle(t.AttemptHeld("a", 1)) == []
    engine.handle(t.AttemptSealed("b", 1))
    assert engine.handle(t.AttemptHeld("b", 1)) == [t.Finish("paused", "waiting for approval of a, b")]
    assert engine.statuses() == {"a": "in_progress", "b": "in_progress", "c": "pending"}


def test_a_task_that_rests_keeps_the_run_going(plan_of: Any) -> None:
    """A further attempt that is due later is not given up for an approval."""
    engine = engine_of(plan_of("a b"), concurrency=2)
    engine.handle()
    engine.handle(t.AttemptFailed("b", 1, "x", delay_s=5.0), t.AttemptSealed("a", 1))
    assert engine.handle(t.AttemptHeld("a", 1)) == []
    assert engine.handle(t.RetryDue("b")) == [t.Start("b", 2, "w")]


def test_a_backend_that_does_not_answer_keeps_the_run_going(plan_of: Any) -> None:
    """What waits for a backend goes on by itself when that answers again: no person is waited for before."""
    engine = engine_of(plan_of("a b"), demand=Demand(backends={"w": "m"}))
    engine.handle()
    engine.handle(t.AttemptSealed("a", 1))
    engine.handle(t.CircuitChanged("m", "open"), t.AttemptFailed("b", 1, "gone", "raised", sort="outage"))
    assert engine.handle(t.AttemptHeld("a", 1)) == []
    assert engine.handle(t.CircuitChanged("m", "half_open")) == [t.Start("b", 2, "w")]
    engine.handle(t.AttemptSealed("b", 2))
    assert engine.handle(t.AttemptHeld("b", 2)) == [t.Finish("paused", "waiting for approval of a, b")]


def test_nothing_is_asked_for_after_the_end(plan_of: Any) -> None:
    """An answer that comes when the run is about to pause is for the next process."""
    engine = engine_of(plan_of("a"))
    engine.handle()
    engine.handle(t.AttemptSealed("a", 1))
    assert engine.handle(t.AttemptHeld("a", 1)) == [t.Finish("paused", "waiting for approval of a")]
    assert engine.handle(t.AttemptApproved("a", 1)) == []


def test_approved_work_goes_to_the_lane(plan_of: Any) -> None:
    """Approved once, it lands when the lane is free; an answer about another attempt changes nothing."""
    engine = engine_of(plan_of("a b"), concurrency=2)
    engine.handle()
    engine.handle(t.AttemptSealed("a", 1))
    engine.handle(t.AttemptHeld("a", 1))
    assert engine.handle(t.AttemptApproved("a", 2)) == []
    assert engine.handle(t.AttemptSealed("b", 1), t.AttemptApproved("a", 1)) == [t.Land("a", 1)]
    assert engine.handle(t.AttemptApproved("a", 1)) == []


def test_refused_work_is_tried_again_until_the_attempts_are_used_up(plan_of: Any) -> None:
    """A refusal counts as an attempt."""
    engine = engine_of(plan_of("a b"), concurrency=2, max_attempts=2)
    engine.handle()
    for attempt in (1, 2):
        engine.handle(t.AttemptSealed("a", attempt))
        engine.handle(t.AttemptHeld("a", attempt))
        out = engine.handle(t.AttemptRejected("a", attempt, "no"))
        if attempt == 1:
            assert out == [t.RetryAt("a", 2, 0.0, "w"), t.Start("a", 2, "w")]
    assert out == [t.TaskFailed("a", "attempt 2 of 2: no")]


def test_restored_work_waits_on(plan_of: Any) -> None:
    """After a restart the question stands; what was approved goes to the lane without being asked about again."""
    plan = plan_of("a b", exclusions=("a b",))
    log = [
        Event(run="r", type="run.started", at=0),
        Event(run="r", type="attempt.started", at=1, task="a", attempt=1),
        Event(run="r", type="attempt.sealed", at=2, task="a", attempt=1),
        Event(run="r", type="approval.requested", at=3, task="a", attempt=1, data={"what": "land"}),
    ]
    options: dict[str, Any] = {"candidates": {"a": ("w",), "b": ("w",)}}
    assert Engine.restore(plan, log, **options).handle() == [t.Start("b", 1, "w")]
    log.append(Event(run="r", type="approval.given", at=4, task="a", attempt=1))
    assert t.Land("a", 1) in Engine.restore(plan, log, **options).handle()


def test_cancelling_gives_up_what_waits(plan_of: Any) -> None:
    """Held work is given up with the run, and waits again when the run is taken up."""
    engine = engine_of(plan_of("a b"), concurrency=2)
    engine.handle()
    engine.handle(t.AttemptSealed("a", 1))
    engine.handle(t.AttemptHeld("a", 1))
    engine.handle(t.Stop("cancel", "enough"))
    out = engine.handle(t.AttemptFailed("b", 1, "ended", "cancelled"))
    assert out == [t.TaskCancelled("a", "enough"), t.TaskCancelled("b", "enough"), t.Finish("cancelled", "enough")]


# --- the coordinator --------------------------------------------------------------------------------------------------


def test_work_is_checked_before_anybody_is_asked(world: Any, plan_of: Any, verdict: Any) -> None:
    """The evidence is in the log with the question; the run is paused, resumable, and says who waits."""
    world.verdicts["a"] = [verdict(evidence=(Evidence(id="e", check="pytest", passed=True),))]
    plan = reviewed(world, plan_of("a b", "a>b"), "a")
    assert asyncio.run(world.run(plan)) == "paused"
    assert world.log()[2:] == [
        ("attempt.started", "a"),
        ("attempt.sealed", "a"),
        ("attempt.checked", "a"),
        ("approval.requested", "a"),
        ("run.paused", None),
    ]
    assert error_of(world) == "waiting for approval of a"
    assert world.workspace.landed == {}
    task = fold(world.events()).tasks["a"]
    assert (task.approval, task.asked["tip"], task.asked["tree"], task.asked["commit"]) == (
        "requested",
        "tip-0",
        "tree-a",
        "s-a",
    )


def test_approved_while_nobody_is_at_work(world: Any, plan_of: Any) -> None:
    """The next process takes the answer, lands the work on what it was checked on, and goes on; nothing is done again."""
    plan = reviewed(world, plan_of("a b", "a>b"), "a")
    asyncio.run(world.run(plan))
    request(world.store, "r", approval(by="ada", task="a", attempt=1, commit="s-a"))
    assert asyncio.run(world.run(plan)) == "completed"
    assert world.calls == ["a", "b"]
    assert world.passed_on == {"a": ("tip-0", "tree-a"), "b": None}
    given = [event for event in world.events() if event.type == "approval.given"]
    assert [(event.task, event.attempt, event.data["by"]) for event in given] == [("a", 1, "ada")]


def test_approval_survives_the_process_that_took_it(world: Any, plan_of: Any) -> None:
    """Approved, and then nobody was there to land it: the next process does, without asking again."""
    plan = reviewed(world, plan_of("a"), "a")
    asyncio.run(world.run(plan))
    state = world.open_state()
    state.append("approval.given", task="a", attempt=1, data={"by": "ada"})
    state.close()
    assert asyncio.run(world.run(plan)) == "completed"
    assert world.log("approval.requested") == [("approval.requested", "a")]
    assert world.passed_on == {"a": ("tip-0", "tree-a")}


def test_approved_while_the_run_is_live(world: Any, plan_of: Any) -> None:
    """Other work goes on meanwhile, and the run never pauses."""
    plan = reviewed(world, plan_of("a b"), "a")

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b":
            while ("approval.requested", "a") not in world.log():
                await asyncio.sleep(0.005)
            request(world.store, "r", approval(by="ada", task="a", attempt=1, commit="s-a"))
            while ("task.completed", "a") not in world.log():
                await asyncio.sleep(0.005)
        return DONE

    world.script = script
    assert asyncio.run(world.run(plan)) == "completed"
    assert ("run.paused", None) not in world.log()


def test_refused_work_is_done_again_with_the_reason(world: Any, plan_of: Any) -> None:
    """The next attempt is told why, and its work is asked about in turn."""
    plan = reviewed(world, plan_of("a"), "a")
    asyncio.run(world.run(plan))
    request(world.store, "r", refusal(by="ada", why="use the other table", task="a", attempt=1, commit="s-a"))
    assert asyncio.run(world.run(plan)) == "paused"
    assert [context.feedback for context in world.contexts] == ["", "use the other table"]
    assert world.log("approval.requested", "approval.refused", "attempt.rejected") == [
        ("approval.requested", "a"),
        ("approval.refused", "a"),
        ("attempt.rejected", "a"),
        ("approval.requested", "a"),
    ]
    request(world.store, "r", approval(by="ada", task="a", attempt=2, commit="s-a"))
    assert asyncio.run(world.run(plan)) == "completed"


def test_refusal_counts_and_policies_are_asked(world: Any, plan_of: Any) -> None:
    """With one attempt allowed a refusal ends the task; with more, a policy may end it too."""
    plan = reviewed(world, plan_of("a"), "a")
    world.max_attempts = 1
    asyncio.run(world.run(plan))
    request(world.store, "r", refusal(by="ada", why="no", task="a", attempt=1, commit="s-a"))
    assert asyncio.run(world.run(plan)) == "failed"
    assert fold(world.events()).tasks["a"].error == "attempt 1 of 1: refused by ada: no"


def test_policy_may_end_a_refused_task(world: Any, plan_of: Any) -> None:
    """``dispatcher_on_task_error`` is asked about a refusal as about every failure."""
    plan = reviewed(world, plan_of("a"), "a")
    world.on_task_error = lambda task, attempt, error, sort: Fail()
    asyncio.run(world.run(plan))
    request(world.store, "r", refusal(by="ada", why="no", task="a", attempt=1, commit="s-a"))
    assert asyncio.run(world.run(plan)) == "failed"


def test_an_answer_counts_once_and_only_for_its_attempt(world: Any, plan_of: Any) -> None:
    """Answers about earlier or later attempts, or given twice, change nothing, however often the run is taken up."""
    plan = reviewed(world, plan_of("a"), "a")
    asyncio.run(world.run(plan))
    for one in (
        approval(by="x", task="a", attempt=2, commit="s-a"),
        refusal(by="ada", why="no", task="a", attempt=1, commit="s-a"),
        approval(by="late", task="a", attempt=1, commit="s-a"),
        approval(by="x", task="z", attempt=1, commit="s-z"),
    ):
        request(world.store, "r", one)
    assert asyncio.run(world.run(plan)) == "paused"
    assert [kind for kind, _ in world.log() if kind.startswith("approval.")] == [
        "approval.requested",
        "approval.refused",
        "approval.requested",
    ]
    assert world.calls == ["a", "a"]


def test_work_that_checks_refuse_is_not_asked_about(world: Any, plan_of: Any, verdict: Any) -> None:
    """Nobody's time is taken for work that cannot land."""
    world.verdicts["a"] = [verdict(why="red"), verdict()]
    plan = reviewed(world, plan_of("a"), "a")
    assert asyncio.run(world.run(plan)) == "paused"
    assert world.log("attempt.rejected", "approval.requested") == [
        ("attempt.rejected", "a"),
        ("approval.requested", "a"),
    ]


def test_approved_work_that_no_longer_passes_is_rejected(world: Any, plan_of: Any, verdict: Any) -> None:
    """What moved meanwhile is checked again; approval does not replace that."""
    world.verdicts["a"] = [verdict(), verdict(why="red on the new tip")]
    world.max_attempts = 1
    plan = reviewed(world, plan_of("a"), "a")
    asyncio.run(world.run(plan))
    request(world.store, "r", approval(by="ada", task="a", attempt=1, commit="s-a"))
    assert asyncio.run(world.run(plan)) == "failed"


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_nothing_begins_before_the_plan_is_approved(world: Any, plan_of: Any) -> None:
    """The run exists and is paused; asked once, however often it is taken up."""
    world.approve_plan = True
    plan = plan_of("a b", "a>b")
    assert asyncio.run(world.run(plan)) == "paused"
    assert asyncio.run(world.run(plan)) == "paused"
    assert error_of(world) == "waiting for approval of the plan"
    assert [kind for kind, _ in world.log() if kind.startswith("approval.")] == ["approval.requested"]
    assert world.calls == []
    request(world.store, "r", approval(by="ada"))
    assert asyncio.run(world.run(plan)) == "completed"
    assert world.calls == ["a", "b"]


def test_a_refused_plan_is_cancelled(world: Any, plan_of: Any) -> None:
    """Nothing ran, and the log says who refused it and why."""
    world.approve_plan = True
    plan = plan_of("a")
    asyncio.run(world.run(plan))
    request(world.store, "r", refusal(by="ada", why="too large"))
    assert asyncio.run(world.run(plan)) == "cancelled"
    assert error_of(world) == "the plan was refused by ada: too large"
    assert world.calls == []


def test_a_refused_plan_is_asked_about_again(world: Any, plan_of: Any) -> None:
    """What a person decided can be taken back: a resume waits for another answer, the old one does not count again."""
    world.approve_plan = True
    plan = plan_of("a")
    asyncio.run(world.run(plan))
    request(world.store, "r", refusal(by="ada", why="too large"))
    assert asyncio.run(world.run(plan)) == "cancelled"
    assert asyncio.run(world.run(plan)) == "paused"
    assert error_of(world) == "waiting for approval of the plan"
    request(world.store, "r", approval(by="ada"))
    assert asyncio.run(world.run(plan)) == "completed"
    assert [kind for kind, _ in world.log() if kind.startswith("approval.")] == [
        "approval.requested",
        "approval.refused",
        "approval.requested",
        "approval.given",
    ]


@pytest.mark.parametrize("command", ["pause", "cancel"])
def test_earlier_requests_to_stop_do_not_last(world: Any, plan_of: Any, command: str) -> None:
    """What was asked of a process that is gone is not asked of its successor."""
    plan = reviewed(world, plan_of("a"), "a")
    asyncio.run(world.run(plan))
    request(world.store, "r", {"command": command})
    request(world.store, "r", approval(by="ada", task="a", attempt=1, commit="s-a"))
    assert asyncio.run(world.run(plan)) == "completed"

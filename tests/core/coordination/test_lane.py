"""The lane takes what waits, all at once where the workspace can stack."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.models import Task


def _hold_back_the_first(world: Any, others: int) -> None:
    """``a`` is sealed first, and its landing takes until the others are, too."""

    async def script(task: Task, context: AgentContext) -> AgentResult:
        while task.id != "a" and ("attempt.sealed", "a") not in world.log():
            await asyncio.sleep(0.005)
        return AgentResult(status="done", summary="done")

    async def on_land(task: Task) -> None:
        while task.id == "a" and len(world.log("attempt.sealed")) < others + 1:
            await asyncio.sleep(0.005)

    world.script, world.on_land = script, on_land


@pytest.mark.parametrize(
    ("max_batch", "batches"), [(1, []), (2, [["b", "c"], ["d", "e"]]), (8, [["b", "c", "d", "e"]])]
)
def test_what_waits_lands_together(world: Any, plan_of: Any, max_batch: int, batches: list[list[str]]) -> None:
    """One while there is little to do, then all that was sealed meanwhile, at most ``max_batch``; never, where the workspace does not stack."""
    world.max_batch, world.concurrency, world.workspace.stacks = max_batch, 5, True
    _hold_back_the_first(world, 4)
    assert asyncio.run(world.run(plan_of("a b c d e"))) == "completed"
    assert world.batches == batches
    assert sorted(task for _, task in world.log("task.completed")) == list("abcde")


def test_without_stacks_everything_lands_by_itself(world: Any, plan_of: Any) -> None:
    """A workspace that does not say that it stacks is given one change at a time, whatever is configured; the log says so."""
    world.max_batch, world.concurrency = 8, 5
    _hold_back_the_first(world, 4)
    assert asyncio.run(world.run(plan_of("a b c d e"))) == "completed"
    assert world.batches == []
    assert [event.data["max_batch"] for event in world.events() if event.type == "run.prepared"] == [1]


def test_what_a_person_approves_lands_by_itself(world: Any, plan_of: Any) -> None:
    """Of a batch only what nobody is asked about lands together; the rest is held."""
    world.max_batch, world.concurrency, world.workspace.stacks = 8, 5, True
    world.approvals = frozenset({"reviewed"})
    _hold_back_the_first(world, 4)
    plan = plan_of("a b c d e")
    plan = evolve(plan, tasks=tuple(evolve(task, type="reviewed") if task.id == "c" else task for task in plan.tasks))
    assert asyncio.run(world.run(plan)) == "paused"
    assert world.batches == [["b", "d", "e"]]
    assert world.log("approval.requested") == [("approval.requested", "c")]
    assert sorted(task for _, task in world.log("task.completed")) == list("abde")


def test_a_batch_that_does_not_end_is_broken_off(world: Any, plan_of: Any) -> None:
    """What of it had landed has landed, the rest is still sealed and lands in the next process; nothing is done again."""
    world.max_batch, world.concurrency, world.workspace.stacks, world.grace_s = 8, 5, True, 0.1
    stuck = asyncio.Event()
    _hold_back_the_first(world, 4)
    first = world.on_land

    async def on_land(task: Task) -> None:
        await first(task)
        if task.id == "c" and world.batches:
            stuck.set()
            await asyncio.sleep(60)

    async def interrupted() -> None:
        run = asyncio.create_task(world.run(plan_of("a b c d e")))
        await stuck.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    world.on_land = on_land
    asyncio.run(interrupted())
    assert sorted(task for _, task in world.log("landing.stopped")) == ["c", "d", "e"]
    assert sorted(task for _, task in world.log("task.completed")) == ["a", "b"]
    world.on_land = world.script = None
    assert asyncio.run(world.run(plan_of("a b c d e"))) == "completed"
    assert sorted(world.calls) == list("abcde")

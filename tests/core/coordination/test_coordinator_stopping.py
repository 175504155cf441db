"""Interrupted, cancelled, paused, out of time: how a run stops, and what the next process finds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.coordination.coordinator import Coordinator
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.coordination.state_manager import request
from agent_dispatcher.models import Event, Task

DONE = AgentResult(status="done")


async def _sleep(task: Task, context: AgentContext) -> AgentResult:
    await asyncio.sleep(60)
    return DONE


def test_interrupted_run_can_be_resumed(world: Any, plan_of: Any) -> None:
    """Cancelling the call ends the agents, leaves a paused log, and the next call does only what is left."""
    hold = True

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b" and hold:
            await asyncio.sleep(60)
        return DONE

    world.script, world.max_attempts = work, 1

    async def interrupted() -> None:
        job = asyncio.create_task(world.run(plan_of("a b c", "a>b b>c")))
        while "b" not in world.calls:
            await asyncio.sleep(0.01)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(interrupted())
    state = fold(world.events())
    assert (state.status, state.error) == ("paused", "interrupted")
    assert world.workspace.finished == []
    assert world.workspace.open_folders == set()
    hold = False
    assert asyncio.run(world.run(plan_of("a b c", "a>b b>c"))) == "completed"
    assert world.calls == ["a", "b", "b", "c"]


def test_sealing_is_not_interrupted(world: Any, plan_of: Any) -> None:
    """Work that is being sealed when the run is interrupted is sealed, recorded and landed by the next process, not done again."""
    world.workspace.seal_s = 0.1

    async def interrupted() -> None:
        job = asyncio.create_task(world.run(plan_of("a")))
        while not world.calls:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.03)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    asyncio.run(interrupted())
    assert world.log("attempt.sealed") == [("attempt.sealed", "a")]
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    assert world.calls == ["a"]


def test_cancelled_run_gives_up_what_is_left(world: Any, plan_of: Any) -> None:
    """A cancel request from another process ends the agents and the run; a resume takes the run up again."""
    world.script = _sleep

    async def cancelled() -> str:
        job = asyncio.create_task(world.run(plan_of("a b", "a>b")))
        while not world.calls:
            await asyncio.sleep(0.01)
        request(world.store, "r", {"command": "cancel"})
        return str(await job)

    assert asyncio.run(cancelled()) == "cancelled"
    state = fold(world.events())
    assert {name: task.status for name, task in state.tasks.items()} == {"a": "cancelled", "b": "cancelled"}
    assert state.finished["status"] == "cancelled"
    assert world.final_calls == []
    world.script = None
    assert asyncio.run(world.run(plan_of("a b", "a>b"))) == "completed"


def test_who_watches_may_cancel_at_the_very_start_of_an_attempt(
    world: Any, plan_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt ends before its agent began: nobody waits for a grace, and no agent is said not to have ended."""
    open_state = world.open_state

    def watched() -> Any:
        def see(events: Sequence[Event]) -> None:
            if any(event.type == "attempt.started" for event in events):
                world.coordinator.cancel()

        state = open_state()
        state.subscribe(see)
        return state

    monkeypatch.setattr(type(world), "open_state", lambda _: watched())
    world.grace_s = 60.0
    assert asyncio.run(asyncio.wait_for(world.run(plan_of("a b")), 10)) == "cancelled"
    errors = {event.task: event.data["error"] for event in world.events() if event.type == "attempt.failed"}
    assert errors == {"a": "cancelled before it began", "b": "cancelled before it began"}
    assert world.calls == []


def test_paused_run_lets_the_running_end(world: Any, plan_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause request lets agents in progress end and land, and starts nothing; resume does the rest once."""
    gate, told = asyncio.Event(), asyncio.Event()
    pause = Coordinator.pause

    def telling(coordinator: Coordinator, why: str = "paused on request") -> None:
        pause(coordinator, why)
        told.set()

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            await gate.wait()
        return DONE

    world.script = work
    monkeypatch.setattr(Coordinator, "pause", telling)

    async def paused() -> str:
        job = asyncio.create_task(world.run(plan_of("a b", "a>b")))
        while not world.calls:
            await asyncio.sleep(0.01)
        request(world.store, "r", {"command": "pause"})
        await asyncio.wait_for(told.wait(), 30)
        gate.set()
        return str(await job)

    assert asyncio.run(paused()) == "paused"
    assert fold(world.events()).status == "paused"
    assert world.log("task.completed") == [("task.completed", "a")]
    assert asyncio.run(world.run(plan_of("a b", "a>b"))) == "completed"
    assert world.calls == ["a", "b"]


def test_pause_before_the_run_begins(world: Any, plan_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coordinator that is told to pause before it began starts nothing."""
    begin = Coordinator.run

    async def paused_first(coordinator: Coordinator) -> str:
        coordinator.pause()
        return await begin(coordinator)

    monkeypatch.setattr(Coordinator, "run", paused_first)
    assert asyncio.run(world.run(plan_of("a"))) == "paused"
    assert world.calls == []


def test_run_that_takes_too_long(world: Any, plan_of: Any) -> None:
    """max_execution_time pauses the run, with the reason; the next process goes on with it, with a time of its own."""
    script, world.script, world.max_execution_time_s = world.script, _sleep, 0.1
    assert asyncio.run(world.run(plan_of("a b"))) == "paused"
    assert fold(world.events()).error == "max_execution_time of 0.1 s was reached"
    world.script, world.max_execution_time_s = script, 60.0
    assert asyncio.run(world.run(plan_of("a b"))) == "completed"


@pytest.mark.parametrize("tasks", ["a", "a b"])
def test_landing_that_does_not_end_is_broken_off(world: Any, plan_of: Any, tasks: str) -> None:
    """A landing gets its grace when the run is interrupted, also when more was sealed meanwhile; then the work stays sealed and lands with the next process."""
    forever = True
    world.concurrency = 1

    async def hang(task: Task) -> None:
        if forever:
            await asyncio.sleep(60)

    world.on_land = hang

    async def interrupted() -> None:
        job = asyncio.create_task(world.run(plan_of(tasks)))
        while (tasks[-1], 1) not in world.workspace.sealed:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(job, 30)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(interrupted())
    forever = False
    assert asyncio.run(world.run(plan_of(tasks))) == "completed"
    assert world.calls == tasks.split()

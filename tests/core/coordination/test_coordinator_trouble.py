"""When the owner is taken over, the store or the workspace fails, or log and workspace disagree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.errors import Fenced, StoreError, WorkspaceError
from agent_dispatcher.extension import Lease
from agent_dispatcher.models import Event, Evidence, Task

DONE = AgentResult(status="done")


def test_owner_that_was_taken_over_reports_nothing(world: Any, plan_of: Any, verdict: Any) -> None:
    """After a takeover the old owner neither records nor moves anything, and raises instead of returning a status."""
    world.verdicts["b"] = [verdict(evidence=(Evidence(id="e", check="pytest", passed=True),))]

    async def stolen(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b":
            world.store._owners.clear()
            world.store.acquire("r", "somebody else")
        return DONE

    world.script = stolen
    with pytest.raises(Fenced, match="taken over by somebody else"):
        asyncio.run(world.run(plan_of("a b", "a>b")))
    assert world.log("task.completed") == [("task.completed", "a")]
    assert list(world.workspace.landed) == ["a"]
    assert world.workspace.finished == []


def test_takeover_before_the_final_report_is_noticed(world: Any, plan_of: Any) -> None:
    """The lease is looked at again before the status is returned."""
    finish = world.workspace.finish

    async def stolen(status: str) -> str:
        world.store._owners.clear()
        world.store.acquire("r", "somebody else")
        return str(await finish(status))

    world.workspace.finish = stolen
    with pytest.raises(Fenced):
        asyncio.run(world.run(plan_of("a")))
    assert world.log("run.finished") == []


@pytest.mark.parametrize("nth", range(1, 9))
def test_store_that_fails_stops_the_run_resumable(world: Any, plan_of: Any, nth: int) -> None:
    """When the n-th write fails the run stops with that error; the next process completes it, each result recorded once."""
    append, count = world.store.append, 0

    def failing(lease: Lease, events: Sequence[Event]) -> int:
        nonlocal count
        count += 1
        if count == nth:
            raise StoreError("the disk is full")
        return int(append(lease, events))

    world.store.append = failing
    plan = plan_of("a b", "a>b")
    try:
        assert asyncio.run(world.run(plan)) == "completed"
    except StoreError as error:
        assert str(error) == "the disk is full"
        assert asyncio.run(world.run(plan)) == "completed"
    assert sorted(world.log("task.completed")) == [("task.completed", "a"), ("task.completed", "b")]
    assert len(world.calls) <= 3


def test_error_of_the_lane_stops_the_run(world: Any, plan_of: Any) -> None:
    """A workspace that cannot land stops the run with its error; the work stays sealed and lands with the next process."""

    async def broken(task: Task) -> None:
        raise WorkspaceError("the disk of the repository is full")

    world.on_land = broken
    with pytest.raises(WorkspaceError, match="the repository is full"):
        asyncio.run(world.run(plan_of("a b")))
    world.on_land = None
    assert asyncio.run(world.run(plan_of("a b"))) == "completed"
    assert sorted(world.calls) == ["a", "b"]


def test_work_landed_without_record_is_adopted(world: Any, plan_of: Any) -> None:
    """What the workspace holds and the log does not know is recorded on resume, and not done again."""
    plan = plan_of("a b c", "a>b b>c")
    asyncio.run(world.run(plan))
    for cut in range(1, len(world.events())):
        again = type(world)(workspace=world.workspace)
        again.store._events["r"] = [event for event in world.events() if event.seq <= cut]
        assert asyncio.run(again.run(plan)) == "completed", cut
        assert again.calls == [], cut
        for kind in ("attempt.landed", "task.completed"):
            assert sorted(again.log(kind)) == [(kind, name) for name in "abc"], cut


def test_branch_that_lost_landed_work_is_refused(world: Any, plan_of: Any) -> None:
    """A branch from which landed commits vanished is an error that names them."""
    plan = plan_of("a b", "a>b")
    asyncio.run(world.run(plan))
    again = type(world)()
    events = [event for event in world.events() if event.seq <= 5]
    events[0].data["branch"] = "dispatcher/r"
    again.store._events["r"] = events
    with pytest.raises(WorkspaceError, match=r"dispatcher/r no longer holds work that landed: a \(c-a\)"):
        asyncio.run(again.run(plan))

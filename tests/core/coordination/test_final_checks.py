"""What is asked of a run while its final checks go on: they can take as long as the whole suite of a repository."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field

from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.coordination.state_manager import request
from agent_dispatcher.errors import Fenced
from agent_dispatcher.models import Evidence


@define
class Checking:
    """A run that has got to its final checks, which end only when they are made to."""

    world: Any
    plan: Any
    at_work: bool = False
    _begun: asyncio.Event = field(factory=asyncio.Event)

    async def final(self, landed: frozenset[str]) -> tuple[Evidence, ...]:
        self.at_work = True
        self._begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.at_work = False
        return ()

    async def _until_told(self, tell: Callable[[asyncio.Task[str]], None]) -> tuple[Any, float]:
        job = asyncio.create_task(self.world.run(self.plan))
        await asyncio.wait_for(self._begun.wait(), 20)
        tell(job)
        began = time.monotonic()
        (outcome,) = await asyncio.wait_for(asyncio.gather(job, return_exceptions=True), 20)
        assert not self.at_work
        return outcome, time.monotonic() - began

    def told(self, tell: Callable[[asyncio.Task[str]], None]) -> Any:
        """What comes of the run when ``tell`` does something during its final checks; at once."""
        outcome, took_s = asyncio.run(self._until_told(tell))
        assert took_s < 15
        return outcome


@pytest.fixture
def checking(world: Any, plan_of: Any, monkeypatch: pytest.MonkeyPatch) -> Checking:
    checking = Checking(world, plan_of("a b", "a>b"))
    monkeypatch.setattr(type(world), "final", lambda _, landed: checking.final(landed))
    return checking


def goes_on(checking: Checking, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the next process only looks at the whole again, and completes the run."""
    monkeypatch.undo()
    world = checking.world
    world.max_execution_time_s = None
    status = asyncio.run(world.run(checking.plan))
    return (status, world.calls, len(world.final_calls)) == ("completed", ["a", "b"], 1)


def test_cancel_during_the_final_checks(checking: Checking, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks are ended, what landed stays, the run is cancelled; a resume looks at the whole again."""
    world = checking.world
    assert checking.told(lambda job: request(world.store, "r", {"command": "cancel"})) == "cancelled"
    state = fold(world.events())
    assert (state.status, state.error) == ("cancelled", "cancelled on request")
    assert world.workspace.finished == ["cancelled"]
    assert goes_on(checking, monkeypatch)


def test_the_time_of_the_run_is_over_during_the_final_checks(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``max_execution_time`` ends them: the run is paused with the reason."""
    checking.world.max_execution_time_s = 0.8
    assert checking.told(lambda job: None) == "paused"
    state = fold(checking.world.events())
    assert (state.status, state.error) == ("paused", "max_execution_time of 0.8 s was reached")
    assert checking.world.workspace.finished == []
    assert goes_on(checking, monkeypatch)


def test_the_call_is_cancelled_during_the_final_checks(checking: Checking, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second Ctrl-C: the log says that the run is paused, as at any other time."""
    assert isinstance(checking.told(lambda job: job.cancel() and None), asyncio.CancelledError)
    state = fold(checking.world.events())
    assert (state.status, state.error) == ("paused", "interrupted")
    assert goes_on(checking, monkeypatch)


def test_a_pause_lets_the_final_checks_end(world: Any, plan_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first Ctrl-C: what is in progress ends, and there is nothing else left."""

    async def final(landed: frozenset[str]) -> tuple[Evidence, ...]:
        request(world.store, "r", {"command": "pause"})
        await asyncio.sleep(0.2)
        return (Evidence(id="e", check="pytest", passed=True),)

    monkeypatch.setattr(type(world), "final", lambda _, landed: final(landed))
    assert asyncio.run(world.run(plan_of("a"))) == "completed"


def test_an_owner_that_was_taken_over_ends_its_final_checks(checking: Checking) -> None:
    """It learns so with the next renewal of its lease, and does not wait for what no longer counts."""

    def take_over(job: asyncio.Task[str]) -> None:
        checking.world.coordinator._break(Fenced("run r was taken over"))

    assert isinstance(checking.told(take_over), Fenced)

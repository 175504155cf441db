"""The local executor: agents that await, agents that block, and time limits for both."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent, SyncAgent
from agent_dispatcher.coordination.attempt import AttemptHost, Envelope
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.executors.hooks import local
from agent_dispatcher_builtins.executors.local import LocalExecutor

DONE = AgentResult(status="done")


def attempt(agent: Any, timeout_s: float = 5.0) -> AgentResult:
    host = AttemptHost(Task(id="t", title="t"), agent, None)  # type: ignore[arg-type]
    return asyncio.run(LocalExecutor().run(Envelope("r", "t", 1, "w", timeout_s), host))


def test_awaiting_agent_runs_on_the_loop() -> None:
    """An agent that awaits runs on the dispatcher's loop, in its thread."""
    seen: list[threading.Thread] = []

    class Here(BaseAgent):
        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            seen.append(threading.current_thread())
            return DONE

    assert attempt(Here()) is DONE
    assert seen == [threading.current_thread()]


def test_blocking_agent_runs_in_a_daemon_thread() -> None:
    """An agent that blocks has a thread that cannot keep the interpreter from ending."""
    seen: list[threading.Thread] = []

    class There(SyncAgent):
        def execute(self, task: Task, context: AgentContext) -> AgentResult:
            seen.append(threading.current_thread())
            return DONE

    assert attempt(There()) is DONE
    assert seen[0] is not threading.current_thread()
    assert seen[0].daemon
    assert seen[0].name == "w:t"


@pytest.mark.parametrize("error", [ValueError("x"), StopIteration("x"), SystemExit(2)])
def test_error_of_a_blocking_agent_comes_through(error: BaseException) -> None:
    """What a blocking agent raises is raised, whatever it is."""

    class Raising(SyncAgent):
        def execute(self, task: Task, context: AgentContext) -> AgentResult:
            raise error

    with pytest.raises((ValueError, RuntimeError, SystemExit), match=r"x|2"):
        attempt(Raising())


def test_both_kinds_end_at_their_time() -> None:
    """After timeout_s the attempt is over, whether the agent awaits or blocks."""
    hold = threading.Event()

    class Forever(BaseAgent):
        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            await asyncio.sleep(60)
            return DONE

    class Stuck(SyncAgent):
        def execute(self, task: Task, context: AgentContext) -> AgentResult:
            hold.wait(20)
            return DONE

    for agent in (Forever(), Stuck()):
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            attempt(agent, 0.05)
        assert time.monotonic() - begun < 15
    hold.set()


def test_plugin_offers_it() -> None:
    """The plugin's factory makes the executor."""
    (offer,) = local.dispatcher_executors()
    assert isinstance(offer.factory(None, None), LocalExecutor)  # type: ignore[arg-type]
